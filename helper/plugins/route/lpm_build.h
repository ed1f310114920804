// SPDX-License-Identifier: MIT
// lpm_build.h - routes -> the flat longest-prefix table.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "fulcrum/table.h"
#include "lpm_table.h"

namespace fulcrum::route {

// One finished table. Owns: its block, 64-byte aligned.
class LpmTable {
 public:
  LpmTable() = default;
  explicit LpmTable(std::size_t bytes);
  const void* data() const { return block_.get(); }
  void* data() { return block_.get(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(void* p) const;
  };
  std::unique_ptr<void, Free> block_;
  std::size_t bytes_ = 0;
};

// RouteEntry::next_hop is what a lookup returns: 1 .. LPM_MAX_NEXT_HOPS - 1, 0 reads
// as "no route". Of two entries for one prefix the later one counts. Host bits
// are ignored. Any order; takes about 0.3 s for a million routes.
LpmTable build_lpm(std::span<const RouteEntry> routes, std::uint32_t tag);

}  // namespace fulcrum::route
