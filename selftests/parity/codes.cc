// SPDX-License-Identifier: MIT
// codes.cc - each kernel by each instruction set's code against its x86-64-v2 code.
#include <algorithm>

#include "fulcrum/isa.h"
#include "parity.h"

namespace fulcrum::parity {
namespace {

struct Code {
  Isa isa;
  KernelFn CpuCode::*member;
};
constexpr Code kCodes[] = {
    {Isa::kV2, &CpuCode::v2}, {Isa::kV3, &CpuCode::v3}, {Isa::kKnl, &CpuCode::knl}, {Isa::kV4, &CpuCode::v4}};
// Around the widths of groups and lanes.
constexpr std::uint32_t kSizes[] = {0, 1, 2, 15, 16, 17, 63, 64, 65, 255, 1000, 4096};

// The task in slices of random sizes in any order, as the threads of a pool take them.
void run_in_slices(Context& c, const Sample& sample, std::uint8_t* image, KernelFn CpuCode::*code,
                   std::uint32_t count) {
  std::vector<std::uint32_t> cut{0, count};
  for (unsigned n = c.random() % 6; n > 0 && count; --n) cut.push_back(c.random() % count);
  std::sort(cut.begin(), cut.end());
  std::vector<std::size_t> order(cut.size() - 1);
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
  std::shuffle(order.begin(), order.end(), c.random);
  for (std::size_t k : order) sample.run(image, code, cut[k], cut[k + 1] - cut[k]);
}

// What is wrong with the code on this task, or empty.
std::string fault(Context& c, Sample& sample, const Code& code, Image& image) {
  sample.reset(image.data());
  run_in_slices(c, sample, image.data(), code.member, sample.task().count);
  if (const std::int64_t k = sample.difference(image.data()); k >= 0)
    return "item " + std::to_string(k) + " of " + std::to_string(sample.task().count) + " differs";
  if (!sample.inputs_are_whole(image.data())) return "it changed what it read";
  if (!image.guard_is_whole()) return "it wrote behind the image";
  return "";
}

// While a table is not there, every result is 0.
std::string fault_without_table(Sample& sample, const Code& code, Image& image) {
  DeviceTask& t = sample.task();
  for (unsigned s = 0; s < t.stages; ++s) t.stage[s].table = {};
  sample.reset(image.data());
  sample.run(image.data(), code.member, 0, t.count);
  const fu_stage& first = t.stage[0].layout;
  for (std::uint32_t k = 0; k < t.count; ++k)
    if (*reinterpret_cast<const std::uint32_t*>(image.data() + first.out_off + std::size_t{first.out_stride} * k))
      return "without a table item " + std::to_string(k) + " has a result";
  return "";
}

struct Tally {
  std::uint64_t tasks = 0, packets = 0;
  std::string fault;
};

void check_row(Context& c, const gpu::Row& row) {
  Tally tally[std::size(kCodes)];
  const bool reads = !row.chain[0].kernel->write.present;  // what a writer says without a table is its own
  for (unsigned round = 0; round < c.options.rounds; ++round)
    for (const std::uint32_t size : kSizes) {
      if (size > c.options.max_items) continue;
      Sample sample(c, row, (round + size) % 2, 0, size > 65 ? size - c.random() % 9 : size);
      Image image(sample.image_bytes());
      for (std::size_t k = 0; k < std::size(kCodes); ++k) {
        if (!isa_supported(kCodes[k].isa) || !tally[k].fault.empty()) continue;
        tally[k].fault = fault(c, sample, kCodes[k], image);
        tally[k].packets += sample.task().count;
        ++tally[k].tasks;
      }
      if (size != 17 || !reads) continue;
      for (std::size_t k = 0; k < std::size(kCodes); ++k)
        if (isa_supported(kCodes[k].isa) && tally[k].fault.empty())
          tally[k].fault = fault_without_table(sample, kCodes[k], image);
    }
  for (std::size_t k = 0; k < std::size(kCodes); ++k) {
    const std::string what = row.name + ", " + isa_name(kCodes[k].isa);
    if (!isa_supported(kCodes[k].isa))
      c.skip(what, "this CPU lacks it");
    else
      c.result(tally[k].fault.empty(), what + ": " +
                                           (tally[k].fault.empty() ? std::to_string(tally[k].tasks) + " tasks, " +
                                                                         std::to_string(tally[k].packets) + " packets"
                                                                   : tally[k].fault));
  }
}

const Part kPart([](Context& c) {
  for (const gpu::Row& row : c.rows) check_row(c, row);
});

}  // namespace
}  // namespace fulcrum::parity
