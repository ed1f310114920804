// SPDX-License-Identifier: MIT
// runtime.cc - opening: pipeline -> ports, memory, sockets, workers. See runtime_run.cc for the rest.
#include "runtime.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/cpu.h"
#include "base/log.h"
#include "device/backends.h"
#include "port/pins.h"

namespace fulcrum {
namespace {

constexpr std::uint32_t kSpareFrames = 256 + kMadeFrames;  // a worker: probes, frames a TX ring holds, packets added
constexpr std::uint32_t kCopyFill = 1024;                  // frames posted a ring, copy mode; also its credit
constexpr std::uint32_t kSmallFrameMtu = 1500;             // what fits 2048-byte frames with two tags

Idle idle_of(IdleMode m) {
  return m == IdleMode::kSpin ? Idle::kSpin : m == IdleMode::kPowersave ? Idle::kPowersave : Idle::kAdaptive;
}

}  // namespace

Runtime::Runtime(const HelperConfig& config)
    : config_(config), supervisor_([](const DeviceConfig& c) { return open_device(device_spec(c)); }) {}

Result<std::unique_ptr<Runtime>> Runtime::open(const HelperConfig& config, const Config& pipeline,
                                               const Registry& registry) {
  std::unique_ptr<Runtime> r(new Runtime(config));
  r->pipeline_ = std::make_shared<RunningPipeline>(pipeline);
  auto routes = NetlinkRoutes::open();
  if (!routes) return routes.error();
  r->routes_ = std::move(*routes);
  if (auto ok = r->plan(registry); !ok) return ok.error();
  if (auto ok = r->find_maps(); !ok) return ok.error();
  if (auto ok = r->open_devices(); !ok) return ok.error();
  if (auto ok = r->open_memory(); !ok) return ok.error();
  if (auto ok = r->open_sockets(); !ok) return ok.error();
  if (auto ok = r->open_workers(registry); !ok) return ok.error();
  if (auto ok = r->open_inline(); !ok) return ok.error();
  r->ports_.freeze();
  return r;
}

Result<void> Runtime::build_part(const Registry& registry, unsigned worker) {
  Diagnostics diag;
  diag.set_source(pipeline_->config.file_name, pipeline_->config.source);
  RunningPipeline::Site site{ports_, reasons_, routes_.get(), nullptr};
  return pipeline_->build_part(site, registry, worker, diag) ? Result<void>() : Error{diag.text()};
}

// The first worker's graph tells which ports there are.
Result<void> Runtime::plan(const Registry& registry) {
  if (auto ok = build_part(registry, 0); !ok) return ok;
  // A route may lead out of any interface, whether the pipeline names it or not.
  if (pipeline_->setups.back()->asked_routes()) ports_.add_routable();
  unsigned queues = 0;
  for (const SourcePort& s : pipeline_->graph().sources()) {
    PortState& p = ports_[s.port];
    p.receives = p.in_use = true;
    p.source = s;
    queues = std::max(queues, p.link.queues);
  }
  const unsigned cpus = std::max<std::size_t>(1, config_.cpus.empty() ? allowed_cpus().size() : config_.cpus.size());
  worker_count_ = config_.workers ? config_.workers : std::min(queues, cpus);
  if (worker_count_ > queues) worker_count_ = std::max(1u, queues);
  return {};
}

Result<void> Runtime::find_maps() {
  for (auto& p : ports_) {
    if (!p->receives) continue;
    if (maps_) {
      if (auto ok = maps_->check_same(p->link, config_.pin_dir); !ok) return ok;
      continue;
    }
    if (p->link.xdp == XdpAttach::kNone)
      if (const auto stale = stale_pins(config_.bpf_dir + "/steer.bpf.o", config_.pin_dir); !stale.empty())
        return Error{
            fmt::format("port {}: no XDP program attached, and none can be: {}: run `fulcrum unpin` first, then "
                        "`fulcrum port attach {}`",
                        p->link.name, stale[0].text, p->link.name)};
    auto m = FrontMaps::open(p->link, config_.pin_dir);
    if (!m) return m.error();
    maps_ = std::move(*m);
  }
  return {};
}

int Runtime::worker_cpu(unsigned worker) {
  if (!config_.cpus.empty()) return static_cast<int>(config_.cpus[worker % config_.cpus.size()]);
  const std::vector<int> near = cpus_near_ports();
  return near[worker % near.size()];
}

// Where a device's threads do not take turns with workers, if there is such a CPU.
std::vector<int> Runtime::cpus_beside_workers(const std::string& device) {
  std::vector<int> cpus = allowed_cpus();
  const int last = cpus.back();
  for (unsigned w = 0; w < worker_count_; ++w) std::erase(cpus, worker_cpu(w));
  if (!cpus.empty()) return cpus;
  notes_.push_back(
      fmt::format("device {}: every CPU has a worker, it shares CPU {}: give fewer workers or its cpus", device, last));
  return {last};
}

// Also where this pipeline has nothing for them: the next one may.
Result<void> Runtime::open_devices() {
  if (config_.devices.size() + 1 > FULCRUM_RINGS)
    return Error{fmt::format("device {}: a port has rings for {} devices: remove one from the configuration",
                             config_.devices.back().name, FULCRUM_RINGS - 1)};
  for (DeviceConfig& c : config_.devices) {
    if (!c.cpus.empty()) continue;
    const std::vector<int> cpus = cpus_beside_workers(c.name);
    c.cpus.assign(cpus.begin(), cpus.end());
  }
  supervisor_.open_all(config_.devices, pipeline_->graph().chains(), notes_);
  rings_ = 1 + static_cast<unsigned>(devices().size());
  return {};
}

Result<void> Runtime::open_memory() {
  std::uint32_t frames = worker_count_ * kSpareFrames, mtu = 0;
  for (auto& p : ports_) {
    if (p->receives) frames += p->link.queues * config_.frames_per_queue;
    if (p->named) mtu = std::max(mtu, p->link.mtu_bytes);
  }
  const std::uint32_t frame_bytes = config_.frame_bytes ? config_.frame_bytes : mtu > kSmallFrameMtu ? 4096 : 2048;
  auto u = Umem::open(config_.umem, frames, frame_bytes);
  if (!u) return u.error();
  umem_ = std::move(*u);
  frames_total_ = frames;
  if (!umem_->note().empty()) notes_.push_back(umem_->note());
  return {};
}

FramePool Runtime::take_frames(std::uint32_t count) {
  FramePool pool(count, umem_->frame_bytes());
  for (std::uint32_t i = 0; i < count; ++i) pool.put(std::uint64_t{frames_given_ + i} * umem_->frame_bytes());
  frames_given_ += count;
  return pool;
}

// Zero-copy or not holds for the whole UMEM: its first socket decides.
Result<void> Runtime::open_sockets() {
  const bool native = std::all_of(ports_.begin(), ports_.end(),
                                  [](const auto& p) { return !p->receives || p->link.xdp != XdpAttach::kGeneric; });
  if (native) {
    auto zc = open_sockets_in(true);
    if (zc) return zc;
    notes_.push_back(zc.error().text + ": copy mode is used");
    queues_.clear();
    xsk_umem_.reset();
  }
  return open_sockets_in(false);
}

Result<void> Runtime::open_sockets_in(bool zerocopy) {
  auto u = XskUmem::open(*umem_);
  if (!u) return u.error();
  xsk_umem_ = std::move(*u);
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    PortState& p = ports_[i];
    p.modes.clear();
    // A port that only sends needs one queue a worker, as far as it has them.
    const unsigned n = p.receives ? p.link.queues : std::min(worker_count_, p.link.queues);
    for (unsigned q = 0; q < n; ++q) {
      XskQueue::Config c;
      c.ifname = p.link.name;
      c.queue = q;
      c.rx_rings = p.receives ? rings_ : 0;
      c.zerocopy = zerocopy;
      c.generic = p.link.xdp == XdpAttach::kGeneric;
      // A NIC needs frames for its own ring too; by copy only what arrives between
      // two turns, and few frames stay in the caches of both cores.
      c.fill_target = zerocopy ? 2 * kRingDescs : rings_ * kCopyFill;
      if (!p.named && zerocopy) break;  // would take queues of a driver that nobody gave us
      auto x = XskQueue::open(*xsk_umem_, c);
      if (!x && !p.named) break;
      if (!x) return x.error();
      p.modes.push_back((*x)->mode());
      queues_.push_back({static_cast<std::uint16_t>(i), q, q % worker_count_, p.receives, std::move(*x)});
    }
  }
  return {};
}

// CPUs of the first port's NUMA node come first.
std::vector<int> Runtime::cpus_near_ports() {
  std::vector<int> cpus = allowed_cpus();
  for (auto& p : ports_) {
    if (!p->receives || p->link.numa_node < 0) continue;
    std::stable_partition(cpus.begin(), cpus.end(), [&](int c) { return numa_node_of(c) == p->link.numa_node; });
    break;
  }
  return cpus;
}

Result<void> Runtime::open_workers(const Registry& registry) {
  for (unsigned w = 0; w < worker_count_; ++w) {
    if (w > 0)
      if (auto ok = build_part(registry, w); !ok) return ok;
    std::uint32_t frames = kSpareFrames;
    for (auto& q : queues_)
      if (q.worker == w && q.receives) frames += config_.frames_per_queue;
    Worker::Config c;
    c.index = w;
    c.cpu = worker_cpu(w);
    c.idle = idle_of(config_.idle);
    c.spin_ns = std::uint64_t{config_.spin_us} * 1000;
    c.beat_limit_ns = std::uint64_t{config_.beat_limit_ms} * 1'000'000;
    c.batch_packets = config_.batch_packets;
    c.no_source = reasons_.id("no_from_port");
    workers_.push_back(std::make_unique<Worker>(c, *umem_, take_frames(frames), *pipeline_->workers[w]));
  }
  supervisor_.set_frames({umem_->base(), std::uint64_t{frames_total_} * umem_->frame_bytes()});
  if (auto ok = supervisor_.equip(*pipeline_, false, notes_); !ok) return ok;
  supervisor_.connect(pipeline_, workers_);
  for (auto& w : workers_) {
    std::vector<XskQueue*> tx(ports_.size(), nullptr);
    for (auto& q : queues_)
      if (q.worker == w->config().index && !tx[q.port]) tx[q.port] = q.xsk.get();
    if (auto ok = open_return(*w, tx); !ok) return ok;
  }
  return connect_sockets();
}

// Live frames hand packets to the stack behind a driver's XDP, but in front of
// generic XDP, which would steer them back here for ever.
Result<void> Runtime::open_taps(ReturnPath& out) {
  taps_.resize(ports_.size());
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const PortState& p = ports_[i];
    if (!p.receives || (out.has_live() && p.link.xdp != XdpAttach::kGeneric)) continue;
    if (!taps_[i]) {
      auto t = Tap::open(p.link.mac);
      if (!t) return t.error();
      taps_[i] = std::move(*t);
      notes_.push_back(
          fmt::format("port {}: packets for the kernel arrive on {} instead", p.link.name, taps_[i]->name()));
    }
    out.set_tap(p.link.ifindex, taps_[i].get());
  }
  return {};
}

Result<void> Runtime::open_return(Worker& w, std::vector<XskQueue*>& tx) {
  std::unique_ptr<Live> live;
  if (config_.return_way != ReturnWay::kTap) {
    auto l = Live::open(*umem_);
    if (l) {
      live = std::move(*l);
      if (!live->note().empty()) notes_.push_back(live->note());
    } else {
      notes_.push_back(l.error().text);
      if (config_.return_way == ReturnWay::kLive) return l.error();
    }
  }
  auto out = std::make_unique<ReturnPath>(*umem_, w.pool(), std::move(live));
  if (auto ok = open_taps(*out); !ok) return ok;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    auto p = std::make_unique<OutPort>();
    p->name = ports_[i].link.name;
    p->ifindex = ports_[i].link.ifindex;
    p->mac = ports_[i].link.mac;
    p->queue = tx[i];
    p->live_ok = out->has_live();
    if (config_.probe) out->measure(*p);
    if (config_.return_way == ReturnWay::kRing && p->queue) p->forced = true, p->forced_way = Way::kRing;
    if (config_.return_way == ReturnWay::kLive) p->forced = true, p->forced_way = Way::kLive;
    ports_[i].usable = ports_[i].named || p->live_ok;
    if (!ports_[i].named) p->note.clear();
    if (ports_[i].named && !p->live_ok && !p->queue)
      return Error{
          fmt::format("port {}: worker {} has no way to send: {}, and the port has fewer queues ({}) than there "
                      "are workers: --set workers.count={}",
                      p->name, w.config().index, p->note, ports_[i].link.queues, ports_[i].link.queues)};
    if (!p->note.empty()) notes_.push_back(fmt::format("port {}: {}; the TX ring is used", p->name, p->note));
    out->add_port(std::move(p));
  }
  w.set_return(std::move(out));
  return {};
}

// Gives the sockets to their workers and to XDP.
Result<void> Runtime::connect_sockets() {
  connected_ = true;
  const std::uint32_t capacity = std::min<std::uint32_t>(kRingDescs, config_.frames_per_queue / (rings_ + 1));
  for (auto& q : queues_) {
    Worker& w = *workers_[q.worker];
    if (!q.receives) {
      w.add_tx_queue(std::move(q.xsk));
      continue;
    }
    PortState& p = ports_[q.port];
    auto slot = maps_->claim_slot(p.link.ifindex, q.queue);
    if (!slot) return slot.error();
    p.slots.push_back(*slot);
    const bool passes_by = p.source.on_helper_loss != FULCRUM_LOSS_DROP;
    RxQueue::Info info{q.port, p.link.ifindex, q.queue, *slot, rings_, passes_by};
    auto rx = std::make_unique<RxQueue>(*umem_, *maps_, *q.xsk, info, capacity, q.xsk->fill_target() / rings_);
    for (unsigned r = 0; r < rings_; ++r) {
      if (auto ok = maps_->write_xsk(*slot, r, q.xsk->fd(r)); !ok) return ok;
      fulcrum_sock s{};
      s.pid = static_cast<__u32>(getpid());
      s.tier = static_cast<fulcrum_tier>(FULCRUM_RING_TIER(r));
      s.mode = q.xsk->mode();
      s.need_wakeup = 1;
      s.rx_ring_descs = kRingDescs;
      s.frame_bytes = umem_->frame_bytes();
      (r == 0 ? std::string("cpu") : devices()[r - 1].config.name).copy(s.device, sizeof(s.device) - 1);
      if (auto ok = maps_->write_sock({p.link.ifindex, static_cast<__u16>(q.queue), static_cast<__u16>(r)}, s); !ok)
        return ok;
    }
    w.add_queue(std::move(q.xsk), std::move(rx));
  }
  queues_.clear();
  return {};
}

}  // namespace fulcrum
