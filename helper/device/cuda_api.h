// SPDX-License-Identifier: MIT
// cuda_api.h - the CUDA driver's functions that we call, found in its library at run time.
//
// Declared here so that building needs no CUDA and running needs no driver.
// Names, numbers and signatures are the driver's ABI (CUDA Driver API reference);
// selftests/cuda/abi_check.cc compares them with <cuda.h> where that is installed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "fulcrum/result.h"

namespace fulcrum::cuda {

enum Status : int {
  kSuccess = 0,
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kNotInitialized = 3,
  kDeinitialized = 4,
  kDeviceUnavailable = 46,
  kNoDevice = 100,
  kInvalidDevice = 101,
  kInvalidImage = 200,
  kInvalidContext = 201,
  kNoBinaryForGpu = 209,
  kEccUncorrectable = 214,
  kInvalidPtx = 218,
  kNvlinkUncorrectable = 220,
  kContained = 226,
  kInvalidHandle = 400,
  kNotFound = 500,
  kNotReady = 600,
  kIllegalAddress = 700,
  kLaunchOutOfResources = 701,
  kLaunchTimeout = 702,
  kContextIsDestroyed = 709,
  kAssert = 710,
  kHostMemoryAlreadyRegistered = 712,
  kHardwareStackError = 714,
  kIllegalInstruction = 715,
  kMisalignedAddress = 716,
  kInvalidAddressSpace = 717,
  kInvalidPc = 718,
  kLaunchFailed = 719,
  kNotSupported = 801,
  kMpsClientTerminated = 810,
  kUnknown = 999,
};

// After these the context runs nothing any more, whatever is called.
bool is_sticky(Status s) noexcept;

using DeviceId = int;
using DeviceAddress = std::uint64_t;  // in the device's address space; 0: null
using Context = struct ContextTag*;
using Module = struct ModuleTag*;
using Function = struct FunctionTag*;
using Stream = struct StreamTag*;
using Event = struct EventTag*;
struct Uuid {
  unsigned char bytes[16];
};

inline constexpr int kAttrSmCount = 16;
inline constexpr int kAttrCanMapHostMemory = 19;
inline constexpr int kAttrCcMajor = 75;
inline constexpr int kAttrCcMinor = 76;
inline constexpr int kAttrReadOnlyHostRegister = 113;
inline constexpr unsigned kHostPortable = 1;  // of allocations and of registrations
inline constexpr unsigned kHostDeviceMap = 2;
inline constexpr unsigned kRegisterReadOnly = 8;
inline constexpr unsigned kStreamNonBlocking = 1;
inline constexpr unsigned kEventDefault = 0;
inline constexpr int kJitInfoLog = 3;
inline constexpr int kJitInfoLogBytes = 4;
inline constexpr int kJitErrorLog = 5;
inline constexpr int kJitErrorLogBytes = 6;

using BlockToShared = std::size_t (*)(int block);

// member, exported name, arguments
#define FULCRUM_CUDA_CALLS(X)                                                                                  \
  X(init, cuInit, (unsigned flags))                                                                            \
  X(driver_version, cuDriverGetVersion, (int* version))                                                        \
  X(error_name, cuGetErrorName, (Status s, const char** text))                                                 \
  X(error_string, cuGetErrorString, (Status s, const char** text))                                             \
  X(device_count, cuDeviceGetCount, (int* count))                                                              \
  X(device_get, cuDeviceGet, (DeviceId * device, int ordinal))                                                 \
  X(device_by_pci, cuDeviceGetByPCIBusId, (DeviceId * device, const char* bus_id))                             \
  X(device_name, cuDeviceGetName, (char* name, int bytes, DeviceId device))                                    \
  X(device_uuid, cuDeviceGetUuid_v2, (Uuid * uuid, DeviceId device))                                           \
  X(device_memory, cuDeviceTotalMem_v2, (std::size_t * bytes, DeviceId device))                                \
  X(device_attribute, cuDeviceGetAttribute, (int* value, int attribute, DeviceId device))                      \
  X(context_retain, cuDevicePrimaryCtxRetain, (Context * context, DeviceId device))                            \
  X(context_release, cuDevicePrimaryCtxRelease_v2, (DeviceId device))                                          \
  X(context_set, cuCtxSetCurrent, (Context context))                                                           \
  X(memory_info, cuMemGetInfo_v2, (std::size_t * free_bytes, std::size_t * total_bytes))                       \
  X(module_load, cuModuleLoadDataEx,                                                                           \
    (Module * module, const void* image, unsigned options, int* option, void** value))                         \
  X(module_unload, cuModuleUnload, (Module module))                                                            \
  X(module_function, cuModuleGetFunction, (Function * function, Module module, const char* name))              \
  X(occupancy, cuOccupancyMaxPotentialBlockSize,                                                               \
    (int* min_grid, int* block, Function function, BlockToShared shared_of, std::size_t shared, int limit))    \
  X(launch, cuLaunchKernel,                                                                                    \
    (Function function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y, \
     unsigned block_z, unsigned shared_bytes, Stream stream, void** args, void** extra))                       \
  X(stream_create, cuStreamCreate, (Stream * stream, unsigned flags))                                          \
  X(stream_destroy, cuStreamDestroy_v2, (Stream stream))                                                       \
  X(event_create, cuEventCreate, (Event * event, unsigned flags))                                              \
  X(event_destroy, cuEventDestroy_v2, (Event event))                                                           \
  X(event_record, cuEventRecord, (Event event, Stream stream))                                                 \
  X(event_query, cuEventQuery, (Event event))                                                                  \
  X(event_elapsed, cuEventElapsedTime, (float* ms, Event start, Event end))                                    \
  X(alloc, cuMemAlloc_v2, (DeviceAddress * address, std::size_t bytes))                                        \
  X(free, cuMemFree_v2, (DeviceAddress address))                                                               \
  X(host_alloc, cuMemHostAlloc, (void** host, std::size_t bytes, unsigned flags))                              \
  X(host_free, cuMemFreeHost, (void* host))                                                                    \
  X(host_register, cuMemHostRegister_v2, (void* host, std::size_t bytes, unsigned flags))                      \
  X(host_unregister, cuMemHostUnregister, (void* host))                                                        \
  X(host_address, cuMemHostGetDevicePointer_v2, (DeviceAddress * address, void* host, unsigned flags))         \
  X(copy_in, cuMemcpyHtoDAsync_v2, (DeviceAddress to, const void* from, std::size_t bytes, Stream stream))     \
  X(copy_out, cuMemcpyDtoHAsync_v2, (void* to, DeviceAddress from, std::size_t bytes, Stream stream))          \
  X(copy_within, cuMemcpyDtoDAsync_v2, (DeviceAddress to, DeviceAddress from, std::size_t bytes, Stream stream))

// One loaded driver library. Immutable. Never unloaded: the driver has threads of its own.
struct Api {
#define FULCRUM_CUDA_MEMBER(member, symbol, args) Status(*member) args = nullptr;
  FULCRUM_CUDA_CALLS(FULCRUM_CUDA_MEMBER)
#undef FULCRUM_CUDA_MEMBER
  Status (*function_load)(Function function) = nullptr;  // cuFuncLoad, from CUDA 12.4 on; else null
  std::string library;

  // "CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was encountered)"
  std::string words(Status s) const;
};

// `library`: file to open; "": environment FULCRUM_CUDA_LIBRARY, else the system's libcuda.so.1.
// cuInit() has been called. Errors: no driver, or it refuses. Context: setup.
Result<std::shared_ptr<const Api>> load_api(const std::string& library);

}  // namespace fulcrum::cuda
