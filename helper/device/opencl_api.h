// SPDX-License-Identifier: MIT
// opencl_api.h - OpenCL's objects with an owner, its errors by name.
//
// Only helper/device/opencl* sees this. Calls are those of OpenCL 1.2; newer
// constants only ask newer devices what they can do.
#pragma once

#define CL_TARGET_OPENCL_VERSION 200
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "device/opencl.h"

namespace fulcrum::opencl {

// "CL_OUT_OF_RESOURCES (-5)"
std::string error_name(cl_int error);

// The one owner of an OpenCL object.
template <class T, cl_int (*release)(T)>
class Owned {
 public:
  Owned() = default;
  explicit Owned(T object) : object_(object) {}
  Owned(Owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Owned() {
    if (object_) release(object_);
  }
  T get() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_; }

 private:
  T object_ = nullptr;
};

using Context = Owned<cl_context, clReleaseContext>;
using CommandQueue = Owned<cl_command_queue, clReleaseCommandQueue>;
using Program = Owned<cl_program, clReleaseProgram>;
using Kernel = Owned<cl_kernel, clReleaseKernel>;
using Buffer = Owned<cl_mem, clReleaseMemObject>;
using Event = Owned<cl_event, clReleaseEvent>;

std::string text_of(cl_device_id device, cl_device_info what);
std::string text_of(cl_platform_id platform, cl_platform_info what);

template <class T>
T number_of(cl_device_id device, cl_device_info what) {
  T value{};
  clGetDeviceInfo(device, what, sizeof value, &value, nullptr);  // unknown to old devices: stays 0
  return value;
}

// 0: not finished, 1: finished, negative: its error.
int status_of(cl_event event) noexcept;

// Waits without entering the driver. False: not finished within the time.
bool wait_for(cl_event event, std::uint64_t timeout_ns) noexcept;

struct FoundDevice {
  cl_platform_id platform = nullptr;
  cl_device_id device = nullptr;
  std::string index;  // "0:1"
  std::string name;
  std::string platform_name;
  cl_device_type type = 0;
  std::string words() const { return index + " " + name + " (" + platform_name + ")"; }
};

std::vector<FoundDevice> find_devices();
Result<FoundDevice> choose_device(const std::string& wanted);

}  // namespace fulcrum::opencl
