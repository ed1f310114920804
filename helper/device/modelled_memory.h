// SPDX-License-Identifier: MIT
// modelled_memory.h - what fits on a modelled device, and which table versions are there.
//
// Threads: any, without locks.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "device/device_model.h"

namespace fulcrum {

class ModelMemory {
 public:
  ModelMemory(std::uint64_t bytes, ModelState& state) noexcept : bytes_(bytes), state_(state) {}

  [[nodiscard]] bool take(std::uint64_t bytes) noexcept;
  void give(std::uint64_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::uint64_t free_bytes() const noexcept;  // without a limit: all there can be

  enum class Table : std::uint8_t { kReady, kComing, kNoMemory };
  // Starts to bring a version that is not there. Old and new both have to fit;
  // the old one then stays readable until no task has it.
  Table bring(const KernelTable& table, std::uint64_t now_ns) noexcept;
  // The table that `owner` keeps alive, in its version now. Threads: control.
  void remember(const KernelTable& table);
  // Gives up tables whose remembered version nobody has any more: their pipeline is gone, or
  // they have a newer one, which is then brought once more. Threads: control.
  void forget_unused() noexcept;
  // When a version that is coming is there.
  std::uint64_t ready_ns(const KernelTable& table) const noexcept;

  static constexpr unsigned kTables = 64;

 private:
  // Versions are kept plus 1; 0: none. Who moves `loading` up brings the version:
  // ready_ns first, then `version`, released.
  struct Slot {
    std::atomic<std::uint64_t> identity{0}, loading{0}, version{0}, ready_ns{0}, bytes{0};
  };
  Slot* slot_of(std::uint64_t identity) noexcept;

  const std::uint64_t bytes_;
  ModelState& state_;
  std::atomic<std::uint64_t> used_{0};
  std::array<Slot, kTables> slot_;
  struct Owner {
    std::weak_ptr<const void> of;
    bool known = false;
  };
  std::array<Owner, kTables> owner_;  // by slot
};

}  // namespace fulcrum
