// SPDX-License-Identifier: MIT
// gpu_rows.h - a row a kernel: its table and what its packets look like, for checks on a device.
//
// rows_NAME.cc makes those of a plugin's part and enters them with a RowMaker;
// build.mk compiles it where that part is, and names the objects that make its tables.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "device/task_image.h"

namespace fulcrum::gpu {

struct Row {
  std::string name;
  std::vector<ChainLink> chain;
  KernelTable table[kMaxStages];
  // Makes a packet interesting to the kernels: it begins at its IP header.
  std::function<void(std::uint8_t* ip, std::uint32_t ip_bytes, std::mt19937& random)> shape;
  // Sets in columns and constants of a filled task, before it is closed; or null.
  std::function<void(DeviceTask& task, TaskFill& fill, std::mt19937& random)> adjust;
  // How many bytes of out columns stage s has set, by its result and columns; null: all.
  std::function<std::uint32_t(unsigned s, std::uint32_t result, const std::uint32_t* columns)> set_bytes;
};

// Enters rows when the program starts.
struct RowMaker {
  using Make = void (*)(std::vector<Row>& rows, std::mt19937& random);
  explicit RowMaker(Make make);
};

// Every kernel of the plugins is in one at least.
std::vector<Row> make_rows(std::mt19937& random);

// A table that `Table` holds in one block.
template <class Table>
KernelTable table_of(Table built, std::uint64_t identity) {
  auto owner = std::make_shared<Table>(std::move(built));
  return {owner, owner->data(), owner->bytes(), 1, identity};
}

// The route plugin's, for chains of others behind it.
ChainLink route_link();
const KernelTable& route_table(std::mt19937& random);

// The ids plugin's, and letters for them.
const KernelTable& pattern_table(std::mt19937& random);
void plant_pattern(std::uint8_t* ip, std::uint32_t ip_bytes, std::mt19937& random);

// Stage s's in columns of item k.
inline std::uint32_t* in_columns(DeviceTask& task, unsigned s, std::uint32_t k) {
  const fu_stage& l = task.stage[s].layout;
  return reinterpret_cast<std::uint32_t*>(task.image.host + l.in_off + std::size_t{l.in_stride} * k) + l.writes;
}

}  // namespace fulcrum::gpu
