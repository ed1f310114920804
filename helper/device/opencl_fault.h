// SPDX-License-Identifier: MIT
// opencl_fault.h - in front of OpenCL's calls, for tests: counts what is copied, and makes a device fail or hang.
//
// Defines some of libOpenCL's functions in the test program, which thereby come
// before the library's, and goes on to those. Include in one file.
#pragma once

#include <dlfcn.h>

#include <atomic>

#include "device/opencl_api.h"

namespace fulcrum::opencl {

inline constexpr int kTruth = 1000;

struct Faults {
  std::atomic<std::uint64_t> written_bytes{0}, read_bytes{0}, launches{0};
  std::atomic<int> launches_until_error{-1};  // 0: the next one fails; -1: none
  std::atomic<int> event_status{kTruth};      // what events are said to have
};
inline Faults faults;

template <class F>
F real(const char* name, F) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

}  // namespace fulcrum::opencl

extern "C" {

cl_int clGetEventInfo(cl_event event, cl_event_info what, size_t size, void* value, size_t* size_ret) {
  static const auto real = fulcrum::opencl::real("clGetEventInfo", &clGetEventInfo);
  const cl_int error = real(event, what, size, value, size_ret);
  const int status = fulcrum::opencl::faults.event_status;
  if (error || what != CL_EVENT_COMMAND_EXECUTION_STATUS || status == fulcrum::opencl::kTruth) return error;
  // A command has ended when it is said to have failed: its memory is free to go.
  if (status > 0 || *static_cast<cl_int*>(value) == CL_COMPLETE) *static_cast<cl_int*>(value) = status;
  return error;
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dim, const size_t* offset,
                              const size_t* global, const size_t* local, cl_uint waits, const cl_event* wait,
                              cl_event* event) {
  static const auto real = fulcrum::opencl::real("clEnqueueNDRangeKernel", &clEnqueueNDRangeKernel);
  ++fulcrum::opencl::faults.launches;
  std::atomic<int>& left = fulcrum::opencl::faults.launches_until_error;
  if (left >= 0 && left-- == 0) return CL_OUT_OF_RESOURCES;
  return real(queue, kernel, dim, offset, global, local, waits, wait, event);
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size,
                            const void* ptr, cl_uint waits, const cl_event* wait, cl_event* event) {
  static const auto real = fulcrum::opencl::real("clEnqueueWriteBuffer", &clEnqueueWriteBuffer);
  fulcrum::opencl::faults.written_bytes += size;
  return real(queue, buffer, blocking, offset, size, ptr, waits, wait, event);
}

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size,
                           void* ptr, cl_uint waits, const cl_event* wait, cl_event* event) {
  static const auto real = fulcrum::opencl::real("clEnqueueReadBuffer", &clEnqueueReadBuffer);
  fulcrum::opencl::faults.read_bytes += size;
  return real(queue, buffer, blocking, offset, size, ptr, waits, wait, event);
}

}  // extern "C"
