// SPDX-License-Identifier: MIT
// modelled_memory.cc - what fits on a modelled device, and which table versions are there.
#include "device/modelled_memory.h"

#include <limits>

namespace fulcrum {

bool ModelMemory::take(std::uint64_t bytes) noexcept {
  std::uint64_t used = used_.load(std::memory_order_relaxed);
  do {
    if (bytes_ && (used > bytes_ || bytes > bytes_ - used)) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return true;
}

std::uint64_t ModelMemory::free_bytes() const noexcept {
  const std::uint64_t used = used_.load(std::memory_order_relaxed);
  return bytes_ ? bytes_ - used : std::numeric_limits<std::uint64_t>::max();
}

ModelMemory::Slot* ModelMemory::slot_of(std::uint64_t identity) noexcept {
  for (Slot& slot : slot_) {
    std::uint64_t seen = slot.identity.load(std::memory_order_acquire);
    if (!seen && slot.identity.compare_exchange_strong(seen, identity, std::memory_order_acq_rel)) return &slot;
    if (seen == identity) return &slot;
  }
  return nullptr;
}

ModelMemory::Table ModelMemory::bring(const KernelTable& table, std::uint64_t now_ns) noexcept {
  if (!table.identity) return Table::kReady;  // travels with its tasks
  Slot* const slot = slot_of(table.identity);
  if (!slot) return Table::kNoMemory;
  const std::uint64_t want = table.version + 1;
  const std::uint64_t there = slot->version.load(std::memory_order_acquire);
  if (there > want) return Table::kReady;
  if (there == want) return now_ns >= slot->ready_ns.load(std::memory_order_relaxed) ? Table::kReady : Table::kComing;
  std::uint64_t loading = slot->loading.load(std::memory_order_relaxed);
  if (loading >= want) return Table::kComing;
  if (!take(table.bytes)) return Table::kNoMemory;
  if (!slot->loading.compare_exchange_strong(loading, want, std::memory_order_relaxed)) {
    give(table.bytes);
    return Table::kComing;
  }
  give(slot->bytes.exchange(table.bytes, std::memory_order_relaxed));
  const std::uint64_t ready_ns = state_.table_ns(now_ns, table.bytes);
  slot->ready_ns.store(ready_ns, std::memory_order_relaxed);
  slot->version.store(want, std::memory_order_release);
  return now_ns >= ready_ns ? Table::kReady : Table::kComing;
}

void ModelMemory::remember(const KernelTable& table) {
  if (!table.identity || !table.owner) return;
  if (Slot* slot = slot_of(table.identity)) owner_[static_cast<std::size_t>(slot - slot_.data())] = {table.owner, true};
}

void ModelMemory::forget_unused() noexcept {
  for (std::size_t i = 0; i < slot_.size(); ++i) {
    if (!owner_[i].known || !owner_[i].of.expired()) continue;
    owner_[i] = {};
    give(slot_[i].bytes.exchange(0, std::memory_order_relaxed));
    slot_[i].loading.store(0, std::memory_order_relaxed);
    slot_[i].version.store(0, std::memory_order_relaxed);
    slot_[i].identity.store(0, std::memory_order_release);
  }
}

std::uint64_t ModelMemory::ready_ns(const KernelTable& table) const noexcept {
  for (const Slot& slot : slot_)
    if (slot.identity.load(std::memory_order_acquire) == table.identity)
      return slot.ready_ns.load(std::memory_order_relaxed);
  return 0;
}

}  // namespace fulcrum
