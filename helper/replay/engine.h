// SPDX-License-Identifier: MIT
// engine.h - packets in order of arrival -> batches, graph, device -> outcomes in the same order.
//
// A slot is a batch with its frames; 64 of them are in use at most. A packet is
// copied into the slot of its source and tier, the slot goes through the graph
// when it is full, and its packets leave when all earlier ones have left.
//
// Threads: one.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "device/aggregate.h"
#include "pipeline/graph.h"
#include "replay/output.h"

struct fulcrum_parsed;  // fulcrum_parse.h

namespace fulcrum {

class ReplayEngine {
 public:
  enum class Split : std::uint8_t { kCpu, kDevice, kBuckets };  // kBuckets: even ones cpu, odd ones device

  // `device` is null with kCpu. Errors: no memory for the frames; a kernel or table that the device does not take.
  static Result<std::unique_ptr<ReplayEngine>> open(Graph& graph, OfflineSetup& setup, ReplayOutput& output,
                                                    Split split, Device* device, const std::string& device_name);
  ~ReplayEngine();

  // Context: setup.ports() holds `in_port`.
  void feed(const CapturedPacket& p, std::uint16_t in_port);
  // Until the last packet has left.
  void drain();
  // Null without a device.
  const AggregateStats* device_stats() const { return aggregator_ ? &aggregator_->stats() : nullptr; }

 private:
  enum class State : std::uint8_t { kFree, kFilling, kAtDevice, kStalled, kDone };
  struct Slot {
    Batch batch;
    Walk walk;
    std::uint8_t* region = nullptr;
    std::uint32_t used_bytes = 0;
    std::uint32_t unwritten = 0;  // packets that have not left
    State state = State::kFree;
    bool on_device = false;
    std::uint32_t wire_len[kBatchSize];
    std::uint64_t time_ns[kBatchSize];
  };
  // One packet between arrival and leaving.
  struct Arrival {
    Slot* slot = nullptr;  // null: the front-end's decision
    unsigned index = 0;    // in the slot
    const std::string* steer_reason = nullptr;
    std::uint32_t len = 0;  // without slot
  };

  ReplayEngine(Graph& graph, OfflineSetup& setup, ReplayOutput& output, Split split);
  Slot& filling(std::uint16_t in_port, bool on_device, std::uint32_t bytes);
  Slot& acquire();
  CapturedPacket land(const CapturedPacket& p);
  void put(Slot& s, const CapturedPacket& p, const fulcrum_parsed& parsed);
  void dispatch(Slot& s);
  void advance(Slot& s);
  bool pump();
  bool write_out();
  bool push_on();
  void wait_a_moment(bool moved);

  Graph& graph_;
  OfflineSetup& setup_;
  ReplayOutput& output_;
  Split split_;
  std::string device_tier_;
  std::uint8_t* frames_ = nullptr;  // kSlots regions, then one that packets land in
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> filling_;  // by in_port * 2 + on_device
  std::deque<Arrival> arrivals_;
  std::deque<Slot*> stalled_;  // no task was free for them
  std::unique_ptr<TaskAggregator> aggregator_;
};

}  // namespace fulcrum
