// SPDX-License-Identifier: MIT
// fake_cuda_memory.cc - the stand-in driver's entry points for memory, copies and launches.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "standin_state.h"

using namespace standin;

namespace {

// What a kernel is launched with: see FU_KERNEL.
struct Launch {
  KernelFn run;
  fu_stage stage;
  fu_u32 count, threads;
  DeviceAddress frames, image, table;
};

// Each item on its own, as each thread of a device sees it.
Status run_kernel(State& s, ContextTag* context, const Launch& l) {
  const std::uint64_t frames_bytes = s.room(l.frames);
  fu_task t{l.stage, nullptr, s.behind(context, l.image, 1, true), nullptr};
  if (l.frames) t.frames = s.behind(context, l.frames, 1, false);
  if (l.table) t.table = s.behind(context, l.table, 1, false);
  if (!t.image || (l.frames && !t.frames) || (l.table && !t.table)) return kIllegalAddress;
  for (fu_u32 k = 0; k < l.count && k < l.threads; ++k) {
    if (l.stage.source == FU_READ_FRAMES) {
      fu_u32 length = 0;
      const fu_u8* at = fu_range(&t, k, &length);
      if (length && (!t.frames || at < t.frames || at + length > t.frames + frames_bytes)) {
        s.violation();
        return kIllegalAddress;
      }
    }
    l.run(t, k, 1);
  }
  return kSuccess;
}

std::uint64_t copy_delay(State& s, std::uint64_t bytes) {
  return static_cast<std::uint64_t>(s.knob("copy_ns_per_kb")) * bytes / 1024;
}

}  // namespace

CUDA_CALL cuMemGetInfo_v2(std::size_t* free_bytes, std::size_t* total_bytes) {
  Call c;
  if (!c) return c.status;
  std::size_t used = 0;
  for (const auto& [at, block] : c.s.blocks) used += block.ours ? block.bytes : 0;
  *total_bytes = static_cast<std::size_t>(c.s.knob("memory_bytes"));
  *free_bytes = *total_bytes - std::min(used, *total_bytes);
  return kSuccess;
}

CUDA_CALL cuMemAlloc_v2(DeviceAddress* address, std::size_t bytes) {
  Call c;
  if (!c) return c.status;
  std::size_t used = 0;
  for (const auto& [at, block] : c.s.blocks) used += block.ours ? block.bytes : 0;
  if (c.s.fires("oom_at") || used + bytes > static_cast<std::size_t>(c.s.knob("memory_bytes"))) return kOutOfMemory;
  if (!bytes) return kInvalidValue;
  *address = c.s.allocate(c.current, bytes);
  return *address ? kSuccess : kOutOfMemory;
}

CUDA_CALL cuMemFree_v2(DeviceAddress address) {
  Call c;
  if (!c) return c.status;
  if (!c.s.drain(c.lock, c.current)) return kContextIsDestroyed;
  c.s.unmap_block(address);
  return kSuccess;
}

CUDA_CALL cuMemHostAlloc(void** host, std::size_t bytes, unsigned) {
  Call c;
  if (!c) return c.status;
  if (c.s.fires("host_oom_at")) return kOutOfMemory;
  *host = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (!*host) return kOutOfMemory;
  c.s.pinned[static_cast<std::uint8_t*>(*host)] = {bytes, 0, false};
  return kSuccess;
}

CUDA_CALL cuMemFreeHost(void* host) {
  Call c;
  if (!c) return c.status;
  if (!c.s.drain(c.lock, c.current)) return kContextIsDestroyed;
  auto it = c.s.pinned.find(static_cast<std::uint8_t*>(host));
  if (it == c.s.pinned.end() || it->second.registered) return c.s.violation(), kInvalidValue;
  std::free(host);
  c.s.pinned.erase(it);
  return kSuccess;
}

CUDA_CALL cuMemHostRegister_v2(void* host, std::size_t bytes, unsigned flags) {
  Call c;
  if (!c) return c.status;
  if (c.s.knob("register_error")) return static_cast<Status>(c.s.knob("register_error"));
  auto* at = static_cast<std::uint8_t*>(host);
  if (c.s.is_pinned(at, 1)) return kHostMemoryAlreadyRegistered;
  Block b;
  b.bytes = bytes;
  b.behind = at;
  b.read_only = flags & kRegisterReadOnly;
  c.s.pinned[at] = {bytes, flags & kHostDeviceMap ? c.s.map_block(b) : 0, true};
  return kSuccess;
}

CUDA_CALL cuMemHostUnregister(void* host) {
  Call c;
  if (!c) return c.status;
  if (!c.s.drain(c.lock, c.current)) return kContextIsDestroyed;
  auto it = c.s.pinned.find(static_cast<std::uint8_t*>(host));
  if (it == c.s.pinned.end() || !it->second.registered) return c.s.violation(), kInvalidValue;
  if (it->second.address) c.s.unmap_block(it->second.address);
  c.s.pinned.erase(it);
  return kSuccess;
}

CUDA_CALL cuMemHostGetDevicePointer_v2(DeviceAddress* address, void* host, unsigned) {
  Call c;
  if (!c) return c.status;
  auto it = c.s.pinned.find(static_cast<std::uint8_t*>(host));
  if (it == c.s.pinned.end() || !it->second.address) return c.s.violation(), kInvalidValue;
  *address = it->second.address;
  return kSuccess;
}

CUDA_CALL cuMemcpyHtoDAsync_v2(DeviceAddress to, const void* from, std::size_t bytes, StreamTag* stream) {
  Call c;
  if (!c || !c.known(c.s.streams, stream)) return c.status;
  if (c.s.fires("copy_error_at")) {
    c.s.fail(c.current, static_cast<Status>(c.s.knob("copy_error")));
    return c.current->broken;
  }
  if (!c.s.is_pinned(from, bytes)) ++c.s.counters["pageable"];
  if (!c.s.behind(c.current, to, bytes, true)) return kInvalidValue;
  c.s.push(stream, {[=, &s = c.s, context = c.current] {
                      std::uint8_t* behind = s.behind(context, to, bytes, true);
                      if (!behind) return kIllegalAddress;
                      std::memcpy(behind, from, bytes);
                      s.counters["in_bytes"] += static_cast<long long>(bytes);
                      return kSuccess;
                    },
                    copy_delay(c.s, bytes)});
  return kSuccess;
}

CUDA_CALL cuMemcpyDtoHAsync_v2(void* to, DeviceAddress from, std::size_t bytes, StreamTag* stream) {
  Call c;
  if (!c || !c.known(c.s.streams, stream)) return c.status;
  if (!c.s.is_pinned(to, bytes)) ++c.s.counters["pageable"];
  if (!c.s.behind(c.current, from, bytes, false)) return kInvalidValue;
  const bool flip = c.s.fires("flip_at");
  c.s.push(stream, {[=, &s = c.s, context = c.current] {
                      const std::uint8_t* behind = s.behind(context, from, bytes, false);
                      if (!behind) return kIllegalAddress;
                      std::memcpy(to, behind, bytes);
                      if (flip) static_cast<std::uint8_t*>(to)[0] ^= 1;
                      s.counters["out_bytes"] += static_cast<long long>(bytes);
                      return kSuccess;
                    },
                    copy_delay(c.s, bytes)});
  return kSuccess;
}

CUDA_CALL cuMemcpyDtoDAsync_v2(DeviceAddress to, DeviceAddress from, std::size_t bytes, StreamTag* stream) {
  Call c;
  if (!c || !c.known(c.s.streams, stream)) return c.status;
  if (!c.s.behind(c.current, to, bytes, true) || !c.s.behind(c.current, from, bytes, false)) return kInvalidValue;
  c.s.push(stream, {[=, &s = c.s, context = c.current] {
                      std::uint8_t* target = s.behind(context, to, bytes, true);
                      const std::uint8_t* source = s.behind(context, from, bytes, false);
                      if (!target || !source) return kIllegalAddress;
                      std::memcpy(target, source, bytes);
                      s.counters["within_bytes"] += static_cast<long long>(bytes);
                      return kSuccess;
                    },
                    copy_delay(c.s, bytes)});
  return kSuccess;
}

CUDA_CALL cuLaunchKernel(FunctionTag* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                         unsigned block_y, unsigned block_z, unsigned, StreamTag* stream, void** args, void** extra) {
  Call c;
  if (!c || !c.known(c.s.streams, stream)) return c.status;
  if (c.s.fires("launch_error_at")) return static_cast<Status>(c.s.knob("launch_error"));
  if (!grid_x || grid_y != 1 || grid_z != 1 || !block_x || block_x > 1024 || block_y != 1 || block_z != 1 || extra)
    return kInvalidValue;
  Launch l{function->run, {}, 0, grid_x * block_x, 0, 0, 0};
  std::memcpy(&l.stage, args[0], sizeof(l.stage));
  std::memcpy(&l.count, args[1], sizeof(l.count));
  std::memcpy(&l.frames, args[2], sizeof(l.frames));
  std::memcpy(&l.image, args[3], sizeof(l.image));
  std::memcpy(&l.table, args[4], sizeof(l.table));
  const bool fault = c.s.fires("fault_at");
  ++c.s.counters["launches"];
  c.s.push(stream, {[=, &s = c.s, context = c.current] {
                      return fault ? static_cast<Status>(s.knob("fault_error")) : run_kernel(s, context, l);
                    },
                    static_cast<std::uint64_t>(c.s.knob("launch_ns"))});
  return kSuccess;
}
