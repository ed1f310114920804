// SPDX-License-Identifier: MIT
// cuda_api.cc - finds the CUDA driver's functions in its library at run time.
#include "device/cuda_api.h"

#include <dlfcn.h>

#include <cstdlib>

namespace fulcrum::cuda {
namespace {

constexpr const char* kSystemLibrary = "libcuda.so.1";

std::string library_to_open(const std::string& library) {
  if (!library.empty()) return library;
  const char* from_env = std::getenv("FULCRUM_CUDA_LIBRARY");
  return from_env && *from_env ? from_env : kSystemLibrary;
}

// Sets `to`; names the symbol in `missing` where it is not there.
template <class F>
void find(void* handle, const char* symbol, F& to, std::string& missing) {
  to = reinterpret_cast<F>(dlsym(handle, symbol));
  if (!to) missing += (missing.empty() ? "" : ", ") + std::string(symbol);
}

}  // namespace

bool is_sticky(Status s) noexcept {
  switch (s) {
    case kDeinitialized:
    case kDeviceUnavailable:
    case kInvalidContext:
    case kEccUncorrectable:
    case kNvlinkUncorrectable:
    case kContained:
    case kIllegalAddress:
    case kLaunchTimeout:
    case kContextIsDestroyed:
    case kAssert:
    case kHardwareStackError:
    case kIllegalInstruction:
    case kMisalignedAddress:
    case kInvalidAddressSpace:
    case kInvalidPc:
    case kLaunchFailed:
    case kMpsClientTerminated:
    case kUnknown:
      return true;
    default:
      return false;
  }
}

std::string Api::words(Status s) const {
  const char* name = nullptr;
  const char* text = nullptr;
  if (error_name(s, &name) != kSuccess || !name) return "CUDA error " + std::to_string(s);
  if (error_string(s, &text) != kSuccess || !text) return name;
  return std::string(name) + " (" + text + ")";
}

Result<std::shared_ptr<const Api>> load_api(const std::string& library) {
  const std::string path = library_to_open(library);
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return Error{"cuda: no driver: " + std::string(dlerror()) +
                 ": install NVIDIA's driver (it brings libcuda.so.1), or remove the device from the configuration"};
  auto api = std::make_shared<Api>();
  api->library = path;
  std::string missing;
#define FULCRUM_CUDA_FIND(member, symbol, args) find(handle, #symbol, api->member, missing);
  FULCRUM_CUDA_CALLS(FULCRUM_CUDA_FIND)
#undef FULCRUM_CUDA_FIND
  if (!missing.empty()) {
    dlclose(handle);
    return Error{"cuda: " + path + ": lacks " + missing + ": the driver is older than CUDA 11.4; install a newer one"};
  }
  std::string optional;
  find(handle, "cuFuncLoad", api->function_load, optional);
  if (const Status s = api->init(0); s != kSuccess)
    return Error{"cuda: " + path + ": cuInit: " + api->words(s) +
                 ": check that the kernel module is loaded and /dev/nvidia* can be opened (nvidia-smi says more)"};
  return std::shared_ptr<const Api>(std::move(api));
}

}  // namespace fulcrum::cuda
