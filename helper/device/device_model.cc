// SPDX-License-Identifier: MIT
// device_model.cc - the figures of a device -> when a task would be done on it.
#include "device/device_model.h"

#include <algorithm>
#include <limits>

namespace fulcrum {
namespace {

using FreeAt = std::atomic<std::uint64_t>;

// Takes the resource for `ns`, from `from_ns` or when it is free; returns the end.
std::uint64_t reserve(FreeAt& free_at, std::uint64_t from_ns, std::uint64_t ns) noexcept {
  std::uint64_t seen = free_at.load(std::memory_order_relaxed);
  for (;;) {
    const std::uint64_t end_ns = std::max(seen, from_ns) + ns;
    if (free_at.compare_exchange_weak(seen, end_ns, std::memory_order_relaxed)) return end_ns;
  }
}

// What takes no time leaves the resource as it is: it must not keep it for later tasks.
std::uint64_t pass(FreeAt& free_at, std::uint64_t from_ns, std::uint64_t ns) noexcept {
  return ns ? reserve(free_at, from_ns, ns) : from_ns;
}

std::uint64_t stage_ns(const ModelTask::Stage& stage, std::uint64_t packets) noexcept {
  return stage.speed->start_ns +
         std::max(duration_ns(packets, stage.speed->packets_per_s), duration_ns(stage.bytes, stage.speed->bytes_per_s));
}

}  // namespace

const char* to_string(FailureKind kind) {
  static constexpr const char* kNames[kFailureKinds] = {"lost", "hang", "wrong", "oom", "slow", "compile"};
  return kNames[static_cast<unsigned>(kind)];
}

// Wide, because bytes of a table times 10^9 are more than 64 bits hold.
std::uint64_t duration_ns(std::uint64_t amount, std::uint64_t per_s) noexcept {
  if (!per_s) return 0;
  using Wide = unsigned __int128;
  const Wide ns = (Wide{amount} * 1'000'000'000u + per_s - 1) / per_s;
  constexpr std::uint64_t kForever = std::numeric_limits<std::uint64_t>::max() / 4;
  return ns > kForever ? kForever : static_cast<std::uint64_t>(ns);
}

const KernelSpeed& DeviceModel::speed_of(std::string_view kernel) const noexcept {
  for (const KernelSpeed& k : kernels)
    if (k.kernel == kernel) return k;
  return any;
}

ModelTimes ModelState::completion_ns(std::uint64_t now_ns, const ModelTask& task,
                                     std::uint64_t slow_permille) noexcept {
  const auto slowed = [=](std::uint64_t ns) { return ns * slow_permille / 1000; };
  const std::uint64_t in_ns = slowed(duration_ns(task.in_bytes, model_.copy_in_bytes_per_s));
  const std::uint64_t out_ns = slowed(duration_ns(task.out_bytes, model_.copy_out_bytes_per_s));
  std::uint64_t run_ns = 0;
  for (unsigned s = 0; s < task.stages; ++s) run_ns += stage_ns(task.stage[s], task.packets);
  run_ns = slowed(run_ns);

  const std::uint64_t arrived_ns = pass(link_in_, now_ns + slowed(model_.launch_ns), in_ns);
  const auto first_free =
      std::min_element(engine_.begin(), engine_.begin() + model_.engines, [](const FreeAt& a, const FreeAt& b) {
        return a.load(std::memory_order_relaxed) < b.load(std::memory_order_relaxed);
      });
  const std::uint64_t run_end_ns = pass(*first_free, arrived_ns, run_ns);
  return {pass(link_out_, run_end_ns, out_ns), in_ns + run_ns + out_ns};
}

std::uint64_t ModelState::table_ns(std::uint64_t now_ns, std::uint64_t bytes) noexcept {
  return pass(link_in_, now_ns + model_.launch_ns, duration_ns(bytes, model_.copy_in_bytes_per_s));
}

void FailureScript::begin(std::span<const Failure> failures) {
  if (begun_) return;
  begun_ = true;
  failures_.assign(failures.begin(), failures.end());
  struck_ = std::vector<std::atomic<std::uint64_t>>(failures_.size());
}

const Failure* FailureScript::strike(FailureKind kind, std::uint64_t task, std::string_view kernel) noexcept {
  for (std::size_t i = 0; i < failures_.size(); ++i) {
    const Failure& f = failures_[i];
    if (f.kind != kind || task < f.after_tasks || (!f.kernel.empty() && f.kernel != kernel)) continue;
    if (!f.times || struck_[i].load(std::memory_order_relaxed) < f.times) {
      if (struck_[i].fetch_add(1, std::memory_order_relaxed) < f.times || !f.times) return &f;
    }
  }
  return nullptr;
}

bool FailureScript::may_open(std::uint64_t& left) noexcept {
  left = closed_.load(std::memory_order_relaxed);
  while (left)
    if (closed_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) return --left, false;
  return true;
}

}  // namespace fulcrum
