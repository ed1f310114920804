// SPDX-License-Identifier: MIT
// engine.h - packets in order of arrival -> batches, graph, device -> outcomes in the same order.
//
// A slot is a batch with its frames; 64 of them are in use at most. A packet is
// copied into the slot of its source and tier, the slot goes through the graph
// when it is full, and its packets leave when all earlier ones have left. What
// elements add leaves right behind the packet it comes from.
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
#include "replay/slots.h"

namespace fulcrum {

class ReplayEngine final : public PacketMaker {
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
  Made make(Batch& b, unsigned origin, unsigned output, std::uint32_t bytes) noexcept override;
  // Null without a device.
  const AggregateStats* device_stats() const { return aggregator_ ? &aggregator_->stats() : nullptr; }

 private:
  // One packet between arrival and leaving.
  struct Arrival {
    ReplaySlot* slot = nullptr;  // null: the front-end's decision
    unsigned index = 0;          // in the slot
    const std::string* steer_reason = nullptr;
    std::uint32_t len = 0;  // without slot
  };

  ReplayEngine(Graph& graph, OfflineSetup& setup, ReplayOutput& output, Split split);
  ReplaySlot& filling(std::uint16_t in_port, bool on_device, std::uint32_t bytes);
  ReplaySlot& acquire();
  void dispatch(ReplaySlot& s);
  void advance(ReplaySlot& s);
  bool pump();
  bool write_out();
  void write_packet(ReplaySlot& s, unsigned i, bool made);
  bool push_on();
  void wait_a_moment(bool moved);

  Graph& graph_;
  OfflineSetup& setup_;
  ReplayOutput& output_;
  Split split_;
  std::string device_tier_;
  std::unique_ptr<ReplayMemory> memory_;
  std::vector<ReplaySlot*> filling_;  // by in_port * 2 + on_device
  std::deque<Arrival> arrivals_;
  std::deque<ReplaySlot*> stalled_;  // no task was free for them
  std::unique_ptr<TaskAggregator> aggregator_;
};

}  // namespace fulcrum
