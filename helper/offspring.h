// SPDX-License-Identifier: MIT
// offspring.h - packets that elements add -> frames and batches of their own, behind the packets they come from.
//
// A made batch walks once the walk of the batch it was made of is over; it may
// wait for devices and have packets made of it in turn. A received batch retires
// when all that came of it is done: each packet, then what was made of it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "fulcrum/count.h"
#include "port/xsk.h"
#include "work_batch.h"

namespace fulcrum {

// Owns:    the made batches. Frames are the pool's and go back to it as received ones do.
// Threads: the worker's; made() any.
class Offspring final : public PacketMaker {
 public:
  // Room in front of a packet in its frame, as the kernel leaves it (XDP_PACKET_HEADROOM).
  static constexpr std::uint32_t kFrameHeadroomBytes = 256;
  static_assert(kFrameHeadroomBytes >= kHeadroomBytes);

  // `memory`: where frame addresses count from. Never takes the last `keep_frames`.
  Offspring(FramePool& pool, std::uint8_t* memory, std::uint32_t frame_bytes, std::uint32_t keep_frames)
      : pool_(pool),
        memory_(memory),
        largest_bytes_(frame_bytes - 2 * kFrameHeadroomBytes),
        keep_frames_(keep_frames) {}
  void reserve(unsigned batches);  // before any packet is made

  // A batch was received: nothing was made of it yet.
  void begin(WorkBatch& received) noexcept;
  Made make(Batch& b, unsigned origin, unsigned output, std::uint32_t bytes) noexcept override;
  // Takes back the batches that were made of `wb`, and of them; frames have left before.
  void end(WorkBatch& wb) noexcept;

  std::uint64_t made() const noexcept { return made_.value(); }

 private:
  WorkBatch* begin_made(WorkBatch& of) noexcept;

  FramePool& pool_;
  std::uint8_t* memory_;
  std::uint32_t largest_bytes_, keep_frames_;
  std::vector<std::unique_ptr<WorkBatch>> batches_;
  std::vector<WorkBatch*> free_;
  Count made_;
};

// The walk of `wb` is over. Calls run(made) for each batch that was made of it,
// which shall end in walk_over(made, …), now or later; and all_over(received) when
// nothing of the received batch is on its way any more.
template <class Run, class AllOver>
void walk_over(WorkBatch* wb, const Run& run, const AllOver& all_over) noexcept {
  wb->open = 1;
  for (WorkBatch* made = wb->first_made; made; made = made->next_made) ++wb->open;
  for (WorkBatch* made = wb->first_made; made; made = made->next_made) run(made);
  while (--wb->open == 0) {
    if (!wb->parent) return all_over(wb);
    wb = wb->parent;
  }
}

// Calls f(batch, slot) for all that came of packet i, in the order in which it leaves.
template <class F>
void each_made_of(WorkBatch& wb, unsigned i, const F& f) noexcept {
  for (WorkBatch* made = wb.first_made; made; made = made->next_made)
    for (unsigned slot = made->first_of[i]; slot != WorkBatch::kNoSlot; slot = made->next_of[slot]) {
      f(*made, slot);
      each_made_of(*made, slot, f);
    }
}

}  // namespace fulcrum
