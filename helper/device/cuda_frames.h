// SPDX-License-Identifier: MIT
// cuda_frames.h - packet frames as mapped host memory: where a device sees them.
//
// The frames of all workers are one block, and several devices may read it, but
// CUDA registers a block once. So registrations are shared by the whole process.
#pragma once

#include <memory>

#include "device/cuda_context.h"

namespace fulcrum {

// Threads: control thread.
class CudaFrames {
 public:
  // Errors: CUDA cannot map this memory; the frames have to be gathered and copied then.
  static Result<std::shared_ptr<CudaFrames>> map(std::shared_ptr<CudaContext> context, const std::uint8_t* frames,
                                                 std::uint64_t bytes);
  // Takes at most CudaLimits::teardown_ms. Context: no task reads the frames.
  ~CudaFrames();
  // What tasks get in place of the first frame's address, on `context`.
  Result<cuda::DeviceAddress> address(CudaContext& context) const;

 private:
  CudaFrames(std::shared_ptr<CudaContext> context, void* frames, std::uint64_t bytes)
      : context_(std::move(context)), frames_(frames), bytes_(bytes) {}
  const std::shared_ptr<CudaContext> context_;  // that registered it; lives as long as the registration
  void* const frames_;
  const std::uint64_t bytes_;
};

}  // namespace fulcrum
