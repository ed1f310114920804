// SPDX-License-Identifier: MIT
// opencl_list.cc - the OpenCL devices of this machine, and which one is meant.
#include <algorithm>
#include <cctype>
#include <thread>

#include "base/clock.h"
#include "device/opencl_api.h"

namespace fulcrum::opencl {
namespace {

std::string lower(std::string s) {
  for (char& c : s) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return s;
}

// Without the NUL that OpenCL counts, and the blanks some drivers pad with.
std::string trimmed(std::string s) {
  while (!s.empty() && (s.back() == '\0' || s.back() == ' ')) s.pop_back();
  return s;
}

// GPUs in front of other accelerators, and those in front of CPUs, which the cpu device serves better.
int rank(const FoundDevice& d) { return d.type & CL_DEVICE_TYPE_GPU ? 0 : d.type & CL_DEVICE_TYPE_ACCELERATOR ? 1 : 2; }

std::string choices(const std::vector<FoundDevice>& all) {
  std::string text;
  for (const FoundDevice& d : all) text += (text.empty() ? "" : ", ") + d.words();
  return text;
}

}  // namespace

std::string error_name(cl_int error) {
  static constexpr std::pair<cl_int, const char*> kNames[] = {
      {CL_DEVICE_NOT_FOUND, "CL_DEVICE_NOT_FOUND"},
      {CL_DEVICE_NOT_AVAILABLE, "CL_DEVICE_NOT_AVAILABLE"},
      {CL_COMPILER_NOT_AVAILABLE, "CL_COMPILER_NOT_AVAILABLE"},
      {CL_MEM_OBJECT_ALLOCATION_FAILURE, "CL_MEM_OBJECT_ALLOCATION_FAILURE"},
      {CL_OUT_OF_RESOURCES, "CL_OUT_OF_RESOURCES"},
      {CL_OUT_OF_HOST_MEMORY, "CL_OUT_OF_HOST_MEMORY"},
      {CL_MAP_FAILURE, "CL_MAP_FAILURE"},
      {CL_BUILD_PROGRAM_FAILURE, "CL_BUILD_PROGRAM_FAILURE"},
      {CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST"},
      {CL_INVALID_VALUE, "CL_INVALID_VALUE"},
      {CL_INVALID_BINARY, "CL_INVALID_BINARY"},
      {CL_INVALID_KERNEL_NAME, "CL_INVALID_KERNEL_NAME"},
      {CL_INVALID_KERNEL_ARGS, "CL_INVALID_KERNEL_ARGS"},
      {CL_INVALID_ARG_SIZE, "CL_INVALID_ARG_SIZE"},
      {CL_INVALID_WORK_GROUP_SIZE, "CL_INVALID_WORK_GROUP_SIZE"},
      {CL_INVALID_BUFFER_SIZE, "CL_INVALID_BUFFER_SIZE"},
      {CL_INVALID_EVENT, "CL_INVALID_EVENT"},
      {-1001, "CL_PLATFORM_NOT_FOUND_KHR"},
      {-9999, "illegal read or write by a kernel"},  // NVIDIA's own
  };
  for (const auto& [value, name] : kNames)
    if (value == error) return std::string(name) + " (" + std::to_string(error) + ")";
  return "error " + std::to_string(error);
}

std::string text_of(cl_device_id device, cl_device_info what) {
  std::size_t bytes = 0;
  if (clGetDeviceInfo(device, what, 0, nullptr, &bytes)) return "";
  std::string text(bytes, '\0');
  clGetDeviceInfo(device, what, bytes, text.data(), nullptr);
  return trimmed(std::move(text));
}

std::string text_of(cl_platform_id platform, cl_platform_info what) {
  std::size_t bytes = 0;
  if (clGetPlatformInfo(platform, what, 0, nullptr, &bytes)) return "";
  std::string text(bytes, '\0');
  clGetPlatformInfo(platform, what, bytes, text.data(), nullptr);
  return trimmed(std::move(text));
}

int status_of(cl_event event) noexcept {
  cl_int status = 0;
  const cl_int error = clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, nullptr);
  if (error) return error;
  return status == CL_COMPLETE ? 1 : status < 0 ? status : 0;
}

bool wait_for(cl_event event, std::uint64_t timeout_ns) noexcept {
  for (const std::uint64_t end_ns = now_ns() + timeout_ns; !status_of(event);) {
    if (now_ns() > end_ns) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
  return true;
}

std::vector<FoundDevice> find_devices() {
  std::vector<FoundDevice> all;
  cl_uint platforms = 0;
  if (clGetPlatformIDs(0, nullptr, &platforms) || !platforms) return all;
  std::vector<cl_platform_id> platform(platforms);
  clGetPlatformIDs(platforms, platform.data(), nullptr);
  for (cl_uint p = 0; p < platforms; ++p) {
    cl_uint devices = 0;
    if (clGetDeviceIDs(platform[p], CL_DEVICE_TYPE_ALL, 0, nullptr, &devices) || !devices) continue;
    std::vector<cl_device_id> device(devices);
    clGetDeviceIDs(platform[p], CL_DEVICE_TYPE_ALL, devices, device.data(), nullptr);
    for (cl_uint d = 0; d < devices; ++d)
      all.push_back({platform[p], device[d], std::to_string(p) + ":" + std::to_string(d),
                     text_of(device[d], CL_DEVICE_NAME), text_of(platform[p], CL_PLATFORM_NAME),
                     number_of<cl_device_type>(device[d], CL_DEVICE_TYPE)});
  }
  return all;
}

Result<FoundDevice> choose_device(const std::string& wanted) {
  const std::vector<FoundDevice> all = find_devices();
  if (all.empty())
    return Error{
        "opencl: no OpenCL device: no driver is registered in /etc/OpenCL/vendors or none of them has a device; "
        "install one (Debian: pocl-opencl-icd runs kernels on the CPU, intel-opencl-icd and mesa-opencl-icd on GPUs, "
        "nvidia-opencl-icd on NVIDIA's) and see that `clinfo -l` lists it"};
  if (wanted.empty())
    return *std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return rank(a) < rank(b); });
  std::vector<FoundDevice> match;
  if (wanted.find_first_not_of("0123456789") == wanted.npos && wanted.size() < 4) {
    const auto number = static_cast<std::size_t>(std::stoul(wanted));
    if (number < all.size()) return all[number];
    return Error{"opencl: no device " + wanted + ": choose one of: " + choices(all)};
  }
  for (const FoundDevice& d : all) {
    if (d.index == wanted) return d;
    if (lower(d.name + " (" + d.platform_name + ")").find(lower(wanted)) != std::string::npos) match.push_back(d);
  }
  if (match.size() == 1) return match[0];
  if (match.empty()) return Error{"opencl: no device `" + wanted + "`: choose one of: " + choices(all)};
  return Error{"opencl: `" + wanted + "` is part of several names: choose one by its number: " + choices(match)};
}

}  // namespace fulcrum::opencl

namespace fulcrum {

std::vector<std::string> opencl_devices() {
  std::vector<std::string> words;
  for (const opencl::FoundDevice& d : opencl::find_devices()) words.push_back(d.words());
  return words;
}

}  // namespace fulcrum
