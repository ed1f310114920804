// SPDX-License-Identifier: MIT
// worker.cc - one pinned thread: receive, pipeline, device tasks, return.
#include "worker.h"

#include <immintrin.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "base/clock.h"

namespace fulcrum {
namespace {

constexpr unsigned kRounds = 4;  // batches a ring and turn: one full burst
constexpr int kNice = -20;
constexpr std::uint64_t kBeatEveryNs = 1'000'000;
constexpr unsigned kMadeBatches = 128;  // of packets that elements add, on their way at a time
constexpr unsigned kReceivedBatches = WorkerDevice::kBatches - kMadeBatches;

}  // namespace

Worker::Worker(const Config& config, const Umem& umem, FramePool pool, WorkerPipeline& pipeline)
    : config_(config),
      umem_(umem),
      pool_(std::move(pool)),
      pipeline_(&pipeline),
      shown_(&pipeline),
      wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      offspring_(pool_, umem.base(), umem.frame_bytes(), kKeepFrames),
      beat_clock_(config.beat_limit_ns) {
  offspring_.reserve(kMadeBatches);
}

Worker::~Worker() {
  stop();
  if (wake_fd_ >= 0) close(wake_fd_);
}

void Worker::add_queue(std::unique_ptr<XskQueue> xsk, std::unique_ptr<RxQueue> queue) {
  // No more than WorkerDevice::waiting could ever hold.
  const unsigned batches =
      std::min<std::size_t>(8 + (queue->info().rings - 1) * RxQueue::kBatches, kReceivedBatches - batches_.size());
  for (unsigned i = 0; i < batches; ++i) {
    batches_.push_back(std::make_unique<WorkBatch>());
    free_.push_back(batches_.back().get());
  }
  xsks_.push_back(std::move(xsk));
  queues_.push_back(std::move(queue));
}

void Worker::start() {
  const std::uint64_t now = now_ns();
  static_cast<void>(beat_clock_.wrote(now, now));
  for (auto& q : queues_) {
    q->xsk().refill(pool_, kKeepFrames + kMadeFrames);
    if (q->xsk().fill_needs_wakeup()) q->xsk().wake_rx(0);
    q->beat(now);
  }
  for (auto& q : queues_)
    for (unsigned r = 0; r < q->info().rings; ++r) poll_fds_.push_back({q->xsk().fd(r), POLLIN, 0});
  poll_fds_.push_back({wake_fd_, POLLIN, 0});  // last; poll() skips one that could not be had
  thread_ = std::thread([this] { run(); });
}

void Worker::stop() {
  silent_ = true;
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void Worker::run() {
  pthread_setname_np(pthread_self(), ("ful-w" + std::to_string(config_.index)).c_str());
  prctl(PR_SET_TIMERSLACK, 1000ul);
  // A worker that waits behind ordinary tasks fills its rings; 0: this thread only.
  setpriority(PRIO_PROCESS, 0, kNice);
  if (config_.cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(config_.cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
  }
  worked_ns_ = now_ns();
  beat(worked_ns_);
  while (!stop_.load(std::memory_order_relaxed)) {
    const std::uint64_t now = clock_ns_ = now_ns();
    const bool moved = run_once(now);
    if (now - beat_clock_.beat_ns() >= kBeatEveryNs) beat(now);
    rest(moved, now);
  }
  for (auto& q : queues_) q->silence();
  out_->flush();
  // What the TX rings hold comes home as soon as the receivers let go of it.
  for (int i = 0; i < 2000; ++i) {
    out_->reap();
    if (std::none_of(out_->ports().begin(), out_->ports().end(),
                     [](const auto& p) { return p->queue && p->queue->tx_outstanding(); }))
      break;
    timespec ms{0, 1'000'000};
    nanosleep(&ms, nullptr);
  }
}

void Worker::give(WorkerOrder& order) noexcept {
  order_.store(&order, std::memory_order_release);
  const std::uint64_t one = 1;
  static_cast<void>(!write(wake_fd_, &one, sizeof(one)));  // without: it sees the order when it wakes by itself
}

// Batches that are on their way end in the pipeline they began in. Each ring
// retires in the order of arrival, so flows keep theirs across the change.
void Worker::obey(WorkerOrder& order, std::uint64_t now) noexcept {
  if (order.next) {
    order.next->graph->adopt(*pipeline_->graph);
    for (auto& d : pipeline_->devices) d->tasks->flush();
    leaving_.store(pipeline_, std::memory_order_relaxed);
    pipeline_ = order.next;
  }
  for (const Element::Change& change : order.changes) change();
  clock_ns_ = now_ns();
  order.gap_ns = clock_ns_ - now;
  order_.store(nullptr, std::memory_order_release);  // last: the order is not ours any more
}

bool Worker::collect_leaving(WorkerPipeline& leaving, std::uint64_t now) noexcept {
  bool moved = false;
  for (auto& d : leaving.devices) moved |= collect(*d, now);
  if (!leaving.batches) leaving_.store(nullptr, std::memory_order_release);
  return moved;
}

bool Worker::run_once(std::uint64_t now) noexcept {
  bool moved = false;
  if (WorkerOrder* order = order_.load(std::memory_order_acquire)) [[unlikely]]
    obey(*order, now);
  for (auto& q : queues_)
    for (unsigned r = 0; r < q->info().rings; ++r) moved |= serve(*q, r);  // packets are the batches' now
  for (auto& d : pipeline_->devices) moved |= collect(*d, now);            // and back from devices
  if (WorkerPipeline* leaving = leaving_.load(std::memory_order_relaxed)) [[unlikely]]
    moved |= collect_leaving(*leaving, now);
  flush();  // verdicts carried out, rings told
  for (auto& q : queues_) {
    q->xsk().refill(pool_, kKeepFrames + kMadeFrames);
    if (q->xsk().fill_needs_wakeup()) q->xsk().wake_rx(0);
  }
  stats_.loops.add(1);
  if (moved) worked_ns_ = now;
  return moved;
}

bool Worker::serve(RxQueue& q, unsigned ring) noexcept {
  bool moved = false;
  for (unsigned round = 0; round < kRounds; ++round) {
    if (free_.empty() || q.ring(ring).in_flight.full()) return moved;
    if (ring && !pipeline_->devices[ring - 1]->waiting.empty())
      return moved;  // back-pressure: packets stay on the ring
    WorkBatch* wb = free_.back();
    q.receive(ring, wb->batch, config_.batch_packets, pool_);
    if (!wb->batch.count) return moved;
    free_.pop_back();
    wb->queue = &q;
    wb->ring = ring;
    wb->done = false;
    wb->batch.now_ns = clock_ns_;
    wb->batch.maker = &offspring_;
    offspring_.begin(*wb);
    wb->pipeline = pipeline_;
    ++pipeline_->batches;
    moved = true;
    const unsigned n = wb->batch.count;
    enter(*wb);
    if (ring) q.ring(ring).in_flight.push(wb);
    place(wb);
    const std::uint64_t t = now_ns();
    q.ring(ring).busy_ns.add(t - clock_ns_);
    clock_ns_ = t;
    if (n < config_.batch_packets) return moved;
  }
  return moved;
}

void Worker::enter(WorkBatch& wb) noexcept {
  Batch& b = wb.batch;
  if (pipeline_->graph->start(wb.walk, b)) return;
  // Sent here before XDP learnt that the pipeline takes the port's packets no more.
  pipeline_->graph->start_made(wb.walk);
  for (unsigned i = 0; i < b.count; ++i) b.to_kernel(i, config_.no_source);
}

// Runs the batch until it is done or has to wait for a device, then what elements made of it.
void Worker::place(WorkBatch* wb) noexcept {
  Graph& graph = *wb->pipeline->graph;
  if (graph.advance(wb->walk, wb->batch, wb->ring != 0) == Step::kDone)
    return walk_over(
        wb, [this](WorkBatch* made) { place(made); }, [this](WorkBatch* all) { complete(all); });
  WorkerDevice& d = *wb->pipeline->devices[wb->ring - 1];
  const Mask mask = graph.offload_mask(wb->walk);
  if (!d.waiting.empty() || !d.tasks->add(&wb->batch, &wb->walk, mask, graph.chain_at(wb->walk), clock_ns_))
    d.waiting.push(wb);
}

bool Worker::collect(WorkerDevice& d, std::uint64_t now) noexcept {
  if (d.tasks->idle() && d.waiting.empty() && !d.tasks->wants_turn()) return false;
  bool moved = d.tasks->poll(now);
  TaskAggregator::Ready ready;
  while (d.tasks->take(ready)) {
    // The batch is the first member of its WorkBatch.
    auto* wb = reinterpret_cast<WorkBatch*>(ready.batch);
    wb->pipeline->graph->resume(wb->walk, wb->batch, ready.results);
    place(wb);
    moved = true;
  }
  while (!d.waiting.empty()) {
    WorkBatch* wb = d.waiting.front();
    const Graph& graph = *wb->pipeline->graph;
    if (!d.tasks->add(&wb->batch, &wb->walk, graph.offload_mask(wb->walk), graph.chain_at(wb->walk), now)) break;
    d.waiting.pop();
    moved = true;
  }
  return moved;
}

// Batches of a ring retire in the order they came, whichever way they took.
void Worker::complete(WorkBatch* wb) noexcept {
  wb->done = true;
  RxQueue& q = *wb->queue;
  const unsigned r = wb->ring;
  if (r == 0) {
    put_away(wb);
  } else {
    auto& fifo = q.ring(r).in_flight;
    while (!fifo.empty() && fifo.front()->done) put_away(fifo.pop());
  }
  q.order().advance_retired(r);
}

void Worker::put_away(WorkBatch* wb) noexcept {
  retire(*wb);
  offspring_.end(*wb);
  --wb->pipeline->batches;
  free_.push_back(wb);
}

// Each packet, then what was made of it.
void Worker::retire(WorkBatch& wb) noexcept {
  Batch& b = wb.batch;
  RxQueue::Ring& ring = wb.queue->ring(wb.ring);
  std::uint64_t bytes = 0;
  for (unsigned i = 0; i < b.count; ++i) {
    bytes += b.len[i];
    const bool discarded = wb.queue->order().is_discarded(wb.ring, b.pos[i]);
    if (b.rx_ns[i] && !discarded && stamp_count_ < stamps_.size())
      stamps_[stamp_count_++] = {b.rx_ns[i], &ring.latency_ns};
    leave(wb, i, discarded);
    if (wb.first_made) [[unlikely]]
      each_made_of(wb, i, [&](WorkBatch& made, unsigned slot) { leave(made, slot, discarded); });
  }
  ring.packets.add(b.count);
  ring.bytes.add(bytes);
}

// One packet goes where its verdict says. Elements may have moved data within the frame.
void Worker::leave(WorkBatch& wb, unsigned i, bool discarded) noexcept {
  Batch& b = wb.batch;
  const RxQueue::Info& from = wb.queue->info();
  const auto addr = static_cast<std::uint64_t>(b.data[i] - umem_.base());
  if (discarded) {
    pool_.put(addr);
    stats_.lost_stalled.add(1);
    return;
  }
  b.l2[i].valid = b.l2_bits(i);
  if (b.verdict[i] == Verdict::kTx) {
    stats_.tx.add(1);
    out_->transmit(addr, b.len[i], b.out_port[i], b.l2[i], from.passes_by);
  } else if (b.verdict[i] == Verdict::kKernel) {
    stats_.kernel[b.reason[i]].add(1);
    out_->to_kernel(addr, b.len[i], from.ifindex, from.queue, b.l2[i], from.passes_by);
  } else {
    stats_.drop[b.reason[i]].add(1);
    pool_.put(addr);
  }
}

void Worker::flush() noexcept {
  if (out_->pending()) clock_ns_ = out_->flush();
  out_->reap();
  for (unsigned i = 0; i < stamp_count_; ++i) {
    const Stamp& s = stamps_[i];
    s.latency_ns->record(clock_ns_ > s.rx_ns ? clock_ns_ - s.rx_ns : 0);
  }
  stamp_count_ = 0;
  for (auto& q : queues_) q->publish();
}

// A helper that was stopped (debugger, overloaded machine) finds packets whose
// flows have meanwhile gone on without it: sending them now would reorder. The same
// holds for what is left when it falls silent.
void Worker::beat(std::uint64_t now) noexcept {
  // Here, not at every idle turn: it reads a line that XDP writes for each packet.
  for (auto& q : queues_) q->notice_kernel_loss(now);
  const bool silent = silent_.load(std::memory_order_relaxed);
  for (auto& q : queues_) q->beat(silent ? 0 : now);
  if (beat_clock_.wrote(now, now_ns()) || silent)
    for (auto& q : queues_) q->discard_backlog();
  out_->set_deadline(beat_clock_.deadline_ns());
}

bool Worker::busy(const WorkerPipeline& pipeline) noexcept {
  return std::any_of(pipeline.devices.begin(), pipeline.devices.end(),
                     [](const auto& d) { return !d->tasks->idle() || !d->waiting.empty(); });
}

bool Worker::device_busy() const noexcept { return busy(*pipeline_) || leaving_.load(std::memory_order_relaxed); }

void Worker::rest(bool moved, std::uint64_t now) noexcept {
  if (config_.idle == Idle::kPowersave) {
    if (moved || device_busy()) {  // let packets gather: one round for many
      timespec nap{0, static_cast<long>(config_.nap_ns)};
      nanosleep(&nap, nullptr);
    } else {
      sleep_for_packets();
    }
    return;
  }
  if (moved || config_.idle == Idle::kSpin) return;
  if (device_busy() || now - worked_ns_ < config_.spin_ns) {
    _mm_pause();
    return;
  }
  sleep_for_packets();
}

void Worker::sleep_for_packets() noexcept {
  beat(now_ns());
  stats_.sleeps.add(1);
  poll(poll_fds_.data(), poll_fds_.size(), static_cast<int>(config_.beat_limit_ns / 4'000'000));
  std::uint64_t orders;
  if (poll_fds_.back().revents) static_cast<void>(!read(wake_fd_, &orders, sizeof(orders)));
}

bool Worker::drained() const {
  return std::all_of(queues_.begin(), queues_.end(), [](const auto& q) { return q->drained(); });
}

std::uint32_t Worker::frames_home() {
  std::uint32_t n = pool_.size();
  for (auto& x : xsks_) n += x->fill_occupancy();
  return n;
}

}  // namespace fulcrum
