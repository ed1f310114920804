// SPDX-License-Identifier: MIT
// abi_check.cc - cuda_api.h against <cuda.h>: same numbers, same arguments. Compiled only, where CUDA's headers are.
#include <cuda.h>

#include <type_traits>

#include "device/cuda_api.h"

namespace fulcrum::cuda {

#define SAME(ours, theirs) static_assert(static_cast<long>(ours) == static_cast<long>(theirs))
SAME(kSuccess, CUDA_SUCCESS);
SAME(kInvalidValue, CUDA_ERROR_INVALID_VALUE);
SAME(kOutOfMemory, CUDA_ERROR_OUT_OF_MEMORY);
SAME(kNotInitialized, CUDA_ERROR_NOT_INITIALIZED);
SAME(kDeinitialized, CUDA_ERROR_DEINITIALIZED);
SAME(kDeviceUnavailable, CUDA_ERROR_DEVICE_UNAVAILABLE);
SAME(kNoDevice, CUDA_ERROR_NO_DEVICE);
SAME(kInvalidDevice, CUDA_ERROR_INVALID_DEVICE);
SAME(kInvalidImage, CUDA_ERROR_INVALID_IMAGE);
SAME(kInvalidContext, CUDA_ERROR_INVALID_CONTEXT);
SAME(kNoBinaryForGpu, CUDA_ERROR_NO_BINARY_FOR_GPU);
SAME(kEccUncorrectable, CUDA_ERROR_ECC_UNCORRECTABLE);
SAME(kInvalidPtx, CUDA_ERROR_INVALID_PTX);
SAME(kNvlinkUncorrectable, CUDA_ERROR_NVLINK_UNCORRECTABLE);
SAME(kInvalidHandle, CUDA_ERROR_INVALID_HANDLE);
SAME(kNotFound, CUDA_ERROR_NOT_FOUND);
SAME(kNotReady, CUDA_ERROR_NOT_READY);
SAME(kIllegalAddress, CUDA_ERROR_ILLEGAL_ADDRESS);
SAME(kLaunchOutOfResources, CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
SAME(kLaunchTimeout, CUDA_ERROR_LAUNCH_TIMEOUT);
SAME(kContextIsDestroyed, CUDA_ERROR_CONTEXT_IS_DESTROYED);
SAME(kAssert, CUDA_ERROR_ASSERT);
SAME(kHostMemoryAlreadyRegistered, CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
SAME(kHardwareStackError, CUDA_ERROR_HARDWARE_STACK_ERROR);
SAME(kIllegalInstruction, CUDA_ERROR_ILLEGAL_INSTRUCTION);
SAME(kMisalignedAddress, CUDA_ERROR_MISALIGNED_ADDRESS);
SAME(kInvalidAddressSpace, CUDA_ERROR_INVALID_ADDRESS_SPACE);
SAME(kInvalidPc, CUDA_ERROR_INVALID_PC);
SAME(kLaunchFailed, CUDA_ERROR_LAUNCH_FAILED);
SAME(kNotSupported, CUDA_ERROR_NOT_SUPPORTED);
SAME(kMpsClientTerminated, CUDA_ERROR_MPS_CLIENT_TERMINATED);
SAME(kUnknown, CUDA_ERROR_UNKNOWN);
SAME(kAttrSmCount, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
SAME(kAttrCanMapHostMemory, CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY);
SAME(kAttrCcMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
SAME(kAttrCcMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
SAME(kAttrReadOnlyHostRegister, CU_DEVICE_ATTRIBUTE_READ_ONLY_HOST_REGISTER_SUPPORTED);
SAME(kHostPortable, CU_MEMHOSTALLOC_PORTABLE);
SAME(kHostPortable, CU_MEMHOSTREGISTER_PORTABLE);
SAME(kHostDeviceMap, CU_MEMHOSTREGISTER_DEVICEMAP);
SAME(kRegisterReadOnly, CU_MEMHOSTREGISTER_READ_ONLY);
SAME(kStreamNonBlocking, CU_STREAM_NON_BLOCKING);
SAME(kEventDefault, CU_EVENT_DEFAULT);
SAME(kJitInfoLog, CU_JIT_INFO_LOG_BUFFER);
SAME(kJitInfoLogBytes, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES);
SAME(kJitErrorLog, CU_JIT_ERROR_LOG_BUFFER);
SAME(kJitErrorLogBytes, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
static_assert(sizeof(DeviceAddress) == sizeof(CUdeviceptr) && sizeof(DeviceId) == sizeof(CUdevice) &&
              sizeof(Uuid) == sizeof(CUuuid) && sizeof(Status) == sizeof(CUresult));

// As many arguments, each passed alike.
template <class T>
constexpr int kPassedAs = std::is_pointer_v<T> ? -1 : static_cast<int>(sizeof(T));
template <class... Ours, class... Theirs>
constexpr bool alike(Status (*)(Ours...), CUresult (*)(Theirs...)) {
  if constexpr (sizeof...(Ours) == sizeof...(Theirs))
    return ((kPassedAs<Ours> == kPassedAs<Theirs>)&&...);
  else
    return false;
}
#define ALIKE(member, symbol, args) \
  static_assert(alike(decltype(Api::member){}, decltype(&::symbol){}), "arguments of " #symbol);
FULCRUM_CUDA_CALLS(ALIKE)

}  // namespace fulcrum::cuda
