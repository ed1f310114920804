// SPDX-License-Identifier: MIT
// opencl_measure.cc - an open queue -> does it share memory, how long does a launch take, how fast are copies.
#include "device/opencl_measure.h"

#include <algorithm>
#include <cstring>

#include "base/clock.h"

namespace fulcrum::opencl {
namespace {

// Same arguments as FU_KERNEL's.
constexpr const char* kProbeText = R"OPENCL(
typedef struct { uint word[24]; } probe_stage;
__kernel void fulcrum_probe(probe_stage stage, uint count, __global const uchar* frames, __global uchar* image,
                            __global const uchar* table) {
  __global uint* word = (__global uint*)image;
  if (get_global_id(0) >= count) return;
  word[1] = frames ? *(__global const uint*)frames + 1 : stage.word[0];
  word[2] = word[0];
}
)OPENCL";
static_assert(sizeof(fu_stage) == 24 * sizeof(std::uint32_t), "probe_stage above");

constexpr KernelDecl kProbe{.name = "fulcrum_probe", .read = {}, .write = {}, .cpu = {}, .opencl = kProbeText};
constexpr std::uint64_t kTimeout_ns = 10'000'000'000;
constexpr int kLaunches = 41;
constexpr int kCopies = 5;
// Copies grow until one takes long against its start, which keeps this short on slow devices.
constexpr std::uint32_t kCopyBytes[] = {64 << 10, 512 << 10, 4 << 20};
constexpr double kLongCopy_ns = 200'000;

// Submit to poll, or 0: it did not come back.
std::uint64_t run(Queue& queue, DeviceTask& task) {
  const std::uint64_t start_ns = now_ns();
  if (queue.submit(&task) != DeviceStatus::kOk) return 0;
  while (now_ns() - start_ns < kTimeout_ns)
    if (queue.poll()) return task.failed ? 0 : std::max<std::uint64_t>(now_ns() - start_ns, 1);
  return 0;
}

Result<double> median_ns(Queue& queue, DeviceTask& task, int runs) {
  std::vector<std::uint64_t> all;
  for (int i = 0; i < runs; ++i) {
    all.push_back(run(queue, task));
    if (!all.back()) return Error{"opencl: the device does not finish an empty task: is it in trouble?"};
  }
  std::sort(all.begin(), all.end());
  return static_cast<double>(all[all.size() / 2]);
}

}  // namespace

const KernelDecl& probe_kernel() { return kProbe; }

bool sees_host_memory(Queue& queue, std::uint8_t* frames) {
  const Result<ImageMemory> image = queue.allocate(4096);
  if (!image) return false;
  DeviceTask task;
  task.stage[0].kernel = &kProbe;
  task.stages = task.count = 1;
  task.image = *image;
  for (std::uint32_t round = 1; round <= 4; ++round) {
    const std::uint32_t in_frames = round * 0x01010101, in_image = round * 0x10203040;
    std::memcpy(frames, &in_frames, sizeof in_frames);
    std::memcpy(image->host, &in_image, sizeof in_image);
    if (!run(queue, task)) return false;
    std::uint32_t seen[2];
    std::memcpy(seen, image->host + 4, sizeof seen);
    if (seen[0] != in_frames + 1 || seen[1] != in_image) return false;
  }
  return true;
}

Result<Measured> measure_queue(Queue& queue, bool copies) {
  const Result<ImageMemory> image = queue.allocate(4096);
  if (!image) return image.error();
  DeviceTask task;
  task.stage[0].kernel = &kProbe;
  task.stages = 1;
  task.image = *image;
  Measured m;
  const Result<double> launch_ns = median_ns(queue, task, kLaunches);
  if (!launch_ns) return launch_ns.error();
  m.launch_us = *launch_ns / 1e3;
  if (!copies) return m;
  for (const std::uint32_t bytes : kCopyBytes) {
    const Result<ImageMemory> larger = queue.allocate(bytes);
    if (!larger) return larger.error();
    task.image = *larger;
    double longest_ns = 0;
    for (const bool in : {true, false}) {
      task.in.clear();
      task.out.clear();
      (in ? task.in : task.out).add(0, bytes);
      const Result<double> ns = median_ns(queue, task, kCopies);
      if (!ns) return ns.error();
      const double copy_ns = std::max(*ns - *launch_ns, 1.0);
      (in ? m.copy_in_gbps : m.copy_out_gbps) = bytes * 8.0 / copy_ns;
      longest_ns = std::max(longest_ns, copy_ns);
    }
    if (longest_ns > kLongCopy_ns) break;
  }
  return m;
}

}  // namespace fulcrum::opencl
