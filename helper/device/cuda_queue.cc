// SPDX-License-Identifier: MIT
// cuda_queue.cc - tasks of one worker -> streams of a CUDA device -> finished tasks, in order.
#include "device/cuda_queue.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/clock.h"

namespace fulcrum {

using cuda::Status;

namespace {

constexpr unsigned kWarp = 32;

// Few packets a task: rather a warp on every multiprocessor than full ones on some.
unsigned block_for(const CudaKernel& kernel, std::uint32_t count, unsigned multiprocessors) {
  const std::uint32_t share = (count + multiprocessors - 1) / multiprocessors;
  return std::clamp((share + kWarp - 1) / kWarp * kWarp, kWarp, std::max(kernel.block, kWarp));
}

}  // namespace

Result<void> CudaKernels::add(CudaContext& context, const KernelDecl& kernel) {
  if (find(&kernel)) return {};
  const std::string what = context.name() + ": kernel " + kernel.name;
  unsigned place = 0;
  while (place < kMost && at_[place].kernel.load(std::memory_order_relaxed)) ++place;
  if (place == kMost) return Error{what + ": a device takes at most " + std::to_string(kMost) + " kernels"};
  const DeviceBinary binary = kernel.cuda ? kernel.cuda() : DeviceBinary{};
  if (!binary.bytes)
    return Error{what + ": built without CUDA: install nvcc (CUDA Toolkit; `make deps` says how) and build again"};
  auto module = context.load_module(binary.data, std::string("kernel ") + kernel.name);
  if (!module) return module.error();
  const cuda::Api& api = context.api();
  cuda::Function function = nullptr;
  Status s = api.module_function(&function, *module, kernel.name);
  // Loaded now, as loading at the first launch would wait for the whole device.
  if (s == cuda::kSuccess && api.function_load) s = api.function_load(function);
  if (!context.check(s, "kernel")) return Error{what + ": " + api.words(s)};
  int grid = 0, block = 0;
  if (api.occupancy(&grid, &block, function, nullptr, 0, 0) != cuda::kSuccess || block <= 0) block = 128;
  at_[place].function = function;
  at_[place].block = static_cast<unsigned>(block);
  at_[place].kernel.store(&kernel, std::memory_order_release);
  if (place == count_.load(std::memory_order_relaxed)) count_.store(place + 1, std::memory_order_release);
  return {};
}

const CudaKernel* CudaKernels::find(const KernelDecl* kernel) const noexcept {
  const unsigned count = count_.load(std::memory_order_acquire);
  for (unsigned i = 0; i < count; ++i)
    if (at_[i].kernel.load(std::memory_order_acquire) == kernel) return &at_[i];
  return nullptr;
}

void CudaKernels::forget(const CodeRange& code) noexcept {
  for (CudaKernel& k : at_)
    if (code.has(k.kernel.load(std::memory_order_relaxed))) k.kernel.store(nullptr, std::memory_order_release);
}

Result<std::unique_ptr<CudaQueue>> CudaQueue::open(std::shared_ptr<CudaShared> shared,
                                                   std::shared_ptr<CudaFrames> mapped, const std::uint8_t* frames) {
  std::unique_ptr<CudaQueue> q(new CudaQueue(std::move(shared), std::move(mapped), frames));
  if (q->mapped_) {
    auto address = q->mapped_->address(q->context_);
    if (!address) return address.error();
    q->device_frames_ = *address;
  }
  q->slots_.resize(std::max(q->shared_->max_in_flight, 1u));
  for (Slot& slot : q->slots_) {
    auto lane = q->context_.take_lane();
    if (!lane) return lane.error();
    slot.lane = *lane;
  }
  return q;
}

CudaQueue::~CudaQueue() {
  for (Slot& slot : slots_) slot.task = nullptr;  // whoever submitted it may be gone, or use it anew
  const std::uint64_t end_ns = now_ns() + (abandoned_ ? 0 : shared_->drain_ms * 1'000'000ull);
  while (in_flight() && now_ns() < end_ns)
    if (!poll()) std::this_thread::sleep_for(std::chrono::microseconds(20));
  bool idle = true;
  for (std::uint64_t i = polled_; i < submitted_; ++i) idle &= slot_done(slots_[i % slots_.size()]);
  if (context_.lost()) return;  // all of it ends with the context
  if (!idle || context_.stuck()) {
    context_.set_stuck();  // the frames stay registered too: what still runs reads memory that is there
    return;
  }
  for (std::uint64_t i = polled_; i < submitted_; ++i) finish(slots_[i % slots_.size()], true);
  for (const Pin& p : pins_)
    for (CudaReplica* replica : p.replica)
      if (replica) replica->release();
  for (const CudaImage& image : images_) context_.keep_image(image);
  for (const Slot& slot : slots_)
    if (slot.lane.end) context_.keep_lane(slot.lane);
}

Result<ImageMemory> CudaQueue::allocate(std::uint64_t bytes) {
  auto image = context_.take_image(bytes);
  if (!image) return image.error();
  images_.push_back(*image);
  return ImageMemory{image->host, bytes, &images_.back()};
}

bool CudaQueue::resident(const KernelTable& table) noexcept {
  const std::uint64_t key = CudaTables::key_of(table);
  if (!key) return true;
  for (const Pin& p : pins_)
    if (p.key == key && p.replica[0] && p.version[0] == table.version) return true;
  CudaReplica* replica = shared_->tables->acquire(table);
  if (!replica) {
    shared_->tables->request(table);
    return false;
  }
  pin(key, table.version, replica);
  return true;
}

void CudaQueue::pin(std::uint64_t key, std::uint64_t version, CudaReplica* replica) noexcept {
  Pin* place = nullptr;
  for (Pin& p : pins_)
    if (p.key == key) place = &p;
  for (Pin& p : pins_)
    if (!place && !p.key) place = &p;
  if (!place) {  // more tables than pins: this one is held by its tasks alone
    replica->release();
    return;
  }
  place->key = key;
  if (place->replica[1]) place->replica[1]->release();
  place->replica[1] = place->replica[0];
  place->version[1] = place->version[0];
  place->replica[0] = replica;
  place->version[0] = version;
}

DeviceStatus CudaQueue::submit(DeviceTask* task) noexcept {
  if (abandoned_ || context_.lost()) return DeviceStatus::kGone;
  if (submitted_ - polled_ == slots_.size()) return DeviceStatus::kFull;
  if (!context_.check(context_.enter(), "context")) return DeviceStatus::kGone;
  Slot& slot = slots_[submitted_ % slots_.size()];
  slot.task = task;
  slot.table = {};
  slot.recorded = false;
  task->failed = !take_tables(slot);
  if (!task->failed) {
    task->failed = !enqueue(slot);
    slot.recorded = context_.check(context_.api().event_record(slot.lane.end, slot.lane.stream), "event");
    // Copies may be under way, and nothing tells when they end: this device cannot be gone on with.
    if (!slot.recorded && !context_.lost()) context_.give_up();
  }
  ++submitted_;
  return DeviceStatus::kOk;
}

bool CudaQueue::take_tables(Slot& slot) noexcept {
  for (unsigned s = 0; s < slot.task->stages; ++s) {
    const KernelTable& table = slot.task->stage[s].table;
    if (!CudaTables::key_of(table)) continue;
    slot.table[s] = shared_->tables->acquire(table);
    if (!slot.table[s]) return false;
  }
  return true;
}

bool CudaQueue::enqueue(Slot& slot) noexcept {
  const cuda::Api& api = context_.api();
  const DeviceTask& task = *slot.task;
  const cuda::Stream stream = slot.lane.stream;
  const auto& image = *static_cast<const CudaImage*>(task.image.handle);
  if (!context_.check(api.event_record(slot.lane.start, stream), "event")) return false;
  for (const Segment& s : task.in)
    if (!context_.check(api.copy_in(image.device + s.offset, image.host + s.offset, s.bytes, stream), "copy in"))
      return false;
  for (unsigned s = 0; s < task.stages; ++s)
    if (!launch(slot, s, image)) return false;
  for (const Segment& s : task.out)
    if (!context_.check(api.copy_out(image.host + s.offset, image.device + s.offset, s.bytes, stream), "copy out"))
      return false;
  return true;
}

bool CudaQueue::launch(const Slot& slot, unsigned stage, const CudaImage& image) noexcept {
  const DeviceTask& task = *slot.task;
  const CudaKernel* kernel = shared_->kernels.find(task.stage[stage].kernel);
  if (!kernel) return context_.check(cuda::kNotFound, "kernel");
  if (!task.count) return true;
  fu_stage layout = task.stage[stage].layout;
  std::uint32_t count = task.count;
  cuda::DeviceAddress frames = mapped_ ? device_frames_ + static_cast<std::uint64_t>(task.frames - frames_) : 0;
  cuda::DeviceAddress memory = image.device;
  cuda::DeviceAddress table = slot.table[stage] ? slot.table[stage]->address() : 0;
  void* args[] = {&layout, &count, &frames, &memory, &table};
  const unsigned block = block_for(*kernel, count, context_.multiprocessors());
  const unsigned grid = (count + block - 1) / block;
  return context_.check(
      context_.api().launch(kernel->function, grid, 1, 1, block, 1, 1, 0, slot.lane.stream, args, nullptr), "launch");
}

// False also after an error: then nobody knows.
bool CudaQueue::slot_done(const Slot& slot) noexcept {
  if (!slot.recorded) return true;
  return context_.enter() == cuda::kSuccess && context_.api().event_query(slot.lane.end) == cuda::kSuccess;
}

DeviceTask* CudaQueue::poll() noexcept {
  if (!in_flight()) return nullptr;
  Slot& slot = slots_[polled_ % slots_.size()];
  if (context_.lost() || !slot.recorded) return finish(slot, true);
  Status s = context_.enter();
  if (s == cuda::kSuccess) s = context_.api().event_query(slot.lane.end);
  if (s == cuda::kNotReady) return nullptr;
  if (context_.check(s, "task")) return finish(slot, slot.task && slot.task->failed);
  if (!context_.lost()) context_.give_up();
  return finish(slot, true);
}

DeviceTask* CudaQueue::finish(Slot& slot, bool failed) noexcept {
  DeviceTask* task = slot.task;
  for (CudaReplica*& table : slot.table) {
    // On a lost device the kernel may not be over; nothing is written to its table any more.
    if (table && !context_.lost()) table->release();
    table = nullptr;
  }
  ++polled_;
  if (!task) return nullptr;
  task->failed = failed;
  float ms = 0;
  if (failed || context_.api().event_elapsed(&ms, slot.lane.start, slot.lane.end) != cuda::kSuccess) return task;
  task->service_ns = static_cast<std::uint64_t>(static_cast<double>(ms) * 1e6);
  CudaTotals& t = shared_->totals;
  t.tasks.fetch_add(1, std::memory_order_relaxed);
  t.packets.fetch_add(task->count, std::memory_order_relaxed);
  t.in_bytes.fetch_add(task->in.total_bytes() + (mapped_ ? task->read_bytes : 0), std::memory_order_relaxed);
  t.out_bytes.fetch_add(task->out.total_bytes(), std::memory_order_relaxed);
  t.saved_bytes.fetch_add(task->saved_bytes, std::memory_order_relaxed);
  t.busy_ns.fetch_add(task->service_ns, std::memory_order_relaxed);
  return task;
}

}  // namespace fulcrum
