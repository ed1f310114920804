// SPDX-License-Identifier: MIT
// ids_testing.h - for unit tests: payloads as packets, an element's kernel on a task.
#pragma once

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cpu.h"
#include "device/task_image.h"
#include "pipeline/offline_setup.h"

namespace fulcrum::ids {

using TestSetup = OfflineSetup;

// IPv4/UDP frames of 14 + 20 + 8 bytes and a payload, Ethernet padding behind.
struct Frames {
  Batch b;
  std::vector<std::array<std::uint8_t, 2048>> frame{kBatchSize};

  Frames() = default;
  explicit Frames(std::span<const std::string> payloads) {
    for (const std::string& p : payloads) add(p);
  }
  void add(std::string_view payload, std::string_view padding = "", bool has_l4 = true) {
    const unsigned i = b.count++;
    std::uint8_t* f = frame[i].data();
    f[14] = 0x45;
    f[16] = static_cast<std::uint8_t>((28 + payload.size()) >> 8);
    f[17] = static_cast<std::uint8_t>(28 + payload.size());
    std::memcpy(f + 42, payload.data(), payload.size());
    std::memcpy(f + 42 + payload.size(), padding.data(), padding.size());
    b.data[i] = f;
    b.len[i] = static_cast<std::uint32_t>(42 + payload.size() + padding.size());
    b.l3_off[i] = 14;
    b.l4_off[i] = has_l4 ? 34 : 0;
    b.payload_off[i] = has_l4 ? 42 : 0;
    b.flags[i] = FULCRUM_META_IP4;
    b.reset_results(i);
  }
};

// The element's kernel on a task as the helper makes it, gathered or in place.
inline void by_task(Offload& element, Batch& b, bool in_place, Isa isa, Mask* out) {
  const ChainLink link{&element.kernel(), Condition::kAlways};
  const ImagePlan plan({&link, 1}, in_place, {});
  std::unique_ptr<std::uint8_t, void (*)(void*)> memory(
      static_cast<std::uint8_t*>(std::aligned_alloc(64, (plan.image_bytes() + 63) / 64 * 64)), std::free);
  DeviceTask task;
  task.image = {memory.get(), plan.image_bytes(), nullptr};
  TaskFill fill;
  fill.open(task, plan, in_place ? b.data[0] : nullptr);
  const std::uint32_t first = fill.add(b, b.all());
  task.stage[0].table = element.table();
  fill.close();
  run_stages(task, isa, 0, task.count);
  element.finish(b, b.all(), fill.results(0, first, b.all()), out);
}

}  // namespace fulcrum::ids
