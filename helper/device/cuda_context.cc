// SPDX-License-Identifier: MIT
// cuda_context.cc - finds and opens a CUDA device; keeps its health; gives everything back at the end.
#include "device/cuda_context.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <thread>

#include "base/clock.h"

namespace fulcrum {
namespace {

using cuda::Status;

std::atomic<std::uint64_t> generations{0};
thread_local std::uint64_t current_generation = 0;  // of the context that is current on this thread

std::string uuid_digits(const cuda::Uuid& uuid) {
  static const char* hex = "0123456789abcdef";
  std::string digits;
  for (const unsigned char c : uuid.bytes) {
    digits += hex[c >> 4];
    digits += hex[c & 15];
  }
  return digits;
}

// "GPU-1234…" -> hex digits alone.
std::string digits_of(const std::string& selector) {
  std::string digits;
  for (std::size_t i = 4; i < selector.size(); ++i)
    if (selector[i] != '-') digits += static_cast<char>(std::tolower(static_cast<unsigned char>(selector[i])));
  return digits;
}

std::string gib(std::uint64_t bytes) {
  const std::uint64_t tenths = bytes / ((1ull << 30) / 10);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GiB";
}

}  // namespace

Error CudaContext::error(const std::string& what, Status s) const {
  return Error{name_ + ": " + what + ": " + api_->words(s)};
}

Result<std::shared_ptr<CudaContext>> CudaContext::open(std::shared_ptr<const cuda::Api> api,
                                                       const std::string& selector, const std::string& name,
                                                       const CudaLimits& limits) {
  std::shared_ptr<CudaContext> c(new CudaContext(std::move(api), name, limits));
  if (auto found = c->find_device(selector); !found) return found.error();
  c->read_properties();
  c->generation_ = ++generations;
  if (const Status s = c->api_->context_retain(&c->context_, c->device_); s != cuda::kSuccess) {
    c->context_ = nullptr;
    return Error{c->error("context", s).text +
                 ": another program may have the device for itself (nvidia-smi -q -d COMPUTE), or an earlier fault "
                 "needs the helper to be restarted"};
  }
  if (const Status s = c->enter(); s != cuda::kSuccess) return c->error("context", s);
  return c;
}

Result<void> CudaContext::find_device(const std::string& selector) {
  int count = 0;
  if (const Status s = api_->device_count(&count); s != cuda::kSuccess) return error("devices", s);
  if (count < 1)
    return Error{name_ + ": no CUDA device: the driver is there, but it sees none: check CUDA_VISIBLE_DEVICES"};
  if (selector.starts_with("GPU-") || selector.starts_with("MIG-")) return find_by_uuid(selector, count);
  if (selector.find(':') != std::string::npos) {
    const Status s = api_->device_by_pci(&device_, selector.c_str());
    return s == cuda::kSuccess ? Result<void>() : error("device at PCI " + selector, s);
  }
  int ordinal = 0;
  for (const char c : selector) {
    if (!std::isdigit(static_cast<unsigned char>(c)) || ordinal > 9999)
      return Error{name_ + ": device \"" + selector + "\": give its number, UUID (GPU-…, MIG-…) or PCI bus id"};
    ordinal = 10 * ordinal + (c - '0');
  }
  if (ordinal >= count)
    return Error{name_ + ": device " + selector + ": there are " + std::to_string(count) + ", counted from 0"};
  const Status s = api_->device_get(&device_, ordinal);
  return s == cuda::kSuccess ? Result<void>() : error("device " + selector, s);
}

Result<void> CudaContext::find_by_uuid(const std::string& selector, int count) {
  const std::string wanted = digits_of(selector);
  std::string known;
  for (int i = 0; i < count; ++i) {
    cuda::Uuid uuid{};
    if (api_->device_get(&device_, i) != cuda::kSuccess || api_->device_uuid(&uuid, device_) != cuda::kSuccess)
      continue;
    const std::string digits = uuid_digits(uuid);
    if (!wanted.empty() && digits.starts_with(wanted)) return {};
    known += (known.empty() ? "" : ", ") + digits;
  }
  return Error{name_ + ": device " + selector + ": not here: there are " + known};
}

void CudaContext::read_properties() {
  auto attribute = [this](int which) {
    int value = 0;
    return api_->device_attribute(&value, which, device_) == cuda::kSuccess ? value : 0;
  };
  char text[256] = "unnamed device";
  api_->device_name(text, sizeof(text), device_);
  text[sizeof(text) - 1] = 0;
  std::size_t bytes = 0;
  api_->device_memory(&bytes, device_);
  int driver = 0;
  api_->driver_version(&driver);
  multiprocessors_ = static_cast<unsigned>(std::max(attribute(cuda::kAttrSmCount), 1));
  isa_ = "sm_" + std::to_string(attribute(cuda::kAttrCcMajor)) + std::to_string(attribute(cuda::kAttrCcMinor));
  can_map_host_ = attribute(cuda::kAttrCanMapHostMemory) != 0;
  read_only_ = attribute(cuda::kAttrReadOnlyHostRegister) != 0;
  model_ = std::string(text) + ", " + std::to_string(multiprocessors_) + " SMs, " + gib(bytes) + ", driver for CUDA " +
           std::to_string(driver / 1000) + "." + std::to_string(driver % 1000 / 10);
}

Status CudaContext::enter() noexcept {
  if (current_generation == generation_) return cuda::kSuccess;
  const Status s = api_->context_set(context_);
  if (s == cuda::kSuccess) current_generation = generation_;
  return s;
}

bool CudaContext::check(Status s, const char* where) noexcept {
  if (s == cuda::kSuccess) return true;
  errors_.fetch_add(1, std::memory_order_relaxed);
  // The first sticky error is the cause, later ones are its echo.
  if (!lost()) {
    last_where_.store(where, std::memory_order_relaxed);
    last_status_.store(s, std::memory_order_relaxed);
    if (cuda::is_sticky(s)) lost_.store(true, std::memory_order_release);
  }
  return false;
}

std::string CudaContext::last_error() const {
  const char* where = last_where_.load(std::memory_order_relaxed);
  if (!where) return {};
  return std::string(where) + ": " + api_->words(static_cast<Status>(last_status_.load(std::memory_order_relaxed)));
}

Result<void> CudaContext::out_of_memory(std::uint64_t bytes, const std::string& what, Status s) const {
  std::size_t free_bytes = 0, total_bytes = 0;
  std::string room;
  if (api_->memory_info(&free_bytes, &total_bytes) == cuda::kSuccess)
    room = ": " + std::to_string(free_bytes) + " of " + std::to_string(total_bytes) + " bytes are free";
  return Error{error(what + ": " + std::to_string(bytes) + " bytes", s).text + room +
               ": lower task_bytes or max_in_flight, make tables smaller, or end other programs on the device"};
}

Result<cuda::DeviceAddress> CudaContext::allocate(std::uint64_t bytes, const std::string& what) {
  cuda::DeviceAddress at = 0;
  Status s = enter();
  if (s == cuda::kSuccess) s = api_->alloc(&at, bytes);
  if (!check(s, "memory")) return out_of_memory(bytes, what, s).error();
  const std::lock_guard lock(mutex_);
  holdings_.device_memory.push_back(at);
  return at;
}

Result<std::uint8_t*> CudaContext::allocate_host(std::uint64_t bytes, const std::string& what) {
  void* at = nullptr;
  Status s = enter();
  if (s == cuda::kSuccess) s = api_->host_alloc(&at, bytes, cuda::kHostPortable);
  if (!check(s, "pinned memory"))
    return Error{error(what + ": " + std::to_string(bytes) + " bytes of pinned host memory", s).text +
                 ": raise the limit of locked memory (ulimit -l), or lower task_bytes or max_in_flight"};
  const std::lock_guard lock(mutex_);
  holdings_.host_memory.push_back(at);
  return static_cast<std::uint8_t*>(at);
}

Result<CudaImage> CudaContext::take_image(std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    for (auto it = spare_images_.begin(); it != spare_images_.end(); ++it) {
      if (it->bytes < bytes || it->bytes > 2 * bytes) continue;
      const CudaImage image = *it;
      spare_images_.erase(it);
      return image;
    }
  }
  CudaImage image;
  image.bytes = bytes;
  auto host = allocate_host(bytes, "task image");
  if (!host) return host.error();
  image.host = *host;
  auto device = allocate(bytes, "task image");
  if (!device) return device.error();
  image.device = *device;
  return image;
}

void CudaContext::keep_image(const CudaImage& image) {
  const std::lock_guard lock(mutex_);
  spare_images_.push_back(image);
}

Result<CudaLane> CudaContext::take_lane() {
  const std::lock_guard lock(mutex_);
  if (!spare_lanes_.empty()) {
    const CudaLane lane = spare_lanes_.back();
    spare_lanes_.pop_back();
    return lane;
  }
  CudaLane& lane = holdings_.lanes.emplace_back();
  Status s = enter();
  if (s == cuda::kSuccess) s = api_->stream_create(&lane.stream, cuda::kStreamNonBlocking);
  if (s == cuda::kSuccess) s = api_->event_create(&lane.start, cuda::kEventDefault);
  if (s == cuda::kSuccess) s = api_->event_create(&lane.end, cuda::kEventDefault);
  if (!check(s, "stream")) return error("stream", s);
  return lane;
}

void CudaContext::keep_lane(const CudaLane& lane) {
  const std::lock_guard lock(mutex_);
  spare_lanes_.push_back(lane);
}

Result<cuda::Module> CudaContext::load_module(const void* binary, const std::string& what) {
  constexpr std::size_t kLogBytes = 8192;
  std::string info(kLogBytes, '\0'), errors(kLogBytes, '\0');
  int option[] = {cuda::kJitInfoLog, cuda::kJitInfoLogBytes, cuda::kJitErrorLog, cuda::kJitErrorLogBytes};
  void* value[] = {info.data(), reinterpret_cast<void*>(kLogBytes - 1), errors.data(),
                   reinterpret_cast<void*>(kLogBytes - 1)};
  cuda::Module module = nullptr;
  Status s = enter();
  if (s == cuda::kSuccess) s = api_->module_load(&module, binary, 4, option, value);
  if (!check(s, "module")) {
    std::string text = error(what, s).text;
    for (const std::string& log : {errors, info})
      if (log[0]) text += ": " + std::string(log.c_str());
    if (s == cuda::kNoBinaryForGpu) text += ": build with CUDA_ARCHS=" + isa_.substr(3) + " added";
    return Error{text};
  }
  const std::lock_guard lock(mutex_);
  holdings_.modules.push_back(module);
  return module;
}

Result<void> CudaContext::wait(cuda::Event event, const char* what) {
  const std::uint64_t end_ns = now_ns() + limits_.step_ms * 1'000'000ull;
  for (;;) {
    Status s = enter();
    if (s == cuda::kSuccess) s = api_->event_query(event);
    if (s == cuda::kSuccess) return {};
    if (s != cuda::kNotReady) {
      check(s, what);
      return error(what, s);
    }
    if (now_ns() > end_ns) {
      set_stuck();
      return Error{name_ + ": " + what + ": not done after " + std::to_string(limits_.step_ms) +
                   " ms: the device hangs, or another program keeps it busy"};
    }
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
}

bool CudaContext::run_bounded(std::function<void()> work, unsigned limit_ms) {
  struct Done {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
  };
  auto state = std::make_shared<Done>();
  std::thread thread([state, work = std::move(work)] {
    work();
    const std::lock_guard lock(state->mutex);
    state->done = true;
    state->changed.notify_all();
  });
  std::unique_lock lock(state->mutex);
  if (state->changed.wait_for(lock, std::chrono::milliseconds(limit_ms), [&] { return state->done; })) {
    lock.unlock();
    thread.join();
    return true;
  }
  thread.detach();
  return false;
}

// A broken context takes all that belongs to it along; asking it for single things would only fail.
void CudaContext::give_back(const cuda::Api& api, cuda::Context context, cuda::DeviceId device, const Holdings& all,
                            bool lost) {
  if (!lost && api.context_set(context) == cuda::kSuccess) {
    for (const CudaLane& lane : all.lanes) {
      if (lane.start) api.event_destroy(lane.start);
      if (lane.end) api.event_destroy(lane.end);
      if (lane.stream) api.stream_destroy(lane.stream);
    }
    for (const cuda::Module module : all.modules) api.module_unload(module);
    for (const cuda::DeviceAddress at : all.device_memory) api.free(at);
    for (void* at : all.host_memory) api.host_free(at);
    api.context_set(nullptr);
  }
  api.context_release(device);
}

CudaContext::~CudaContext() {
  if (!context_ || stuck()) return;
  run_bounded([api = api_, context = context_, device = device_, all = std::move(holdings_),
               is_lost = lost()] { give_back(*api, context, device, all, is_lost); },
              limits_.teardown_ms);
}

}  // namespace fulcrum
