// SPDX-License-Identifier: MIT
// gpu_rows.cc - collects the rows of all plugins.
#include "gpu_rows.h"

namespace fulcrum::gpu {
namespace {

std::vector<RowMaker::Make>& makers() {
  static std::vector<RowMaker::Make> all;
  return all;
}

}  // namespace

RowMaker::RowMaker(Make make) { makers().push_back(make); }

std::vector<Row> make_rows(std::mt19937& random) {
  std::vector<Row> rows;
  for (const RowMaker::Make make : makers()) make(rows, random);
  return rows;
}

}  // namespace fulcrum::gpu
