// SPDX-License-Identifier: MIT
// ports.h - which ports of the external addresses are taken, a bit each.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "fulcrum/address.h"
#include "key.h"

namespace fulcrum::nat {

// Threads: any; no lock.
class PortPool {
 public:
  explicit PortPool(std::uint32_t externals)
      : word_(std::make_unique<std::atomic<std::uint64_t>[]>(std::size_t{externals} * kProtos * kWords)) {}

  // A free port of `range` at external address number `external` for an inside port of
  // `wanted`: that one where it is free; else one of its class (below 1024, or not) and for
  // UDP of its parity, RFC 4787 REQ-3 and REQ-4, then of its class, then one above 1023.
  // The search starts where `hash` says. -1: there is none.
  std::int32_t take(std::uint32_t external, Proto proto, PortRange range, std::uint16_t wanted,
                    std::uint64_t hash) noexcept;
  // False: it is taken.
  bool take_this(std::uint32_t external, Proto proto, std::uint16_t port) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (port & 63);
    return !(words(external, proto)[port >> 6].fetch_or(bit, std::memory_order_relaxed) & bit);
  }
  void give_back(std::uint32_t external, Proto proto, std::uint16_t port) noexcept {
    words(external, proto)[port >> 6].fetch_and(~(std::uint64_t{1} << (port & 63)), std::memory_order_relaxed);
  }
  std::uint32_t taken(std::uint32_t external, Proto proto) const noexcept;

 private:
  static constexpr std::uint32_t kWords = 65536 / 64;
  std::atomic<std::uint64_t>* words(std::uint32_t external, Proto proto) const noexcept {
    return &word_[(std::size_t{external} * kProtos + static_cast<std::size_t>(proto)) * kWords];
  }
  std::int32_t search(std::atomic<std::uint64_t>* words, PortRange range, std::uint64_t parity,
                      std::uint64_t hash) noexcept;

  std::unique_ptr<std::atomic<std::uint64_t>[]> word_;
};

}  // namespace fulcrum::nat
