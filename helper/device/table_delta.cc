// SPDX-License-Identifier: MIT
// table_delta.cc - two versions of a table -> what has to be uploaded to make the new one of the old.
#include "device/table_delta.h"

#include <algorithm>
#include <cstring>

namespace fulcrum {
namespace {

// Past this many separate copies their start-up costs more than the bytes saved.
constexpr std::size_t kMostRuns = 4096;

}  // namespace

std::vector<Segment64> changed_pages(const void* old_data, std::uint64_t old_bytes, const void* new_data,
                                     std::uint64_t new_bytes, std::uint64_t page_bytes) {
  const auto* was = static_cast<const std::uint8_t*>(old_data);
  const auto* is = static_cast<const std::uint8_t*>(new_data);
  std::vector<Segment64> runs;
  for (std::uint64_t at = 0; at < new_bytes; at += page_bytes) {
    const std::uint64_t bytes = std::min(page_bytes, new_bytes - at);
    if (at + bytes <= old_bytes && !std::memcmp(was + at, is + at, bytes)) continue;
    if (!runs.empty() && runs.back().offset + runs.back().bytes == at)
      runs.back().bytes += bytes;
    else
      runs.push_back({at, bytes});
  }
  return runs;
}

TableDelta plan_delta(const void* old_data, std::uint64_t old_bytes, const void* new_data, std::uint64_t new_bytes,
                      std::uint64_t page_bytes) {
  TableDelta delta;
  delta.upload = changed_pages(old_data, old_bytes, new_data, new_bytes, page_bytes);
  for (const Segment64& s : delta.upload) delta.upload_bytes += s.bytes;
  delta.keep_bytes = std::min(old_bytes, new_bytes);
  if (!old_bytes || delta.upload.size() > kMostRuns || delta.upload_bytes > new_bytes / 2) {
    delta.keep_bytes = 0;
    delta.upload.clear();
    if (new_bytes) delta.upload.push_back({0, new_bytes});
    delta.upload_bytes = new_bytes;
  }
  return delta;
}

}  // namespace fulcrum
