// SPDX-License-Identifier: MIT
// table_delta.h - two versions of a table -> what has to be uploaded to make the new one of the old.
//
// A device with memory of its own makes a new version beside the old one, which
// tasks still read: the old buffer is copied on the device, then the pages that
// differ are written over it.
#pragma once

#include <cstdint>
#include <vector>

namespace fulcrum {

inline constexpr std::uint64_t kDeltaPageBytes = 4096;

// Units: bytes from the start of the table.
struct Segment64 {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  bool operator==(const Segment64&) const = default;
};

// Runs of pages of the new version that differ from the old one, in order,
// neighbours joined; what is longer than the old version differs. The last run
// ends at new_bytes at most. Either pointer may be null where its length is 0.
std::vector<Segment64> changed_pages(const void* old_data, std::uint64_t old_bytes, const void* new_data,
                                     std::uint64_t new_bytes, std::uint64_t page_bytes = kDeltaPageBytes);

// How a new version gets onto the device.
struct TableDelta {
  std::uint64_t keep_bytes = 0;   // from the start, copied on the device from the old buffer; 0: nothing is kept
  std::vector<Segment64> upload;  // afterwards, from the host
  std::uint64_t upload_bytes = 0;
};

// Everything at once where that is no more: no old version, or most of it changed.
TableDelta plan_delta(const void* old_data, std::uint64_t old_bytes, const void* new_data, std::uint64_t new_bytes,
                      std::uint64_t page_bytes = kDeltaPageBytes);

}  // namespace fulcrum
