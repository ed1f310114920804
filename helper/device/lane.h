// SPDX-License-Identifier: MIT
// lane.h - one worker's way to a device: queue, layouts, images. Made by the control thread.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "device/device.h"
#include "device/task_image.h"
#include "fulcrum/element.h"

namespace fulcrum {

// Elements whose kernels run one after the other in one task, first to last.
// Made by Graph; outlives lanes and aggregators.
struct OffloadChain {
  std::vector<Offload*> stage;
  std::vector<ChainLink> links;  // of the same length
};
using OffloadChains = std::span<const OffloadChain>;

struct LaneLimits {
  ImageLimits image;
  unsigned tasks = 8;  // images
};

// Memory of task images that no device knows. Pages come when they are touched.
class HostImages {
 public:
  HostImages(std::uint64_t image_bytes, unsigned count);
  ~HostImages();
  HostImages(const HostImages&) = delete;
  HostImages& operator=(const HostImages&) = delete;
  // Null host address: no memory.
  ImageMemory image(unsigned i) const noexcept;

 private:
  std::uint8_t* base_ = nullptr;
  std::uint64_t bytes_each_;
  unsigned count_;
};

// Owned by a TaskAggregator while it is used; destroyed by the control thread.
class DeviceLane {
 public:
  // Errors: no queue left; out of device memory; the device's words.
  static Result<std::unique_ptr<DeviceLane>> open(Device& device, OffloadChains chains, const std::uint8_t* frames,
                                                  std::uint64_t frames_bytes, const LaneLimits& limits);

  DeviceQueue& queue() noexcept { return *queue_; }
  const ImagePlan& plan(std::size_t chain) const noexcept { return plans_[chain]; }
  const ImageMemory& image(std::size_t task) const noexcept { return images_[task]; }

 private:
  std::unique_ptr<DeviceQueue> queue_;
  std::vector<ImagePlan> plans_;
  std::vector<ImageMemory> images_;
};

// Largest image that any of the plans needs.
std::uint64_t image_bytes(std::span<const ImagePlan> plans);
std::vector<ImagePlan> make_plans(OffloadChains chains, bool in_place, const ImageLimits& limits);

// Readies `device` for the chains: kernels compiled, first tables there.
// Context: before the workers that own the elements run. Errors: as Device's.
Result<void> prepare_device(Device& device, OffloadChains chains, bool with_tables);

}  // namespace fulcrum
