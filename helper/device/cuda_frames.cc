// SPDX-License-Identifier: MIT
// cuda_frames.cc - packet frames as mapped host memory: where a device sees them.
#include "device/cuda_frames.h"

#include <map>
#include <mutex>

namespace fulcrum {
namespace {

struct Registered {
  std::uint64_t bytes = 0;
  std::weak_ptr<CudaFrames> frames;
};
struct Registry {
  std::mutex mutex;
  std::map<const void*, Registered> at;
};
Registry& registry() {
  static Registry r;
  return r;
}

}  // namespace

Result<std::shared_ptr<CudaFrames>> CudaFrames::map(std::shared_ptr<CudaContext> context, const std::uint8_t* frames,
                                                    std::uint64_t bytes) {
  if (!context->can_map_host()) return Error{context->name() + ": frames: the device cannot map host memory"};
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  if (auto it = all.at.find(frames); it != all.at.end()) {
    auto there = it->second.frames.lock();
    if (there && it->second.bytes == bytes && !there->context_->lost()) return there;
    return Error{context->name() + ": frames: still registered for a device that was lost"};
  }
  // The driver's interface is not const; reading is all that is asked for where the device can tell.
  void* host = const_cast<std::uint8_t*>(frames);
  const cuda::Api& api = context->api();
  const unsigned flags = cuda::kHostPortable | cuda::kHostDeviceMap;
  cuda::Status s = context->enter();
  if (s == cuda::kSuccess)
    s = api.host_register(host, bytes, flags | (context->can_register_read_only() ? cuda::kRegisterReadOnly : 0));
  if (s == cuda::kNotSupported || s == cuda::kInvalidValue) s = api.host_register(host, bytes, flags);
  if (!context->check(s, "frames"))
    return Error{context->error("frames: " + std::to_string(bytes) + " bytes to map", s).text};
  std::shared_ptr<CudaFrames> made(new CudaFrames(std::move(context), host, bytes));
  all.at[frames] = {bytes, made};
  return made;
}

// A registration that cannot be taken back leaves its entry: the device may
// still see the old pages, so that nothing may be read in place there again.
CudaFrames::~CudaFrames() {
  bool gone = context_->lost();  // ends with the context
  if (!gone && !context_->stuck())
    gone = CudaContext::run_bounded(
        [context = context_, frames = frames_] {
          if (context->enter() == cuda::kSuccess) context->check(context->api().host_unregister(frames), "frames");
        },
        context_->limits().teardown_ms);
  if (!gone) {
    context_->set_stuck();
    return;
  }
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  all.at.erase(frames_);
}

Result<cuda::DeviceAddress> CudaFrames::address(CudaContext& context) const {
  cuda::DeviceAddress at = 0;
  cuda::Status s = context.enter();
  if (s == cuda::kSuccess) s = context.api().host_address(&at, frames_, 0);
  if (!context.check(s, "frames")) return context.error("frames: address on the device", s);
  return at;
}

}  // namespace fulcrum
