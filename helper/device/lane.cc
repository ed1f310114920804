// SPDX-License-Identifier: MIT
// lane.cc - one worker's way to a device: queue, layouts, images.
#include "device/lane.h"

#include <sys/mman.h>

#include <algorithm>

namespace fulcrum {

HostImages::HostImages(std::uint64_t image_bytes, unsigned count)
    : bytes_each_((image_bytes + 63) & ~std::uint64_t{63}), count_(count) {
  if (!bytes_each_) return;
  void* p =
      mmap(nullptr, bytes_each_ * count_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p != MAP_FAILED) base_ = static_cast<std::uint8_t*>(p);
}

HostImages::~HostImages() {
  if (base_) munmap(base_, bytes_each_ * count_);
}

ImageMemory HostImages::image(unsigned i) const noexcept {
  return {base_ ? base_ + bytes_each_ * i : nullptr, bytes_each_, nullptr};
}

std::vector<ImagePlan> make_plans(OffloadChains chains, bool in_place, const ImageLimits& limits) {
  std::vector<ImagePlan> plans;
  for (const OffloadChain& c : chains) plans.emplace_back(c.links, in_place, limits);
  return plans;
}

std::uint64_t image_bytes(std::span<const ImagePlan> plans) {
  std::uint64_t most = 0;
  for (const ImagePlan& p : plans) most = std::max(most, p.image_bytes());
  return most;
}

Result<std::unique_ptr<DeviceLane>> DeviceLane::open(Device& device, OffloadChains chains, const std::uint8_t* frames,
                                                     std::uint64_t frames_bytes, const LaneLimits& limits) {
  auto lane = std::make_unique<DeviceLane>();
  auto queue = device.open_queue(frames, frames_bytes);
  if (!queue) return queue.error();
  lane->queue_ = std::move(*queue);
  lane->plans_ = make_plans(chains, lane->queue_->in_place(), limits.image);
  for (unsigned i = 0; i < limits.tasks && !lane->plans_.empty(); ++i) {
    auto image = lane->queue_->allocate(image_bytes(lane->plans_));
    if (!image) return image.error();
    lane->images_.push_back(*image);
  }
  return lane;
}

Result<void> prepare_device(Device& device, OffloadChains chains, bool with_tables) {
  for (const OffloadChain& c : chains)
    for (Offload* o : c.stage) {
      if (auto ok = device.add_kernel(o->kernel()); !ok) return ok;
      if (!with_tables) continue;
      const KernelTable table = o->table();
      if (table.identity)
        if (auto ok = device.load_table(table); !ok) return ok;
    }
  return {};
}

}  // namespace fulcrum
