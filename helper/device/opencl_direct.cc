// SPDX-License-Identifier: MIT
// opencl_direct.cc - filled tasks -> the same kernel in a bare loop of OpenCL calls.
#include "device/opencl_direct.h"

#include <sched.h>

#include "base/clock.h"
#include "device/lane.h"
#include "device/opencl_api.h"
#include "device/opencl_program.h"

namespace fulcrum {
namespace {

using namespace opencl;

constexpr std::uint64_t kGroup = 64;  // work items; a device that takes fewer says so

class Direct final : public OpenclDirect {
 public:
  Direct(std::uint64_t image_bytes, unsigned depth) : images_((image_bytes + 4095) & ~4095ull, depth), depth_(depth) {}
  ~Direct() override { clFinish(queue_.get()); }

  Result<void> set_up(const std::string& wanted, const KernelDecl& decl, const std::uint8_t* frames,
                      std::uint64_t frames_bytes) {
    auto found = choose_device(wanted);
    if (!found) return found.error();
    if (!number_of<cl_bool>(found->device, CL_DEVICE_HOST_UNIFIED_MEMORY))
      return Error{"opencl: " + found->name + ": has memory of its own: the bare loop is for devices that share ours"};
    cl_int error = 0;
    context_ = Context(clCreateContext(nullptr, 1, &found->device, nullptr, nullptr, &error));
    if (error) return failed("context", error);
    queue_ = CommandQueue(clCreateCommandQueue(context_.get(), found->device, 0, &error));
    if (error) return failed("command queue", error);
    auto built = build_program(context_.get(), found->device, decl.name, decl.opencl, ProgramCache(""));
    if (!built) return built.error();
    program_ = std::move(built->program);
    frames_ = use(frames, frames_bytes, error);
    for (unsigned i = 0; i < depth_ && !error; ++i) {
      kernels_.emplace_back(clCreateKernel(program_.get(), decl.name, &error));
      if (!error) buffers_.push_back(use(images_.image(i).host, images_.image(i).bytes, error));
    }
    items_.resize(depth_);
    events_.resize(depth_);
    return error ? failed("kernel and its memory", error) : Result<void>();
  }

  ImageMemory image(unsigned i) override { return images_.image(i); }

  Result<void> add(unsigned i, const DeviceTask& task) override {
    cl_int error = 0;
    const KernelTable& t = task.stage[0].table;
    if (!table_ && t.data) table_ = use(t.data, t.bytes, error);
    if (error) return failed("table", error);
    const cl_mem frames = frames_.get(), image = buffers_[i].get(), table = table_.get();
    const cl_kernel k = kernels_[i].get();
    const cl_uint count = task.count;
    error = clSetKernelArg(k, 0, sizeof(fu_stage), &task.stage[0].layout);
    error |= clSetKernelArg(k, 1, sizeof count, &count);
    error |= clSetKernelArg(k, 2, sizeof frames, &frames);
    error |= clSetKernelArg(k, 3, sizeof image, &image);
    error |= clSetKernelArg(k, 4, sizeof table, table ? &table : nullptr);
    items_[i] = (count + kGroup - 1) / kGroup * kGroup;
    return error ? failed("arguments", error) : Result<void>();
  }

  Result<Ran> run(std::uint64_t for_ns) override {
    Ran ran;
    const std::uint64_t start_ns = now_ns();
    for (unsigned i = 0; i < depth_; ++i)
      if (const cl_int error = launch(i)) return failed("launch", error);
    for (unsigned i = 0;; i = i + 1 == depth_ ? 0 : i + 1) {
      int status = 0;
      while (!(status = status_of(events_[i].get()))) sched_yield();  // the device may need this core too
      if (status < 0) return failed("task", status);
      ++ran.tasks;
      if (now_ns() - start_ns > for_ns) break;
      if (const cl_int error = launch(i)) return failed("launch", error);
    }
    ran.elapsed_ns = now_ns() - start_ns;
    clFinish(queue_.get());
    return ran;
  }

 private:
  static Error failed(const char* what, cl_int error) {
    return Error{std::string("opencl: bare loop: ") + what + ": " + error_name(error)};
  }
  Buffer use(const void* at, std::uint64_t bytes, cl_int& error) {
    return Buffer(
        clCreateBuffer(context_.get(), CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, bytes, const_cast<void*>(at), &error));
  }
  cl_int launch(unsigned i) {
    cl_event event = nullptr;
    cl_int error =
        clEnqueueNDRangeKernel(queue_.get(), kernels_[i].get(), 1, nullptr, &items_[i], nullptr, 0, nullptr, &event);
    events_[i] = Event(event);
    return error ? error : clFlush(queue_.get());
  }

  HostImages images_;
  const unsigned depth_;
  Context context_;
  CommandQueue queue_;
  Program program_;
  Buffer frames_, table_;
  std::vector<Buffer> buffers_;
  std::vector<Kernel> kernels_;
  std::vector<std::size_t> items_;
  std::vector<Event> events_;
};

}  // namespace

Result<std::unique_ptr<OpenclDirect>> OpenclDirect::open(const std::string& device, const KernelDecl& kernel,
                                                         const std::uint8_t* frames, std::uint64_t frames_bytes,
                                                         std::uint64_t image_bytes, unsigned depth) {
  auto direct = std::make_unique<Direct>(image_bytes, depth);
  if (auto ok = direct->set_up(device, kernel, frames, frames_bytes); !ok) return ok.error();
  return std::unique_ptr<OpenclDirect>(std::move(direct));
}

}  // namespace fulcrum
