// SPDX-License-Identifier: MIT
#include "port/xsk.h"

#include <fmt/format.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace fulcrum {
namespace {

constexpr int kKicks = 64;      // copy mode moves 32 descriptors a call
constexpr int kBusyTries = 20;  // a queue just given up is busy for a moment
constexpr auto kBusyPause = std::chrono::milliseconds(50);

}  // namespace

Result<std::unique_ptr<XskUmem>> XskUmem::open(const Umem& umem) {
  std::unique_ptr<XskUmem> u(new XskUmem);
  xsk_umem_config c{};
  c.fill_size = kRingDescs * 2;
  c.comp_size = kRingDescs;
  c.frame_size = umem.frame_bytes();
  int err = xsk_umem__create(&u->umem_, umem.base(), umem.bytes(), &u->fill_, &u->comp_, &c);
  if (err)
    return Error{
        fmt::format("umem: the kernel refuses it: {}: run as root, and check `ulimit -l`", std::strerror(-err))};
  return u;
}

XskUmem::~XskUmem() {
  if (umem_) xsk_umem__delete(umem_);
}

Result<std::unique_ptr<XskQueue>> XskQueue::open(XskUmem& umem, const Config& config) {
  std::unique_ptr<XskQueue> q(new XskQueue);
  q->config_ = config;
  if (auto ok = q->open_first(umem); !ok) return ok.error();
  for (unsigned r = 1; r < config.rx_rings; ++r)
    if (auto ok = q->open_another(r); !ok) return ok.error();
  q->read_mode();
  return q;
}

Result<void> XskQueue::open_first(XskUmem& umem) {
  xsk_socket_config c{};
  c.rx_size = kRingDescs;
  c.tx_size = kRingDescs;
  c.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
  c.bind_flags = static_cast<__u16>((config_.zerocopy ? XDP_ZEROCOPY : XDP_COPY) | XDP_USE_NEED_WAKEUP);
  int err = 0;
  for (int i = 0; i < kBusyTries; ++i) {
    err = xsk_socket__create_shared(&first_, config_.ifname.c_str(), config_.queue, umem.get(),
                                    config_.rx_rings ? &rings_[0].rx : nullptr, &tx_, &fill_, &comp_, &c);
    if (err != -EBUSY) break;
    std::this_thread::sleep_for(kBusyPause);
  }
  if (err) {
    first_ = nullptr;
    return refused(-err);
  }
  rings_[0].fd = xsk_socket__fd(first_);
  return {};
}

// libxdp shares a UMEM only through its first socket, the kernel wants one of the
// same queue. So further rings of a queue are made here, without fill and TX rings.
Result<void> XskQueue::open_another(unsigned ring) {
  Ring& r = rings_[ring];
  r.fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
  const int descs = kRingDescs;
  xdp_mmap_offsets off{};
  socklen_t len = sizeof(off);
  if (r.fd < 0 || setsockopt(r.fd, SOL_XDP, XDP_RX_RING, &descs, sizeof(descs)) ||
      getsockopt(r.fd, SOL_XDP, XDP_MMAP_OFFSETS, &off, &len))
    return refused(errno);
  r.bytes = off.rx.desc + kRingDescs * sizeof(xdp_desc);
  void* m = mmap(nullptr, r.bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r.fd, XDP_PGOFF_RX_RING);
  if (m == MAP_FAILED) return refused(errno);
  r.memory = m;
  auto at = [&](std::uint64_t o) { return reinterpret_cast<__u32*>(static_cast<char*>(m) + o); };
  r.rx.size = kRingDescs;
  r.rx.mask = kRingDescs - 1;
  r.rx.producer = at(off.rx.producer);
  r.rx.consumer = at(off.rx.consumer);
  r.rx.flags = at(off.rx.flags);
  r.rx.ring = static_cast<char*>(m) + off.rx.desc;
  r.rx.cached_prod = *r.rx.producer;
  r.rx.cached_cons = *r.rx.consumer;
  sockaddr_xdp a{};
  a.sxdp_family = AF_XDP;
  a.sxdp_flags = XDP_SHARED_UMEM;
  a.sxdp_ifindex = if_nametoindex(config_.ifname.c_str());
  a.sxdp_queue_id = config_.queue;
  a.sxdp_shared_umem_fd = static_cast<__u32>(rings_[0].fd);
  if (bind(r.fd, reinterpret_cast<sockaddr*>(&a), sizeof(a))) return refused(errno);
  return {};
}

Error XskQueue::refused(int err) const {
  if (err == EBUSY)
    return Error{
        fmt::format("port {}: queue {} belongs to another AF_XDP program: stop it first "
                    "(bpftool map dump pinned {}/fu1_sock names the process if it is a Fulcrum helper)",
                    config_.ifname, config_.queue, FULCRUM_PIN_DIR)};
  if (config_.zerocopy && (err == EOPNOTSUPP || err == EINVAL))
    return Error{fmt::format("port {}: its driver has no zero-copy for AF_XDP", config_.ifname)};
  return Error{
      fmt::format("port {}: AF_XDP socket on queue {} ({} mode): {}: {}", config_.ifname, config_.queue,
                  config_.zerocopy ? "zero-copy" : "copy", std::strerror(err),
                  err == EPERM ? "run as root (CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF)" : "see `fulcrum doctor`")};
}

void XskQueue::read_mode() {
  xdp_options o{};
  socklen_t len = sizeof(o);
  mode_ = FULCRUM_XSK_COPY;
  if (getsockopt(fd(0), SOL_XDP, XDP_OPTIONS, &o, &len) == 0 && (o.flags & XDP_OPTIONS_ZEROCOPY))
    mode_ = FULCRUM_XSK_ZEROCOPY;
  else if (config_.generic)
    mode_ = FULCRUM_XSK_GENERIC;
}

XskQueue::~XskQueue() {
  for (unsigned i = FULCRUM_RINGS; i-- > 1;) {
    if (rings_[i].memory) munmap(rings_[i].memory, rings_[i].bytes);
    if (rings_[i].fd >= 0) close(rings_[i].fd);
  }
  if (first_) xsk_socket__delete(first_);
}

void XskQueue::refill(FramePool& pool, std::uint32_t keep) noexcept {
  if (pool.size() <= keep) return;
  const std::uint32_t posted = fill_occupancy();
  if (posted >= config_.fill_target) return;
  std::uint32_t want = std::min(pool.size() - keep, config_.fill_target - posted), at;
  want = std::min(want, xsk_prod_nb_free(&fill_, want));
  if (!want || xsk_ring_prod__reserve(&fill_, want, &at) != want) return;
  for (std::uint32_t i = 0; i < want; ++i) *xsk_ring_prod__fill_addr(&fill_, at + i) = pool.take();
  xsk_ring_prod__submit(&fill_, want);
}

void XskQueue::wake_rx(unsigned ring) noexcept { recvfrom(fd(ring), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr); }

void XskQueue::reap(FramePool& pool) noexcept {
  std::uint32_t at, n = xsk_ring_cons__peek(&comp_, kRingDescs, &at);
  for (std::uint32_t i = 0; i < n; ++i) pool.put(*xsk_ring_cons__comp_addr(&comp_, at + i));
  if (n) xsk_ring_cons__release(&comp_, n);
  tx_done_ += n;
}

bool XskQueue::tx_drained() const noexcept {
  return __atomic_load_n(tx_.consumer, __ATOMIC_ACQUIRE) == __atomic_load_n(tx_.producer, __ATOMIC_RELAXED);
}

bool XskQueue::kick(FramePool& pool) noexcept {
  for (int i = 0; i < kKicks; ++i) {
    if (mode_ == FULCRUM_XSK_ZEROCOPY && !xsk_ring_prod__needs_wakeup(&tx_)) return true;
    long r = sendto(fd(0), nullptr, 0, MSG_DONTWAIT, nullptr, 0);
    if (r >= 0 && (mode_ == FULCRUM_XSK_ZEROCOPY || tx_drained())) return true;
    if (r < 0 && errno != EAGAIN && errno != EBUSY && errno != ENOBUFS) return false;
    reap(pool);
  }
  return tx_drained();
}

XskStats XskQueue::stats() const {
  XskStats sum;
  for (const Ring& r : rings_) {
    xdp_statistics s{};
    socklen_t len = sizeof(s);
    if (r.fd < 0 || getsockopt(r.fd, SOL_XDP, XDP_STATISTICS, &s, &len)) continue;
    sum.rx_dropped += s.rx_dropped;
    sum.rx_ring_full += s.rx_ring_full;
    sum.fill_ring_empty += s.rx_fill_ring_empty_descs;
  }
  return sum;
}

const char* name_of(fulcrum_xsk_mode mode) {
  switch (mode) {
    case FULCRUM_XSK_ZEROCOPY:
      return "zero-copy";
    case FULCRUM_XSK_COPY:
      return "copy";
    case FULCRUM_XSK_GENERIC:
      return "generic";
    default:
      return "none";
  }
}

}  // namespace fulcrum
