// SPDX-License-Identifier: MIT
// rows_ids_all.cc - the ids plugin's kernel that lists all matches, for checks on a device.
#include "gpu_rows.h"
#include "plugins/ids/kernel.h"

namespace fulcrum::gpu {
namespace {

const RowMaker kRows([](std::vector<Row>& rows, std::mt19937& random) {
  // A count, then so many pairs; above MATCH_LISTED the count alone.
  auto listed = [](unsigned, std::uint32_t, const std::uint32_t* columns) {
    return columns[0] > MATCH_LISTED ? 4u : 4 + 8 * columns[0];
  };
  rows.push_back(
      {"payload_match_all", {{&ids::kMatchAllKernel}}, {pattern_table(random)}, plant_pattern, nullptr, listed});
});

}  // namespace
}  // namespace fulcrum::gpu
