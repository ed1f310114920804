// SPDX-License-Identifier: MIT
// worker.h - one pinned thread: receive, pipeline, device tasks, return.
//
// Worker w serves queue q of every port where q modulo the number of workers is
// w, so it owns an RX and a TX ring on each port and shares nothing on the data
// path. run_once() in worker.cc is the whole system in one loop.
#pragma once

#include <poll.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/histogram.h"
#include "beat_clock.h"
#include "fulcrum/count.h"
#include "offspring.h"
#include "port/return_path.h"
#include "rx_queue.h"
#include "work_batch.h"

namespace fulcrum {

inline constexpr unsigned kMaxReasons = 256;
// Frames of a worker's pool that no fill ring gets: for probes and copies, for packets that elements add.
inline constexpr std::uint32_t kKeepFrames = 64, kMadeFrames = 512;

enum class Idle : std::uint8_t { kSpin, kAdaptive, kPowersave };

// What the control thread has a worker do between two batches.
struct WorkerOrder {
  WorkerPipeline* next = nullptr;        // takes the place of the pipeline; null: it stays
  std::vector<Element::Change> changes;  // run after that, in this order
  std::uint64_t gap_ns = 0;              // the worker's answer: as long no ring was served
};

// Written by the worker, read by the control thread. Packets unless units are named.
struct WorkerStats {
  Count tx, loops, sleeps;
  std::array<Count, kMaxReasons> drop, kernel;  // by reason
  Count lost_stalled;                           // older than packets that XDP may have let pass
};

class Worker {
 public:
  struct Config {
    unsigned index = 0;
    int cpu = -1;  // -1: not pinned
    Idle idle = Idle::kAdaptive;
    std::uint64_t spin_ns = 50'000;
    std::uint64_t nap_ns = 50'000;  // powersave: pause between rounds
    std::uint64_t beat_limit_ns = 100'000'000;
    unsigned batch_packets = kBatchSize;
    Reason no_source = 0;  // of packets that the pipeline has no FromPort for any more
  };

  // `pipeline` outlives the worker's thread.
  Worker(const Config& config, const Umem& umem, FramePool pool, WorkerPipeline& pipeline);
  ~Worker();

  // Setup thread, before start(), in this order.
  void set_return(std::unique_ptr<ReturnPath> path) { out_ = std::move(path); }
  void add_tx_queue(std::unique_ptr<XskQueue> xsk) { tx_only_.push_back(std::move(xsk)); }
  void add_queue(std::unique_ptr<XskQueue> xsk, std::unique_ptr<RxQueue> queue);
  void start();
  void fall_silent() { silent_ = true; }  // no more heartbeats: XDP applies the policy
  void stop();                            // after the queues are drained; joins

  // Control thread. One order at a time; it is lent until obeyed().
  void give(WorkerOrder& order) noexcept;
  bool obeyed() const noexcept { return !order_.load(std::memory_order_acquire); }
  // No packet is left in the pipeline that an order replaced: it is the control thread's again.
  bool replaced_is_idle() const noexcept { return !leaving_.load(std::memory_order_acquire); }
  // The pipeline that graph() and devices() shall speak of.
  void show(WorkerPipeline& pipeline) { shown_ = &pipeline; }

  FramePool& pool() { return pool_; }
  Graph& graph() { return *shown_->graph; }
  ReturnPath& out() { return *out_; }
  const Config& config() const { return config_; }
  const WorkerStats& stats() const { return stats_; }
  const std::vector<std::unique_ptr<RxQueue>>& queues() const { return queues_; }
  const std::vector<std::unique_ptr<WorkerDevice>>& devices() const { return shown_->devices; }
  std::uint64_t made() const { return offspring_.made(); }  // packets that elements added
  bool drained() const;
  // After stop(): frames in the pool and the fill rings.
  std::uint32_t frames_home();

 private:
  void run();
  bool run_once(std::uint64_t now) noexcept;
  void obey(WorkerOrder& order, std::uint64_t now) noexcept;
  bool collect_leaving(WorkerPipeline& leaving, std::uint64_t now) noexcept;
  bool serve(RxQueue& q, unsigned ring) noexcept;

  void enter(WorkBatch& wb) noexcept;
  void place(WorkBatch* wb) noexcept;
  bool collect(WorkerDevice& d, std::uint64_t now) noexcept;
  void complete(WorkBatch* wb) noexcept;
  void retire(WorkBatch& wb) noexcept;
  void put_away(WorkBatch* wb) noexcept;
  void leave(WorkBatch& wb, unsigned i, bool discarded) noexcept;
  void flush() noexcept;
  void rest(bool moved, std::uint64_t now) noexcept;
  void beat(std::uint64_t now) noexcept;
  bool device_busy() const noexcept;
  static bool busy(const WorkerPipeline& pipeline) noexcept;
  void sleep_for_packets() noexcept;

  Config config_;
  const Umem& umem_;
  FramePool pool_;
  WorkerPipeline* pipeline_;                       // the worker's; new batches enter it
  WorkerPipeline* shown_;                          // the control thread's; the same but during a swap
  std::atomic<WorkerPipeline*> leaving_{nullptr};  // replaced, still has packets
  std::atomic<WorkerOrder*> order_{nullptr};
  int wake_fd_ = -1;  // readable: there is an order
  Offspring offspring_;
  std::vector<std::unique_ptr<XskQueue>> xsks_, tx_only_;
  std::vector<std::unique_ptr<RxQueue>> queues_;
  std::vector<pollfd> poll_fds_;
  std::unique_ptr<ReturnPath> out_;
  std::vector<std::unique_ptr<WorkBatch>> batches_;
  std::vector<WorkBatch*> free_;

  struct Stamp {
    std::uint64_t rx_ns;
    Histogram* latency_ns;
  };
  std::array<Stamp, 512> stamps_;  // of packets in the burst
  unsigned stamp_count_ = 0;
  std::uint64_t clock_ns_ = 0;  // read once a stage, not once a question
  std::uint64_t worked_ns_ = 0;
  BeatClock beat_clock_;
  WorkerStats stats_;
  std::atomic<bool> stop_{false}, silent_{false};
  std::thread thread_;
};

}  // namespace fulcrum
