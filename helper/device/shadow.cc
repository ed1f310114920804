// SPDX-License-Identifier: MIT
// shadow.cc - a device's answers against the cpu's.
#include "device/shadow.h"

#include <cstring>

namespace fulcrum {
namespace {

const std::uint32_t* word(const std::uint8_t* image, std::uint32_t off, std::uint32_t stride, std::uint32_t k) {
  return reinterpret_cast<const std::uint32_t*>(image + off + std::size_t{stride} * k);
}

// Does item k take part in stage s?
bool active(const DeviceTask& t, const std::uint8_t* image, unsigned s, std::uint32_t k) {
  for (unsigned e = 1; e <= s; ++e) {
    const fu_stage& l = t.stage[e].layout;
    if (!holds(static_cast<Condition>(l.only_if), *word(image, l.prev_out_off, l.prev_out_stride, k))) return false;
  }
  return true;
}

bool same_item(const TaskFill& fill, const std::uint8_t* a, const std::uint8_t* b, unsigned s, std::uint32_t k) {
  const DeviceTask& t = fill.task();
  const TaskStage& stage = t.stage[s];
  const fu_stage& l = stage.layout;
  const std::uint32_t *ra = word(a, l.out_off, l.out_stride, k), *rb = word(b, l.out_off, l.out_stride, k);
  if (ra[0] != rb[0]) return false;
  if (!active(t, b, s, k)) return true;
  if (std::memcmp(ra + 1 + l.writes, rb + 1 + l.writes, stage.kernel->out_bytes) != 0) return false;
  if (!l.writes || !fill.plan().copies_out(s) || !holds(stage.kernel->write_if, rb[0])) return true;
  const std::uint32_t at = *word(b, l.in_off, l.in_stride, k);
  return ra[1] == rb[1] && std::memcmp(a + l.write_off + at, b + l.write_off + at, rb[1]) == 0;
}

}  // namespace

void copy_out_records(const TaskFill& fill, const std::uint8_t* theirs, std::uint8_t* ours) noexcept {
  const DeviceTask& t = fill.task();
  for (unsigned s = 0; s < t.stages; ++s) {
    const fu_stage& l = t.stage[s].layout;
    std::memcpy(ours + l.out_off, theirs + l.out_off, std::size_t{l.out_stride} * t.count);
  }
}

std::int64_t first_difference(const TaskFill& fill, const std::uint8_t* a, const std::uint8_t* b) noexcept {
  const DeviceTask& task = fill.task();
  for (std::uint32_t k = 0; k < task.count; ++k)
    for (unsigned s = 0; s < task.stages; ++s)
      if (!same_item(fill, a, b, s, k)) return k;
  return -1;
}

}  // namespace fulcrum
