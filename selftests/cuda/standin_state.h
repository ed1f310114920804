// SPDX-License-Identifier: MIT
// standin_state.h - what the stand-in driver keeps: contexts, memory, streams, knobs. One lock for all of it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "device/cuda_api.h"
#include "fulcrum/kernel.h"

namespace fulcrum::cuda {

struct ContextTag {
  int device = 0;
  int retained = 0;
  Status broken = kSuccess;
};
struct ModuleTag {
  ContextTag* context;
};
struct FunctionTag {
  std::string name;
  KernelFn run;
};
struct EventTag {
  ContextTag* context = nullptr;
  std::uint64_t recorded = 0, happened = 0;  // numbers of records
  std::uint64_t at_ns = 0;
};

// One thing that a stream does.
struct Operation {
  std::function<Status()> run;
  std::uint64_t delay_ns = 0;
  bool never = false;
};
struct StreamTag {
  ContextTag* context = nullptr;
  std::deque<Operation> queue;
  std::uint64_t started_ns = 0;  // of the first in the queue; 0: not yet
};

}  // namespace fulcrum::cuda

namespace standin {

using namespace fulcrum::cuda;
using fulcrum::KernelFn;

// As cuCtxSetCurrent left it on this thread.
ContextTag*& current_context();

// A range of device addresses and what is behind it.
struct Block {
  ContextTag* context = nullptr;  // null: any may use it
  std::uint64_t bytes = 0;
  std::uint8_t* behind = nullptr;
  bool ours = false;  // memory of the device, else the host's
  bool read_only = false;
  void* mapping = nullptr;  // what to unmap
  std::uint64_t mapping_bytes = 0;
};

struct Pinned {
  std::uint64_t bytes = 0;
  DeviceAddress address = 0;  // 0: not mapped
  bool registered = false;
};

struct State {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, long long> knobs, counters;
  std::map<int, ContextTag> contexts;
  std::map<DeviceAddress, Block> blocks;
  std::map<std::uint8_t*, Pinned> pinned;
  std::set<ModuleTag*> modules;
  std::map<std::string, FunctionTag> functions;
  std::set<EventTag*> events;
  std::set<StreamTag*> streams;
  std::map<std::string, fulcrum::KernelFn> kernels;
  DeviceAddress next_address = 0;
  std::uint64_t epoch = 0;  // of resets
  bool running = false;     // the thread that works streams off

  // Context of all: the lock is held.
  long long knob(const char* name) { return knobs[name]; }
  bool fires(const char* name);  // counts an …_at knob down
  void set_defaults();
  void violation() { ++counters["violations"]; }

  DeviceAddress map_block(Block block);
  // Memory of the device, filled with rubbish, with nothing behind its end.
  DeviceAddress allocate(ContextTag* context, std::uint64_t bytes);
  void unmap_block(DeviceAddress at);
  // Host address behind device addresses [at, at + bytes), or null and a violation.
  std::uint8_t* behind(ContextTag* context, DeviceAddress at, std::uint64_t bytes, bool write);
  // From `at` to the end of its block; 0: not an address of the device.
  std::uint64_t room(DeviceAddress at);
  bool is_pinned(const void* host, std::uint64_t bytes);

  void push(StreamTag* stream, Operation op);
  // Until nothing of the context runs; false: everything was reset meanwhile.
  bool drain(std::unique_lock<std::mutex>& lock, ContextTag* context);
  void fail(ContextTag* context, Status s);
};

State& state();
KernelFn find_kernel(State& s, const std::string& name);
std::uint64_t clock_ns();

// The lock, and what every call starts with.
struct Call {
  State& s = state();
  std::unique_lock<std::mutex> lock{s.mutex};
  ContextTag* const current = current_context();
  Status status = kSuccess;
  explicit Call(bool needs_context = true) {
    if (!needs_context) return;
    if (!current || !current->retained) {
      s.violation();
      status = kInvalidContext;
    } else {
      status = current->broken;
    }
  }
  explicit operator bool() const { return status == kSuccess; }
  template <class T>
  bool known(const std::set<T*>& all, T* one) {
    if (all.count(one)) return true;
    s.violation();
    status = kInvalidHandle;
    return false;
  }
  // Takes one away once nothing of the context runs, as the driver does.
  template <class T>
  Status remove(std::set<T*>& all, T* one) {
    if (!s.drain(lock, current)) return kContextIsDestroyed;
    all.erase(one);
    delete one;
    return kSuccess;
  }
};

}  // namespace standin

#define CUDA_CALL extern "C" __attribute__((visibility("default"))) fulcrum::cuda::Status
