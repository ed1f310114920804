// SPDX-License-Identifier: MIT
// slots.h - the packet memory of a replay: batches with room for their frames.
#pragma once

#include <memory>
#include <vector>

#include "fulcrum/result.h"
#include "pipeline/graph.h"
#include "port/pcap_file.h"

struct fulcrum_parsed;  // fulcrum_parse.h

namespace fulcrum {

enum class SlotState : std::uint8_t { kFree, kFilling, kAtDevice, kStalled, kDone };

// A batch and its frames. The batch is the first member: a Batch& is the slot's.
struct ReplaySlot {
  Batch batch;
  Walk walk;
  std::uint8_t* region = nullptr;
  std::uint32_t region_bytes = 0, used_bytes = 0;
  std::uint32_t unwritten = 0;  // packets that have not left
  SlotState state = SlotState::kFree;
  bool on_device = false;
  std::uint32_t missing[kBatchSize];  // bytes that were on the wire but not in the capture
  std::uint64_t time_ns[kBatchSize];
  // Batches of packets that elements added to this one's, and in such a batch each packet's origin.
  std::vector<ReplaySlot*> made;
  std::uint8_t origin[kBatchSize];

  bool has_room(std::uint32_t bytes) const;
  // The next packet's place, its bytes unwritten. Context: has_room().
  unsigned add(std::uint32_t bytes);
  // A captured packet.
  void put(const CapturedPacket& p, const fulcrum_parsed& parsed);
  // A packet of `bytes` like packet `i` of `from`.
  unsigned add_like(const ReplaySlot& from, unsigned i, std::uint32_t bytes);
  // All have verdicts, those that were added included.
  bool finished() const;
};

inline ReplaySlot& slot_of(Batch& b) { return reinterpret_cast<ReplaySlot&>(b); }

// Owns:    the memory of all frames; under AddressSanitizer what no packet holds is poisoned.
// Threads: one.
class ReplayMemory {
 public:
  static constexpr std::size_t kSlots = 64;                       // of packets that arrived
  static constexpr std::size_t kMadeSlots = 256;                  // of packets that elements added
  static constexpr std::uint32_t kRegionBytes = 2 * 1024 * 1024;  // 64 frames of 32 KiB, or fewer larger ones
  static constexpr std::uint32_t kMadeRegionBytes = 512 * 1024;   // 64 frames of 7 KiB, or one of any size
  static constexpr std::size_t kBytes = (kSlots + 1) * kRegionBytes + kMadeSlots * kMadeRegionBytes;

  // Errors: no memory.
  static Result<std::unique_ptr<ReplayMemory>> open();
  ~ReplayMemory();

  std::uint8_t* base() const { return base_; }
  // A free one, emptied; null: all are in use.
  ReplaySlot* take(bool made);
  void give_back(ReplaySlot& s);  // and those made of it
  // A copy of `p` right behind which a read is seen; valid until the next call.
  CapturedPacket land(const CapturedPacket& p);

 private:
  ReplayMemory() = default;

  std::uint8_t* base_ = nullptr;  // kSlots regions, one that packets land in, kMadeSlots small ones
  std::vector<std::unique_ptr<ReplaySlot>> slots_, made_;
};

}  // namespace fulcrum
