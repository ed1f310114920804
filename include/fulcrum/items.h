// SPDX-License-Identifier: MIT
// items.h - a batch's packets inside a task, as an element sees them.
#pragma once

#include <bit>
#include <cstdint>

#include "fulcrum/batch.h"

namespace fulcrum {

// Item of packet i: packets of `gathered`, lowest first, are items 0, 1, 2, …
struct ItemIndex {
  Mask gathered = 0;
  unsigned of(unsigned i) const noexcept {
    return static_cast<unsigned>(std::popcount(gathered & ((Mask{1} << i) - 1)));
  }
};

// In columns, to be filled by Offload::prepare().
struct ItemColumns {
  ItemIndex index;
  std::uint8_t* base = nullptr;
  std::uint32_t stride_bytes = 0;
  std::uint32_t* of(unsigned i) const noexcept {
    return reinterpret_cast<std::uint32_t*>(base + std::size_t{stride_bytes} * index.of(i));
  }
};

// What a kernel gave back. Valid during Offload::finish().
struct ItemResults {
  ItemIndex index;
  const std::uint8_t* base = nullptr;  // out records
  std::uint32_t stride_bytes = 0;
  std::uint32_t column_off = 4;  // of the out columns in a record
  std::uint32_t result(unsigned i) const noexcept { return *record(i); }
  const std::uint32_t* columns(unsigned i) const noexcept { return record(i) + column_off / 4; }

 private:
  const std::uint32_t* record(unsigned i) const noexcept {
    return reinterpret_cast<const std::uint32_t*>(base + std::size_t{stride_bytes} * index.of(i));
  }
};

}  // namespace fulcrum
