// SPDX-License-Identifier: MIT
// cuda.cc - an NVIDIA device as a Device: opening, kernels, tables, queues.
#include "device/cuda.h"

#include <algorithm>

#include "base/log.h"
#include "device/cuda_probe.h"

namespace fulcrum {
namespace {

constexpr unsigned kMostInFlight = 64;

class CudaDevice final : public Device {
 public:
  CudaDevice(std::shared_ptr<CudaShared> shared, InPlaceMode access, const CudaCosts& costs)
      : shared_(std::move(shared)), access_(access), costs_(costs) {
    const bool faster = costs.in_place_us > 0 && costs.in_place_us < costs.gathered_us;
    in_place_ = access == InPlaceMode::kOn || (access == InPlaceMode::kAuto && faster);
  }

  Result<void> add_kernel(const KernelDecl& kernel) override { return shared_->kernels.add(*shared_->context, kernel); }
  Result<void> forget(const CodeRange& code) override {
    shared_->kernels.forget(code);
    shared_->tables->forget_unused();
    return {};
  }

  Result<void> load_table(const KernelTable& table) override { return shared_->tables->load(table); }

  Result<std::unique_ptr<DeviceQueue>> open_queue(const std::uint8_t* frames, std::uint64_t frames_bytes) override {
    std::shared_ptr<CudaFrames> mapped;
    if (in_place_ && frames && frames_bytes) {
      auto map = CudaFrames::map(shared_->context, frames, frames_bytes);
      if (map)
        mapped = *map;
      else if (access_ == InPlaceMode::kOn)
        return Error{map.error().text + ": in_place on: leave it out, and packet bytes are gathered and copied"};
      else
        fall_back(map.error().text);
    }
    auto queue = CudaQueue::open(shared_, std::move(mapped), frames);
    if (!queue) return queue.error();
    return std::unique_ptr<DeviceQueue>(std::move(*queue));
  }

  DeviceInfo info() const override;
  DeviceHealth health() const noexcept override {
    return shared_->context->lost() ? DeviceHealth::kLost : DeviceHealth::kUp;
  }

 private:
  void fall_back(const std::string& why) {
    note_ = why + ": packet bytes are gathered and copied instead";
    log_warn(note_);
    in_place_ = false;
  }
  const std::shared_ptr<CudaShared> shared_;
  const InPlaceMode access_;
  const CudaCosts costs_;
  bool in_place_ = false;
  std::string note_;
};

DeviceInfo CudaDevice::info() const {
  const CudaContext& context = *shared_->context;
  const CudaTotals& t = shared_->totals;
  DeviceInfo info;
  info.name = context.name();
  info.kind = "cuda";
  info.model = context.model();
  info.isa = context.isa();
  info.error = context.lost() || note_.empty() ? context.last_error() : note_;
  info.health = health();
  info.in_place = in_place_;
  info.launch_us = costs_.launch_us;
  info.copy_in_gbps = costs_.copy_in_gbps;
  info.copy_out_gbps = costs_.copy_out_gbps;
  info.tasks = t.tasks.load(std::memory_order_relaxed);
  info.packets = t.packets.load(std::memory_order_relaxed);
  info.in_bytes = t.in_bytes.load(std::memory_order_relaxed);
  info.out_bytes = t.out_bytes.load(std::memory_order_relaxed);
  info.saved_bytes = t.saved_bytes.load(std::memory_order_relaxed);
  info.errors = context.errors();
  info.busy_ns = t.busy_ns.load(std::memory_order_relaxed);
  return info;
}

std::string us(double v) { return std::to_string(static_cast<long>(v + 0.5)) + " us"; }

}  // namespace

Result<std::unique_ptr<Device>> open_cuda(const CudaConfig& config) {
  if (config.max_in_flight < 1 || config.max_in_flight > kMostInFlight)
    return Error{config.name + ": max_in_flight " + std::to_string(config.max_in_flight) + ": 1 to " +
                 std::to_string(kMostInFlight)};
  auto api = cuda::load_api(config.library);
  if (!api) return Error{config.name + ": " + api.error().text};
  auto context = CudaContext::open(*api, config.device, config.name, {config.limit_ms, config.teardown_ms});
  if (!context) return context.error();
  auto shared = std::make_shared<CudaShared>();
  shared->context = *context;
  shared->max_in_flight = config.max_in_flight;
  shared->drain_ms = config.drain_ms;
  auto tables = CudaTables::start(*context);
  if (!tables) return tables.error();
  shared->tables = *tables;
  auto costs = measure_cuda(shared);
  if (!costs) return costs.error();
  shared->totals.reset();
  auto device = std::make_unique<CudaDevice>(shared, config.in_place, *costs);
  log_info(config.name + ": " + (*context)->model() + ": launch " + us(costs->launch_us) + ", synthetic task " +
           us(costs->gathered_us) + " copied, " +
           (costs->in_place_us > 0 ? us(costs->in_place_us) + " in place" : "not in place: " + costs->note));
  return std::unique_ptr<Device>(std::move(device));
}

}  // namespace fulcrum
