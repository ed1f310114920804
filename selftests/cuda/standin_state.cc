// SPDX-License-Identifier: MIT
// standin_state.cc - the stand-in driver's memory and streams, and the thread that works them off.
#include "standin_state.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <vector>

#include "base/clock.h"
#include "standin_control.h"

namespace standin {

namespace {

// No address that a program can have: what is used on the wrong side faults at once.
constexpr DeviceAddress kFirstAddress = 0xd000'0000'0000'0000;
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kGap = 1 << 20;

std::uint64_t up(std::uint64_t v, std::uint64_t to) { return (v + to - 1) / to * to; }

// "key=value,…" of the environment.
void read_environment(std::map<std::string, long long>& knobs) {
  const char* text = std::getenv("FULCRUM_STANDIN");
  std::stringstream words(text ? text : "");
  for (std::string word; std::getline(words, word, ',');) {
    const std::size_t eq = word.find('=');
    if (eq != std::string::npos) knobs[word.substr(0, eq)] = std::atoll(word.c_str() + eq + 1);
  }
}

void work_off() {
  State& s = state();
  std::unique_lock lock(s.mutex);
  for (;;) {
    std::uint64_t next_ns = ~std::uint64_t{0};
    long long at_work = 0;
    const std::uint64_t now = clock_ns();
    StreamTag* ready = nullptr;
    for (StreamTag* stream : s.streams) {
      if (stream->queue.empty()) continue;
      ++at_work;
      if (!stream->started_ns) stream->started_ns = now;
      const Operation& op = stream->queue.front();
      if (op.never) continue;
      const std::uint64_t end_ns = stream->started_ns + op.delay_ns;
      if (end_ns <= now)
        ready = stream;
      else
        next_ns = std::min(next_ns, end_ns);
    }
    s.counters["parallel"] = std::max(s.counters["parallel"], at_work);
    if (ready) {
      const Operation op = std::move(ready->queue.front());
      ready->queue.pop_front();
      ready->started_ns = 0;
      if (const Status status = op.run(); status != kSuccess) s.fail(ready->context, status);
      s.changed.notify_all();
    } else if (next_ns == ~std::uint64_t{0}) {
      s.changed.wait(lock);
    } else {
      s.changed.wait_for(lock, std::chrono::nanoseconds(next_ns - now));
    }
  }
}

}  // namespace

std::uint64_t clock_ns() { return fulcrum::now_ns(); }

State& state() {
  static State& s = *[] {
    auto* made = new State;
    made->set_defaults();
    read_environment(made->knobs);
    return made;
  }();
  return s;
}

void State::set_defaults() {
  knobs = {{"devices", 1},
           {"cc", 90},
           {"memory_bytes", 1 << 30},
           {"map_host", 1},
           {"init_error", 0},
           {"retain_error", 0},
           {"oom_at", 0},
           {"host_oom_at", 0},
           {"register_error", 0},
           {"module_error", 0},
           {"launch_error_at", 0},
           {"launch_error", 701},
           {"fault_at", 0},
           {"fault_error", 700},
           {"copy_error_at", 0},
           {"copy_error", 719},
           {"hang_at", 0},
           {"flip_at", 0},
           {"release_hangs", 0},
           {"stays_broken", 0},
           {"copy_ns_per_kb", 0},
           {"launch_ns", 0}};
  counters.clear();
  if (!next_address) next_address = kFirstAddress;
}

bool State::fires(const char* name) {
  long long& left = knobs[name];
  return left > 0 && --left == 0;
}

DeviceAddress State::map_block(Block block) {
  const DeviceAddress at = next_address;
  next_address += up(block.bytes, kGap) + kGap;
  blocks[at] = block;
  return at;
}

DeviceAddress State::allocate(ContextTag* context, std::uint64_t bytes) {
  Block b;
  b.context = context;
  b.bytes = bytes;
  b.ours = true;
  const std::uint64_t room_bytes = up(bytes, 64);
  b.mapping_bytes = up(room_bytes, kPage) + kPage;
  b.mapping = mmap(nullptr, b.mapping_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (b.mapping == MAP_FAILED) return 0;
  std::uint8_t* guard = static_cast<std::uint8_t*>(b.mapping) + b.mapping_bytes - kPage;
  mprotect(guard, kPage, PROT_NONE);
  b.behind = guard - room_bytes;
  std::memset(b.behind, 0xa5, bytes);
  return map_block(b);
}

void State::unmap_block(DeviceAddress at) {
  auto it = blocks.find(at);
  if (it == blocks.end()) return violation();
  if (it->second.ours) munmap(it->second.mapping, it->second.mapping_bytes);
  blocks.erase(it);
}

std::uint64_t State::room(DeviceAddress at) {
  auto it = blocks.upper_bound(at);
  if (it == blocks.begin()) return 0;
  --it;
  const std::uint64_t offset = at - it->first;
  return offset < it->second.bytes ? it->second.bytes - offset : 0;
}

std::uint8_t* State::behind(ContextTag* context, DeviceAddress at, std::uint64_t bytes, bool write) {
  auto it = blocks.upper_bound(at);
  if (it != blocks.begin() && room(at) >= bytes) {
    const Block& b = (--it)->second;
    if ((!b.context || b.context == context) && !(write && b.read_only)) return b.behind + (at - it->first);
  }
  violation();
  return nullptr;
}

bool State::is_pinned(const void* host, std::uint64_t bytes) {
  auto it = pinned.upper_bound(const_cast<std::uint8_t*>(static_cast<const std::uint8_t*>(host)));
  if (it == pinned.begin()) return false;
  --it;
  return static_cast<const std::uint8_t*>(host) + bytes <= it->first + it->second.bytes;
}

void State::push(StreamTag* stream, Operation op) {
  if (!running) {
    running = true;
    std::thread(work_off).detach();
  }
  stream->queue.push_back(std::move(op));
  changed.notify_all();
}

bool State::drain(std::unique_lock<std::mutex>& lock, ContextTag* context) {
  const std::uint64_t then = epoch;
  changed.wait(lock, [&] {
    if (epoch != then) return true;
    for (const StreamTag* stream : streams)
      if (stream->context == context && !stream->queue.empty()) return false;
    return true;
  });
  return epoch == then;
}

// A broken context runs nothing any more.
void State::fail(ContextTag* context, Status s) {
  context->broken = s;
  for (StreamTag* stream : streams) {
    if (stream->context != context) continue;
    stream->queue.clear();
    stream->started_ns = 0;
  }
}

// fulcrum::PLUGIN::NAME_v2(fu_task const&, u32, u32), where PLUGIN is the name of
// a loaded plugin's file or one of those that programs have linked in.
KernelFn find_kernel(State& s, const std::string& name) {
  if (auto it = s.kernels.find(name); it != s.kernels.end()) return it->second;
  std::vector<std::pair<std::string, std::string>> places = {{"cuda_probe", ""}};  // plugin, file
  const char* more = std::getenv("FULCRUM_STANDIN_PLUGINS");
  std::stringstream words(more ? more : "route ids esp");
  for (std::string word; words >> word;) places.emplace_back(word, "");
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* to) {
        const std::string file = info->dlpi_name ? info->dlpi_name : "";
        const std::size_t slash = file.rfind('/') + 1, dot = file.rfind(".so");
        if (dot != std::string::npos && dot > slash)
          static_cast<decltype(places)*>(to)->emplace_back(file.substr(slash, dot - slash), file);
        return 0;
      },
      &places);
  const std::string function = name + "_v2";
  for (const auto& [plugin, file] : places) {
    std::ostringstream mangled;
    mangled << "_ZN7fulcrum" << plugin.size() << plugin << function.size() << function << "ERK7fu_taskjj";
    void* handle = dlopen(file.empty() ? nullptr : file.c_str(), RTLD_LAZY | RTLD_NOLOAD);
    void* found = handle ? dlsym(handle, mangled.str().c_str()) : nullptr;
    if (handle) dlclose(handle);
    if (found) return reinterpret_cast<KernelFn>(found);
  }
  return nullptr;
}

}  // namespace standin

extern "C" {

__attribute__((visibility("default"))) void standin_reset() {
  standin::State& s = standin::state();
  const std::lock_guard lock(s.mutex);
  for (auto* stream : s.streams) delete stream;
  for (auto* event : s.events) delete event;
  for (auto* module : s.modules) delete module;
  s.streams.clear(), s.events.clear(), s.modules.clear();
  for (auto& [at, block] : s.blocks)
    if (block.ours) munmap(block.mapping, block.mapping_bytes);
  for (auto& [host, pinned] : s.pinned)
    if (!pinned.registered) std::free(host);
  s.blocks.clear(), s.pinned.clear();
  for (auto& [device, context] : s.contexts) context = {device, 0, standin::kSuccess};
  ++s.epoch;
  s.set_defaults();
  s.changed.notify_all();
}

__attribute__((visibility("default"))) int standin_set(const char* knob, long long value) {
  standin::State& s = standin::state();
  const std::lock_guard lock(s.mutex);
  auto it = s.knobs.find(knob);
  if (it == s.knobs.end()) return -1;
  it->second = value;
  return 0;
}

__attribute__((visibility("default"))) long long standin_get(const char* counter) {
  standin::State& s = standin::state();
  const std::lock_guard lock(s.mutex);
  const std::string name = counter;
  long long alive = 0;
  if (name == "memory") {
    for (const auto& [at, block] : s.blocks) alive += block.ours;
  } else if (name == "host" || name == "registered") {
    for (const auto& [host, pinned] : s.pinned) alive += pinned.registered == (name == "registered");
  } else if (name == "contexts") {
    for (const auto& [device, context] : s.contexts) alive += context.retained;
  } else if (name == "streams" || name == "events" || name == "modules") {
    return static_cast<long long>(name == "streams"  ? s.streams.size()
                                  : name == "events" ? s.events.size()
                                                     : s.modules.size());
  } else {
    return s.counters[name];
  }
  return alive;
}

__attribute__((visibility("default"))) void standin_kernel(const char* name, fulcrum::KernelFn run) {
  standin::State& s = standin::state();
  const std::lock_guard lock(s.mutex);
  s.kernels[name] = run;
}

}  // extern "C"
