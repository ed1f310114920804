// SPDX-License-Identifier: MIT
// opencl.cc - any OpenCL 1.2 device -> a Device.
#include "device/opencl.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "base/clock.h"
#include "device/opencl_measure.h"

namespace fulcrum {
namespace opencl {
namespace {

constexpr std::size_t kGroup = 64;  // 16 to 256 take the same with PoCL; GPUs want at least 32 or 64
constexpr std::uint64_t kWarmTimeout_ns = 60'000'000'000;

std::size_t round_up(std::size_t v, std::size_t to) { return (v + to - 1) / to * to; }

class OpenclDevice final : public Device {
 public:
  OpenclDevice(const OpenclConfig& config, std::shared_ptr<Core> core)
      : config_(config),
        core_(std::move(core)),
        cache_(config.cache_dir.empty() ? opencl_cache_dir() : config.cache_dir) {}
  ~OpenclDevice() override {
    if (tables_) tables_->stop();
  }
  Result<void> start();

  Result<void> add_kernel(const KernelDecl& kernel) override;
  Result<void> load_table(const KernelTable& table) override { return tables_->load(table); }
  Result<void> forget(const CodeRange& code) override {
    std::erase_if(kernels_, [&](const BuiltKernel& k) { return code.has(k.decl); });
    return tables_->forget_unused();
  }
  Result<std::unique_ptr<DeviceQueue>> open_queue(const std::uint8_t* frames, std::uint64_t frames_bytes) override;
  DeviceInfo info() const override;
  DeviceHealth health() const noexcept override {
    return core_->lost.load(std::memory_order_acquire) ? DeviceHealth::kLost : DeviceHealth::kUp;
  }

 private:
  Result<void> choose_memory();
  Result<void> measure();
  Result<std::unique_ptr<Queue>> measuring_queue(std::shared_ptr<Frames> frames);
  Result<std::shared_ptr<const BuiltProgram>> program_of(const KernelDecl& kernel);
  Result<void> warm(const BuiltKernel& kernel);
  Result<std::shared_ptr<Frames>> share(const std::uint8_t* at, std::uint64_t bytes);

  const OpenclConfig config_;
  const std::shared_ptr<Core> core_;
  const ProgramCache cache_;
  std::shared_ptr<TableStore> tables_;
  std::vector<std::pair<std::string, std::shared_ptr<const BuiltProgram>>> programs_;  // by text
  std::vector<BuiltKernel> kernels_;                                                   // the first is the probe
  std::vector<std::weak_ptr<Frames>> frames_;
  DeviceInfo info_;  // what does not change
};

Result<void> OpenclDevice::start() {
  Core& core = *core_;
  const cl_device_id device = core.found.device;
  cl_int error = 0;
  core.context = Context(clCreateContext(nullptr, 1, &device, nullptr, nullptr, &error));
  if (error)
    return Error{"opencl: " + core.found.words() + " cannot be used: " + error_name(error) + ": is it in use, or " +
                 "its device file not readable?"};
  core.align_bytes = std::max(number_of<cl_uint>(device, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8, 64u);
  core.most_bytes = number_of<cl_ulong>(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  if (Result<void> added = add_kernel(probe_kernel()); !added) return added;
  if (Result<void> chosen = choose_memory(); !chosen) return chosen;
  tables_ = TableStore::start(core_);
  info_.name = config_.name;
  info_.kind = "opencl";
  info_.model = core.found.name + ", " + std::to_string(number_of<cl_uint>(device, CL_DEVICE_MAX_COMPUTE_UNITS)) +
                " compute units, " + core.found.platform_name + " " + text_of(device, CL_DRIVER_VERSION);
  // "OpenCL C 1.2 vendor's words"
  info_.isa = text_of(device, CL_DEVICE_OPENCL_C_VERSION).substr(0, 12);
  info_.in_place = core.shares_memory;
  return measure();
}

// OpenCL 1.2 asks for map and unmap around what the host does to a buffer of its
// own memory, which tasks in flight at once cannot have. So such a buffer is used
// in place only where the device says that it is coherent with the host (a CPU, or
// fine-grained shared memory), and a probe shows that the buffer is no copy.
// Measured with PoCL 3.1, 2 threads, 64 items: map and unmap double the time of a
// task (128 -> 252 us); pointers of clSVMAlloc as arguments take as long as buffers.
Result<void> OpenclDevice::choose_memory() {
  Core& core = *core_;
  const cl_device_id device = core.found.device;
  const bool coherent =
      core.found.type & CL_DEVICE_TYPE_CPU ||
      number_of<cl_device_svm_capabilities>(device, CL_DEVICE_SVM_CAPABILITIES) & CL_DEVICE_SVM_FINE_GRAIN_BUFFER;
  const bool unified = number_of<cl_bool>(device, CL_DEVICE_HOST_UNIFIED_MEMORY);
  if (config_.in_place == InPlaceMode::kOff || (config_.in_place == InPlaceMode::kAuto && !(unified && coherent)))
    return {};
  core.shares_memory = true;
  std::vector<std::uint8_t> room(4096 + core.align_bytes);
  auto* at = reinterpret_cast<std::uint8_t*>(round_up(reinterpret_cast<std::uintptr_t>(room.data()), core.align_bytes));
  auto frames = share(at, 4096);
  if (frames) (*frames)->own = std::move(room);  // it stays with a device that hangs
  auto queue = frames ? measuring_queue(*frames) : Result<std::unique_ptr<Queue>>(frames.error());
  core.shares_memory = queue && sees_host_memory(**queue, at);
  if (core.shares_memory || config_.in_place == InPlaceMode::kAuto) return {};
  return Error{"opencl: " + core.found.words() + " does not work in the host's memory: leave out in_place = \"on\""};
}

Result<std::unique_ptr<Queue>> OpenclDevice::measuring_queue(std::shared_ptr<Frames> frames) {
  return Queue::open(core_, tables_, {kernels_.front()}, std::move(frames),
                     {.max_in_flight = 2, .forget_counts = true});
}

Result<void> OpenclDevice::measure() {
  auto queue = measuring_queue(nullptr);
  if (!queue) return queue.error();
  const Result<Measured> m = measure_queue(**queue, !core_->shares_memory);
  if (!m) return m.error();
  info_.launch_us = m->launch_us;
  info_.copy_in_gbps = m->copy_in_gbps;
  info_.copy_out_gbps = m->copy_out_gbps;
  return {};
}

Result<std::shared_ptr<const BuiltProgram>> OpenclDevice::program_of(const KernelDecl& kernel) {
  for (const auto& [text, program] : programs_)
    if (text == kernel.opencl) return program;
  auto built = build_program(core_->context.get(), core_->found.device, kernel.name, kernel.opencl, cache_);
  if (!built) return built.error();
  programs_.emplace_back(kernel.opencl, std::make_shared<const BuiltProgram>(std::move(*built)));
  return programs_.back().second;
}

Result<void> OpenclDevice::add_kernel(const KernelDecl& kernel) {
  for (const BuiltKernel& k : kernels_)
    if (k.decl == &kernel) return {};
  if (!kernel.opencl)
    return Error{std::string("opencl: kernel ") + kernel.name + " has no OpenCL text: leave out this device for it"};
  auto program = program_of(kernel);
  if (!program) return program.error();
  cl_int error = 0;
  Kernel made(clCreateKernel((*program)->program.get(), kernel.name, &error));
  if (error)
    return Error{std::string("opencl: kernel ") + kernel.name + " is not in its own text: " + error_name(error) +
                 ": its FU_KERNEL line must name it"};
  std::size_t most = 0;
  clGetKernelWorkGroupInfo(made.get(), core_->found.device, CL_KERNEL_WORK_GROUP_SIZE, sizeof most, &most, nullptr);
  const BuiltKernel built{&kernel, *program, std::clamp<std::size_t>(most, 1, kGroup)};
  if (Result<void> warmed = warm(built); !warmed) return warmed;
  kernels_.push_back(built);
  return {};
}

// Drivers that compile at the first launch (PoCL does, for a group size and
// again for many groups) shall do so now. No item takes part, no memory is there.
Result<void> OpenclDevice::warm(const BuiltKernel& kernel) {
  cl_int error = 0;
  CommandQueue queue(clCreateCommandQueue(core_->context.get(), core_->found.device, 0, &error));
  Kernel made(error ? nullptr : clCreateKernel(kernel.program->program.get(), kernel.decl->name, &error));
  const fu_stage stage{};
  const cl_uint none = 0;
  if (!error) {
    error = clSetKernelArg(made.get(), 0, sizeof stage, &stage) | clSetKernelArg(made.get(), 1, sizeof none, &none);
    for (cl_uint pointer : {2u, 3u, 4u}) error |= clSetKernelArg(made.get(), pointer, sizeof(cl_mem), nullptr);
  }
  for (const std::size_t items : {kernel.group, round_up(4096, kernel.group)}) {
    cl_event started = nullptr;
    if (!error)
      error = clEnqueueNDRangeKernel(queue.get(), made.get(), 1, nullptr, &items, &kernel.group, 0, nullptr, &started);
    const Event event(started);
    if (!error) error = clFlush(queue.get());
    if (!error && !wait_for(event.get(), kWarmTimeout_ns)) return Error{"opencl: " + core_->found.words() + " hangs"};
    if (!error) error = std::min(status_of(event.get()), 0);
  }
  if (error)
    return Error{std::string("opencl: kernel ") + kernel.decl->name + " does not start on " + core_->found.words() +
                 ": " + error_name(error)};
  return {};
}

// Two buffers over the same memory are undefined, so queues over the same frames share one.
Result<std::shared_ptr<Frames>> OpenclDevice::share(const std::uint8_t* at, std::uint64_t bytes) {
  std::erase_if(frames_, [](const auto& f) { return f.expired(); });
  for (const auto& f : frames_)
    if (auto have = f.lock(); have && have->at == at && have->bytes == bytes) return have;
  if (reinterpret_cast<std::uintptr_t>(at) % core_->align_bytes)
    return Error{"opencl: frames are read in place from multiples of " + std::to_string(core_->align_bytes) + " bytes"};
  auto made = std::make_shared<Frames>();
  cl_int error = 0;
  made->at = at;
  made->bytes = bytes;
  // OpenCL takes what it only reads by a pointer to what it may write.
  made->buffer = Buffer(clCreateBuffer(core_->context.get(), CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR, bytes,
                                       const_cast<std::uint8_t*>(at), &error));
  if (error)
    return Error{"opencl: " + core_->found.words() + " cannot read " + std::to_string(bytes) +
                 " bytes of frames: " + error_name(error) + ": set in_place = \"off\""};
  frames_.push_back(made);
  return made;
}

Result<std::unique_ptr<DeviceQueue>> OpenclDevice::open_queue(const std::uint8_t* frames, std::uint64_t frames_bytes) {
  std::shared_ptr<Frames> shared;
  if (core_->shares_memory && frames && frames_bytes) {
    auto made = share(frames, frames_bytes);
    // Ranges can always be gathered into the image instead.
    if (!made && config_.in_place == InPlaceMode::kOn) return made.error();
    if (made) shared = *made;
  }
  auto queue = Queue::open(core_, tables_, kernels_, std::move(shared), {.max_in_flight = config_.max_in_flight});
  if (!queue) return queue.error();
  return std::unique_ptr<DeviceQueue>(std::move(*queue));
}

DeviceInfo OpenclDevice::info() const {
  DeviceInfo info = info_;
  const Counters& c = core_->counters;
  info.error = core_->last_error();
  info.health = health();
  info.tasks = c.tasks;
  info.packets = c.packets;
  info.in_bytes = c.in_bytes;
  info.out_bytes = c.out_bytes;
  info.saved_bytes = c.saved_bytes;
  info.errors = c.errors;
  info.busy_ns = c.busy_ns;
  return info;
}

}  // namespace
}  // namespace opencl

Result<std::unique_ptr<Device>> open_opencl(const OpenclConfig& config) {
  if (config.max_in_flight < 2 || config.max_in_flight > 64)
    return Error{"opencl: max_in_flight = " + std::to_string(config.max_in_flight) + ": choose 2 to 64"};
  auto found = opencl::choose_device(config.device);
  if (!found) return found.error();
  auto core = std::make_shared<opencl::Core>();
  core->found = *found;
  auto device = std::make_unique<opencl::OpenclDevice>(config, std::move(core));
  if (Result<void> started = device->start(); !started) return started.error();
  return std::unique_ptr<Device>(std::move(device));
}

}  // namespace fulcrum
