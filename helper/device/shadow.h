// SPDX-License-Identifier: MIT
// shadow.h - a device's answers against the cpu's, and the packets where they differ.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "device/task_image.h"

namespace fulcrum {

// Packets of a task that a device answered wrong, as they were before it. Allocated when it happens.
struct ShadowEvidence {
  std::string kernel;      // first of the chain
  std::uint32_t item = 0;  // the first that differs
  std::uint64_t time_ns = 0;
  std::vector<std::vector<std::uint8_t>> packets;
};

// Before the task runs again into `ours`: what a kernel leaves unset of its out records is then the same in both.
void copy_out_records(const TaskFill& fill, const std::uint8_t* theirs, std::uint8_t* ours) noexcept;

// First item whose result, columns or new bytes differ, or -1. `a` and `b` are images of the same task.
std::int64_t first_difference(const TaskFill& fill, const std::uint8_t* a, const std::uint8_t* b) noexcept;

}  // namespace fulcrum
