// SPDX-License-Identifier: MIT
// in_place.h - a kernel run by the worker itself, over packets where they are.
//
// For elements whose cpu form is their kernel: one that writes nothing, has no in
// columns and no out columns.
#pragma once

#include <algorithm>

#include "fulcrum/batch.h"
#include "fulcrum/isa.h"
#include "fulcrum/range.h"

namespace fulcrum {

class InPlace {
 public:
  explicit InPlace(const KernelDecl& kernel) : kernel_(kernel), run_(kernel_for(kernel.cpu, best_isa())) {}

  // result[k] belongs to the k-th packet of `in`; kBatchSize long.
  // Context: data path.
  void run(const Batch& b, Mask in, const void* table, std::uint32_t* result) const noexcept {
    alignas(64) std::uint32_t image[3 * kBatchSize];
    const std::uint8_t* frames = nullptr;  // lowest packet
    for_each(in, [&](unsigned i) { frames = frames && frames < b.data[i] ? frames : b.data[i]; });
    std::uint32_t count = 0;
    for_each(in, [&](unsigned i) {
      const ByteRange r = packet_range(b, i, kernel_.read.range, kernel_.read.max_bytes);
      image[2 * count] = static_cast<std::uint32_t>(b.data[i] - frames) + r.offset;
      image[2 * count + 1] = r.length;
      ++count;
    });
    fu_task t{};
    t.stage.source = FU_READ_FRAMES;
    t.stage.out_off = 8 * kBatchSize;
    t.stage.out_stride = 4;
    t.frames = frames;
    t.image = reinterpret_cast<std::uint8_t*>(image);
    t.table = static_cast<const std::uint8_t*>(table);
    run_(t, 0, count);
    std::copy_n(image + 2 * kBatchSize, count, result);
  }

 private:
  const KernelDecl& kernel_;
  KernelFn run_;
};

}  // namespace fulcrum
