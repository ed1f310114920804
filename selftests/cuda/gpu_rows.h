// SPDX-License-Identifier: MIT
// gpu_rows.h - a row a kernel: its table and what its packets look like, for checks on a device.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
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
};

// Every kernel of the plugins is in one at least.
std::vector<Row> make_rows(std::mt19937& random);

}  // namespace fulcrum::gpu
