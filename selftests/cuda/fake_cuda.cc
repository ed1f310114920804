// SPDX-License-Identifier: MIT
// fake_cuda.cc - a CUDA driver without a device: the driver's entry points, run on the CPU.
//
//   back end --dlopen--> libcuda-standin.so --kernel's C++ build--> memory apart
//
// Addresses of its devices are none of the program's, every range is checked,
// streams run beside the caller with delays, and every fault of a real device
// can be had (standin_control.h). What only hardware does (warps, caches, bus
// speed) it does not show.
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "standin_control.h"
#include "standin_state.h"

using namespace standin;

namespace standin {
ContextTag*& current_context() {
  thread_local ContextTag* current = nullptr;
  return current;
}
}  // namespace standin

namespace {

bool no_device(Call& c, DeviceId device) { return device < 0 || device >= c.s.knob("devices"); }

constexpr std::pair<Status, const char*> kNames[] = {
    {kSuccess, "CUDA_SUCCESS"},
    {kInvalidValue, "CUDA_ERROR_INVALID_VALUE"},
    {kOutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY"},
    {kDeviceUnavailable, "CUDA_ERROR_DEVICE_UNAVAILABLE"},
    {kNoDevice, "CUDA_ERROR_NO_DEVICE"},
    {kInvalidDevice, "CUDA_ERROR_INVALID_DEVICE"},
    {kInvalidImage, "CUDA_ERROR_INVALID_IMAGE"},
    {kInvalidContext, "CUDA_ERROR_INVALID_CONTEXT"},
    {kNoBinaryForGpu, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
    {kEccUncorrectable, "CUDA_ERROR_ECC_UNCORRECTABLE"},
    {kInvalidPtx, "CUDA_ERROR_INVALID_PTX"},
    {kNotFound, "CUDA_ERROR_NOT_FOUND"},
    {kIllegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS"},
    {kLaunchOutOfResources, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"},
    {kHostMemoryAlreadyRegistered, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED"},
    {kLaunchFailed, "CUDA_ERROR_LAUNCH_FAILED"},
    {kNotSupported, "CUDA_ERROR_NOT_SUPPORTED"},
    {kUnknown, "CUDA_ERROR_UNKNOWN"},
};

}  // namespace

CUDA_CALL cuInit(unsigned) { return static_cast<Status>(Call(false).s.knob("init_error")); }

CUDA_CALL cuDriverGetVersion(int* version) {
  *version = 13000;
  return kSuccess;
}

CUDA_CALL cuGetErrorName(Status status, const char** text) {
  for (const auto& [known, name] : kNames)
    if (known == status) return *text = name, kSuccess;
  return kInvalidValue;
}

CUDA_CALL cuGetErrorString(Status, const char** text) { return *text = "as the stand-in was told", kSuccess; }

CUDA_CALL cuDeviceGetCount(int* count) {
  Call c(false);
  *count = static_cast<int>(c.s.knob("devices"));
  return *count ? kSuccess : kNoDevice;
}

CUDA_CALL cuDeviceGet(DeviceId* device, int ordinal) {
  Call c(false);
  if (no_device(c, ordinal)) return kInvalidDevice;
  *device = ordinal;
  return kSuccess;
}

CUDA_CALL cuDeviceGetByPCIBusId(DeviceId* device, const char* bus_id) {
  Call c(false);
  int domain = 0, bus = 0;
  if (std::sscanf(bus_id, "%x:%x", &domain, &bus) != 2 || no_device(c, bus - 0x10)) return kInvalidDevice;
  *device = bus - 0x10;
  return kSuccess;
}

CUDA_CALL cuDeviceGetName(char* name, int bytes, DeviceId device) {
  std::snprintf(name, static_cast<std::size_t>(bytes), "Stand-in %d", device);
  return kSuccess;
}

CUDA_CALL cuDeviceGetUuid_v2(Uuid* uuid, DeviceId device) {
  std::memset(uuid->bytes, 0xa0 + device, sizeof(uuid->bytes));
  return kSuccess;
}

CUDA_CALL cuDeviceTotalMem_v2(std::size_t* bytes, DeviceId) {
  *bytes = static_cast<std::size_t>(Call(false).s.knob("memory_bytes"));
  return kSuccess;
}

CUDA_CALL cuDeviceGetAttribute(int* value, int attribute, DeviceId) {
  Call c(false);
  const int cc = static_cast<int>(c.s.knob("cc"));
  switch (attribute) {
    case kAttrSmCount:
      return *value = 8, kSuccess;
    case kAttrCanMapHostMemory:
      return *value = static_cast<int>(c.s.knob("map_host")), kSuccess;
    case kAttrCcMajor:
      return *value = cc / 10, kSuccess;
    case kAttrCcMinor:
      return *value = cc % 10, kSuccess;
    case kAttrReadOnlyHostRegister:
      return *value = 1, kSuccess;
    default:
      return kInvalidValue;
  }
}

CUDA_CALL cuDevicePrimaryCtxRetain(ContextTag** context, DeviceId device) {
  Call c(false);
  if (c.s.knob("retain_error")) return static_cast<Status>(c.s.knob("retain_error"));
  ContextTag& it = c.s.contexts[device];
  it.device = device;
  if (it.broken) return it.broken;
  ++it.retained;
  *context = &it;
  return kSuccess;
}

// The last one to let go ends the context and all that is in it.
CUDA_CALL cuDevicePrimaryCtxRelease_v2(DeviceId device) {
  Call c(false);
  State& s = c.s;
  ContextTag& it = s.contexts[device];
  const std::uint64_t epoch = s.epoch;
  if (s.knob("release_hangs")) s.changed.wait(c.lock, [&] { return s.epoch != epoch; });
  if (!it.retained) return kInvalidContext;
  if (!it.broken && !s.drain(c.lock, &it)) return kContextIsDestroyed;
  if (--it.retained) return kSuccess;
  std::erase_if(s.streams, [&](StreamTag* x) { return x->context == &it && (delete x, true); });
  std::erase_if(s.events, [&](EventTag* x) { return x->context == &it && (delete x, true); });
  std::erase_if(s.modules, [&](ModuleTag* x) { return x->context == &it && (delete x, true); });
  std::vector<DeviceAddress> left;
  for (const auto& [at, block] : s.blocks)
    if (block.context == &it) left.push_back(at);
  for (const DeviceAddress at : left) s.unmap_block(at);
  if (it.broken) {  // host memory goes along
    for (const auto& [host, pinned] : s.pinned) {
      if (pinned.address) s.unmap_block(pinned.address);
      if (!pinned.registered) std::free(host);
    }
    s.pinned.clear();
  }
  if (!s.knob("stays_broken")) it.broken = kSuccess;
  return kSuccess;
}

CUDA_CALL cuCtxSetCurrent(ContextTag* context) {
  current_context() = context;
  return kSuccess;
}

// Options are those that the back end gives: two buffers and their lengths.
CUDA_CALL cuModuleLoadDataEx(ModuleTag** module, const void* image, unsigned options, int* option, void** value) {
  Call c;
  if (!c) return c.status;
  if (c.s.knob("module_error")) {
    for (unsigned i = 0; i < options; ++i)
      if (option[i] == kJitErrorLog) std::strcpy(static_cast<char*>(value[i]), "ptxas error: told to fail, line 7");
    return static_cast<Status>(c.s.knob("module_error"));
  }
  if (!image || !*static_cast<const char*>(image)) return kInvalidImage;
  *module = *c.s.modules.insert(new ModuleTag{c.current}).first;
  return kSuccess;
}

CUDA_CALL cuModuleUnload(ModuleTag* module) {
  Call c;
  if (!c || !c.known(c.s.modules, module)) return c.status;
  return c.remove(c.s.modules, module);
}

CUDA_CALL cuModuleGetFunction(FunctionTag** function, ModuleTag* module, const char* name) {
  Call c;
  if (!c || !c.known(c.s.modules, module)) return c.status;
  const KernelFn run = find_kernel(c.s, name);
  if (!run) return kNotFound;
  FunctionTag& f = c.s.functions[name];
  f = {name, run};
  *function = &f;
  return kSuccess;
}

CUDA_CALL cuOccupancyMaxPotentialBlockSize(int* grid, int* block, FunctionTag*, BlockToShared, std::size_t, int) {
  Call c;
  *grid = 16, *block = 256;
  return c.status;
}

CUDA_CALL cuStreamCreate(StreamTag** stream, unsigned) {
  Call c;
  if (!c) return c.status;
  *stream = new StreamTag{c.current, {}, 0};
  c.s.streams.insert(*stream);
  return kSuccess;
}

CUDA_CALL cuStreamDestroy_v2(StreamTag* stream) {
  Call c;
  if (!c || !c.known(c.s.streams, stream)) return c.status;
  return c.remove(c.s.streams, stream);
}

CUDA_CALL cuEventCreate(EventTag** event, unsigned) {
  Call c;
  if (!c) return c.status;
  *event = new EventTag{c.current, 0, 0, 0};
  c.s.events.insert(*event);
  return kSuccess;
}

CUDA_CALL cuEventDestroy_v2(EventTag* event) {
  Call c;
  if (!c || !c.known(c.s.events, event)) return c.status;
  return c.remove(c.s.events, event);
}

CUDA_CALL cuEventRecord(EventTag* event, StreamTag* stream) {
  Call c;
  if (!c || !c.known(c.s.events, event) || !c.known(c.s.streams, stream)) return c.status;
  const std::uint64_t number = ++event->recorded;
  Operation op;
  op.never = c.s.fires("hang_at");
  op.run = [event, number, &s = c.s] {
    if (s.events.count(event)) event->happened = number, event->at_ns = clock_ns();
    return kSuccess;
  };
  c.s.push(stream, std::move(op));
  return kSuccess;
}

CUDA_CALL cuEventQuery(EventTag* event) {
  Call c;
  if (!c || !c.known(c.s.events, event)) return c.status;
  return event->happened == event->recorded ? kSuccess : kNotReady;
}

CUDA_CALL cuEventElapsedTime(float* ms, EventTag* start, EventTag* end) {
  Call c;
  if (!c || !c.known(c.s.events, start) || !c.known(c.s.events, end)) return c.status;
  if (start->happened != start->recorded || end->happened != end->recorded) return kNotReady;
  *ms = static_cast<float>(end->at_ns - start->at_ns) / 1e6f;
  return kSuccess;
}
