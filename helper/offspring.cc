// SPDX-License-Identifier: MIT
// offspring.cc - packets that elements add -> frames and batches of their own.
#include "offspring.h"

namespace fulcrum {

void Offspring::reserve(unsigned batches) {
  for (unsigned i = 0; i < batches; ++i) {
    batches_.push_back(std::make_unique<WorkBatch>());
    free_.push_back(batches_.back().get());
  }
}

void Offspring::begin(WorkBatch& received) noexcept {
  received.parent = received.first_made = received.last_made = nullptr;
}

WorkBatch* Offspring::begin_made(WorkBatch& of) noexcept {
  if (free_.empty()) return nullptr;
  WorkBatch* made = free_.back();
  free_.pop_back();
  begin(*made);
  made->parent = &of;
  made->next_made = nullptr;
  (of.last_made ? of.last_made->next_made : of.first_made) = made;
  of.last_made = made;
  made->queue = of.queue;
  made->ring = of.ring;
  made->done = false;
  made->pipeline = of.pipeline;
  made->first_of.fill(WorkBatch::kNoSlot);
  Batch& b = made->batch;
  b.count = 0;
  b.tier = of.batch.tier;
  b.in_port = of.batch.in_port;
  b.now_ns = of.batch.now_ns;
  b.maker = this;
  of.pipeline->graph->start_made(made->walk);
  return made;
}

Made Offspring::make(Batch& b, unsigned origin, unsigned output, std::uint32_t bytes) noexcept {
  // The batch is the first member of its WorkBatch.
  auto& of = reinterpret_cast<WorkBatch&>(b);
  if (bytes > largest_bytes_ || pool_.size() <= keep_frames_) return {};
  WorkBatch* made = of.last_made;
  if (!made || made->batch.count == kBatchSize) made = begin_made(of);
  if (!made) return {};
  Batch& n = made->batch;
  const unsigned i = n.count++;
  n.frame[i] = pool_.take();
  n.data[i] = memory_ + n.frame[i] + kFrameHeadroomBytes;
  n.len[i] = bytes;
  n.came_like(i, b, origin);
  n.reset_results(i);
  const auto slot = static_cast<std::uint8_t>(i);
  if (made->first_of[origin] == WorkBatch::kNoSlot)
    made->first_of[origin] = slot;
  else
    made->next_of[made->last_of[origin]] = slot;
  made->last_of[origin] = slot;
  made->next_of[i] = WorkBatch::kNoSlot;
  of.pipeline->graph->enter(of.walk, output, made->walk, n, i);
  made_.add(1);
  return {&n, i};
}

void Offspring::end(WorkBatch& wb) noexcept {
  for (WorkBatch* made = wb.first_made; made;) {
    WorkBatch* next = made->next_made;
    end(*made);
    free_.push_back(made);
    made = next;
  }
  wb.first_made = wb.last_made = nullptr;
}

}  // namespace fulcrum
