// SPDX-License-Identifier: MIT
// opencl_queue.cc - tasks: enqueued, polled for, retired in order.
#include "device/opencl_queue.h"

#include <algorithm>
#include <cstdlib>

#include "base/clock.h"
#include "base/log.h"

namespace fulcrum::opencl {
namespace {

constexpr std::uint64_t kDrainTimeout_ns = 1'000'000'000;

std::uint64_t align_up(std::uint64_t v, std::uint64_t to) { return (v + to - 1) / to * to; }

// States of queues whose tasks never finished. Reachable for good, freed never:
// the device may still write into their images.
void leave_behind(std::shared_ptr<void> state) {
  static auto* const all = new std::pair<std::mutex, std::vector<std::shared_ptr<void>>>;
  const std::lock_guard lock(all->first);
  all->second.push_back(std::move(state));
}

}  // namespace

Queue::State::~State() {
  for (Slot& s : slots)
    for (unsigned i = 0; i < s.events; ++i) clReleaseEvent(s.event[i]);
  kernels.clear();
  for (auto& image : images) {
    if (image->pinned) {
      clEnqueueUnmapMemObject(queue.get(), image->pinned.get(), image->host, 0, nullptr, nullptr);
    } else {
      image->device = Buffer();  // before the memory it was made of
      std::free(image->host);
    }
  }
}

Result<std::unique_ptr<Queue>> Queue::open(std::shared_ptr<Core> core, std::shared_ptr<TableStore> tables,
                                           const std::vector<BuiltKernel>& kernels, std::shared_ptr<Frames> frames,
                                           const QueueOptions& options) {
  std::unique_ptr<Queue> queue(new Queue);
  queue->state_ = std::make_unique<State>();
  queue->options_ = options;
  State& s = *queue->state_;
  s.slots.resize(options.max_in_flight);
  cl_int error = 0;
  s.queue =
      CommandQueue(clCreateCommandQueue(core->context.get(), core->found.device, CL_QUEUE_PROFILING_ENABLE, &error));
  if (error) return Error{"opencl: no command queue left on " + core->found.name + ": " + error_name(error)};
  const cl_mem in_place = frames ? frames->buffer.get() : nullptr;
  for (const BuiltKernel& k : kernels) {
    Kernel kernel(clCreateKernel(k.program->program.get(), k.decl->name, &error));
    if (!error) error = clSetKernelArg(kernel.get(), 2, sizeof in_place, frames ? &in_place : nullptr);
    if (error) return Error{std::string("opencl: kernel ") + k.decl->name + ": " + error_name(error)};
    s.kernels.push_back({k.decl, std::move(kernel), k.group});
  }
  s.core = std::move(core);
  s.frames = std::move(frames);
  queue->view_.open(std::move(tables));
  return queue;
}

// Never hangs: a device that does not finish keeps its memory.
Queue::~Queue() {
  for (const std::uint64_t end_ns = now_ns() + kDrainTimeout_ns; !drained();) {
    if (now_ns() > end_ns) {
      log_error("opencl: " + state_->core->found.name + " does not finish its tasks: their memory is left to it");
      leave_behind(std::shared_ptr<State>(std::move(state_)));
      return;
    }
    timespec pause{0, 50'000};
    nanosleep(&pause, nullptr);
  }
}

// 0: not finished, 1: finished, negative: the first error. An in-order queue need
// not carry an error on to later commands, nor wait for the earlier ones where it
// does, so all are asked once the last has ended.
int Queue::state_of(const Slot& slot) const noexcept {
  if (!slot.events) return 1;
  if (!status_of(slot.event[slot.events - 1])) return 0;
  int state = 1;
  for (unsigned i = 0; i < slot.events; ++i) {
    const int status = status_of(slot.event[i]);
    if (!status) return 0;
    if (state > 0) state = status;
  }
  return state;
}

bool Queue::drained() const noexcept {
  return std::all_of(state_->slots.begin(), state_->slots.end(), [&](const Slot& s) { return state_of(s) != 0; });
}

Result<ImageMemory> Queue::allocate(std::uint64_t bytes) {
  Core& core = *state_->core;
  auto image = std::make_unique<Image>();
  cl_int error = 0;
  if (core.shares_memory) {
    image->bytes = align_up(bytes, std::max<std::uint64_t>(core.align_bytes, 4096));
    image->host =
        static_cast<std::uint8_t*>(std::aligned_alloc(std::max<std::uint64_t>(core.align_bytes, 4096), image->bytes));
    if (!image->host) return Error{"opencl: no memory left for task images: lower max_in_flight"};
    std::fill_n(image->host, image->bytes, std::uint8_t{0});  // pages are there before the data path runs
    image->device = Buffer(
        clCreateBuffer(core.context.get(), CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, image->bytes, image->host, &error));
    if (error) std::free(image->host);
  } else {
    image->bytes = align_up(bytes, 4096);
    image->device = Buffer(clCreateBuffer(core.context.get(), CL_MEM_READ_WRITE, image->bytes, nullptr, &error));
    if (!error)
      image->pinned = Buffer(
          clCreateBuffer(core.context.get(), CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, image->bytes, nullptr, &error));
    if (!error)
      image->host = static_cast<std::uint8_t*>(clEnqueueMapBuffer(state_->queue.get(), image->pinned.get(), CL_TRUE,
                                                                  CL_MAP_READ | CL_MAP_WRITE, 0, image->bytes, 0,
                                                                  nullptr, nullptr, &error));
    if (!error) std::fill_n(image->host, image->bytes, std::uint8_t{0});
  }
  if (error)
    return Error{"opencl: no memory left for task images on " + core.found.name + ": " + error_name(error) +
                 ": lower max_in_flight"};
  state_->images.push_back(std::move(image));
  Image& made = *state_->images.back();
  return ImageMemory{made.host, made.bytes, &made};
}

const Queue::QueueKernel* Queue::kernel_of(const KernelDecl* decl) const noexcept {
  for (const QueueKernel& k : state_->kernels)
    if (k.decl == decl) return &k;
  return nullptr;
}

cl_int Queue::launch(Slot& slot, unsigned stage) noexcept {
  const DeviceTask& task = *slot.task;
  const TaskStage& s = task.stage[stage];
  const QueueKernel* k = kernel_of(s.kernel);
  if (!k) return CL_INVALID_KERNEL;
  cl_mem table = nullptr;
  if (s.table.data && s.table.bytes) {
    const TableRef* version = view_.find(s.table);
    if (!version) return CL_INVALID_MEM_OBJECT;
    slot.table[stage] = *version;
    table = (*version)->buffer.get();
  }
  const cl_kernel kernel = k->kernel.get();
  const cl_uint count = task.count;
  const cl_mem image = static_cast<const Image*>(task.image.handle)->device.get();
  cl_int error = clSetKernelArg(kernel, 0, sizeof s.layout, &s.layout);
  error |= clSetKernelArg(kernel, 1, sizeof count, &count);
  error |= clSetKernelArg(kernel, 3, sizeof image, &image);
  error |= clSetKernelArg(kernel, 4, sizeof table, table ? &table : nullptr);
  if (error) return CL_INVALID_KERNEL_ARGS;
  const std::size_t items = align_up(std::max(count, 1u), k->group);
  error = clEnqueueNDRangeKernel(state_->queue.get(), kernel, 1, nullptr, &items, &k->group, 0, nullptr,
                                 &slot.event[slot.events]);
  if (!error) ++slot.events;
  return error;
}

cl_int Queue::enqueue(Slot& slot) noexcept {
  DeviceTask& task = *slot.task;
  const cl_command_queue queue = state_->queue.get();
  const Image& image = *static_cast<const Image*>(task.image.handle);
  const bool copies = !state_->core->shares_memory;
  cl_int error = 0;
  if (copies)
    for (const Segment& s : task.in) {
      error = clEnqueueWriteBuffer(queue, image.device.get(), CL_FALSE, s.offset, s.bytes, image.host + s.offset, 0,
                                   nullptr, &slot.event[slot.events]);
      if (error) return error;
      ++slot.events;
    }
  for (unsigned i = 0; i < task.stages; ++i)
    if ((error = launch(slot, i)) != 0) return error;
  if (copies)
    for (const Segment& s : task.out) {
      error = clEnqueueReadBuffer(queue, image.device.get(), CL_FALSE, s.offset, s.bytes, image.host + s.offset, 0,
                                  nullptr, &slot.event[slot.events]);
      if (error) return error;
      ++slot.events;
    }
  return clFlush(queue);
}

DeviceStatus Queue::submit(DeviceTask* task) noexcept {
  view_.keep_up();
  Core& core = *state_->core;
  if (abandoned_ || core.lost.load(std::memory_order_acquire)) return DeviceStatus::kGone;
  if (count_ == state_->slots.size()) return DeviceStatus::kFull;
  Slot& slot = state_->slots[(head_ + count_) % state_->slots.size()];
  slot.task = task;
  task->submit_ns = now_ns();
  slot.error = enqueue(slot);
  if (slot.error) {
    core.lose("opencl: a task could not be started: " + error_name(slot.error));
    // Of what was started poll() waits for the end, as it uses the image.
    if (!slot.events) return DeviceStatus::kGone;
  }
  ++count_;
  return DeviceStatus::kOk;
}

DeviceTask* Queue::poll() noexcept {
  if (!count_ || abandoned_) return nullptr;
  Slot& slot = state_->slots[head_];
  const int status = state_of(slot);
  if (!status) return nullptr;
  DeviceTask* task = slot.task;
  retire(slot, status);
  head_ = (head_ + 1) % static_cast<unsigned>(state_->slots.size());
  --count_;
  return task;
}

void Queue::retire(Slot& slot, int status) noexcept {
  Core& core = *state_->core;
  DeviceTask& task = *slot.task;
  task.failed = status < 0 || slot.error;
  if (status < 0 && !core.lost.load(std::memory_order_relaxed))
    core.lose("opencl: a task failed: " + error_name(status));
  task.service_ns = task.failed ? 0 : service_ns(slot);
  for (unsigned i = 0; i < slot.events; ++i) clReleaseEvent(slot.event[i]);
  slot.events = 0;
  for (unsigned i = 0; i < task.stages; ++i) slot.table[i] = nullptr;
  slot.task = nullptr;
  if (task.failed || options_.forget_counts) return;
  Counters& c = core.counters;
  c.add(c.tasks, 1);
  c.add(c.packets, task.count);
  c.add(c.in_bytes, in_place() ? task.read_bytes : task.in.total_bytes());
  c.add(c.out_bytes, task.out.total_bytes());
  c.add(c.saved_bytes, task.saved_bytes);
  c.add(c.busy_ns, task.service_ns);
}

// By the device's clock; where it tells none, from submission to now.
std::uint64_t Queue::service_ns(const Slot& slot) const noexcept {
  cl_ulong start = 0, end = 0;
  clGetEventProfilingInfo(slot.event[0], CL_PROFILING_COMMAND_START, sizeof start, &start, nullptr);
  clGetEventProfilingInfo(slot.event[slot.events - 1], CL_PROFILING_COMMAND_END, sizeof end, &end, nullptr);
  return start && end > start ? end - start : now_ns() - slot.task->submit_ns;
}

}  // namespace fulcrum::opencl
