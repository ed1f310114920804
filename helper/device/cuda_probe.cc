// SPDX-License-Identifier: MIT
// cuda_probe.cc - a synthetic task on a CUDA device -> what launching and copying cost, frames in place or not.
#include "device/cuda_probe.h"

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "device/task_image.h"

namespace fulcrum {
namespace cuda_probe {

// Sums the bytes of each packet; the same as the PTX below.
void fulcrum_probe_v2(const fu_task& t, fu_u32 first, fu_u32 count) noexcept {
  for (fu_u32 k = first; k < first + count; ++k) {
    fu_u32 length = 0, sum = 0;
    const fu_u8* p = fu_range(&t, k, &length);
    for (fu_u32 i = 0; i < length; ++i) sum = sum * 31 + p[i];
    fu_out(&t, k)[0] = sum;
  }
}

}  // namespace cuda_probe

namespace {

// By hand, so that a device can be measured where the helper was built without
// nvcc. One thread a packet, one load a byte, as packet kernels are.
// Arguments: FU_KERNEL; offsets into the first: fu_stage.
constexpr char kProbePtx[] = R"PTX(
.version 6.3
.target sm_75
.address_size 64
.visible .entry fulcrum_probe(.param .align 4 .b8 stage[96], .param .u32 count,
                              .param .u64 frames, .param .u64 image, .param .u64 table)
{
  .reg .pred %done, %placed;
  .reg .b32 %k, %n, %a, %b, %at, %len, %sum, %byte;
  .reg .b64 %frames, %image, %p, %o;
  mov.u32 %a, %ctaid.x;
  mov.u32 %b, %ntid.x;
  mov.u32 %n, %tid.x;
  mad.lo.u32 %k, %a, %b, %n;
  ld.param.u32 %n, [count];
  setp.ge.u32 %done, %k, %n;
  @%done bra END;
  ld.param.u64 %frames, [frames];
  ld.param.u64 %image, [image];
  cvta.to.global.u64 %frames, %frames;
  cvta.to.global.u64 %image, %image;
  ld.param.u32 %a, [stage+16];
  cvt.u64.u32 %p, %a;
  add.u64 %p, %p, %image;
  mul.wide.u32 %o, %k, 8;
  add.u64 %p, %p, %o;
  ld.global.u32 %at, [%p];
  ld.global.u32 %len, [%p+4];
  ld.param.u32 %a, [stage];
  ld.param.u32 %b, [stage+4];
  setp.eq.u32 %placed, %a, 0;
  cvt.u64.u32 %o, %b;
  add.u64 %o, %o, %image;
  selp.b64 %p, %frames, %o, %placed;
  cvt.u64.u32 %o, %at;
  add.u64 %p, %p, %o;
  mov.u32 %sum, 0;
NEXT:
  setp.eq.u32 %done, %len, 0;
  @%done bra STORE;
  ld.global.u8 %byte, [%p];
  mad.lo.u32 %sum, %sum, 31, %byte;
  add.u64 %p, %p, 1;
  sub.u32 %len, %len, 1;
  bra NEXT;
STORE:
  ld.param.u32 %a, [stage+28];
  ld.param.u32 %b, [stage+32];
  cvt.u64.u32 %p, %a;
  add.u64 %p, %p, %image;
  mul.wide.u32 %o, %k, %b;
  add.u64 %p, %p, %o;
  st.global.u32 [%p], %sum;
END:
  ret;
}
)PTX";

static_assert(offsetof(fu_stage, read_off) == 4 && offsetof(fu_stage, range_off) == 16 &&
              offsetof(fu_stage, out_off) == 28 && offsetof(fu_stage, out_stride) == 32 && sizeof(fu_stage) == 96);

DeviceBinary probe_binary() noexcept { return {kProbePtx, sizeof(kProbePtx)}; }
const KernelDecl kProbe = {.name = "fulcrum_probe",
                           .read = {PacketRange::kWhole, 0, 16},
                           .cpu = {cuda_probe::fulcrum_probe_v2},
                           .cuda = probe_binary};

constexpr unsigned kPackets = 1024;
constexpr unsigned kRuns = 9;
constexpr std::uint32_t kFrameBytes = 2048;
constexpr std::uint64_t kCopyBytes = 4 << 20;

// Memory as the helper's frames are: whole pages.
class SyntheticFrames {
 public:
  SyntheticFrames()
      : base_(static_cast<std::uint8_t*>(
            mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0))) {
    if (base_ == MAP_FAILED) base_ = nullptr;
    for (std::uint64_t i = 0; base_ && i < kBytes; ++i) base_[i] = static_cast<std::uint8_t>(i * 2654435761u >> 13);
  }
  ~SyntheticFrames() {
    if (base_ && !keep_) munmap(base_, kBytes);
  }
  std::uint8_t* base() const { return base_; }
  void keep() { keep_ = true; }  // a device may still read it

  // The usual mix of lengths (IMIX): 64, 576 and 1500 bytes, 7:4:1.
  void batch(unsigned number, Batch& b) const {
    static const std::uint16_t length[12] = {64, 576, 64, 64, 576, 64, 1500, 64, 576, 64, 64, 576};
    b.count = kBatchSize;
    for (unsigned i = 0; i < kBatchSize; ++i) {
      const unsigned packet = number * kBatchSize + i;
      b.data[i] = base_ + std::size_t{packet} * kFrameBytes + 256;
      b.len[i] = length[packet % 12];
      b.l3_off[i] = 14;
      b.flags[i] = 0;
    }
  }

  static constexpr std::uint64_t kBytes = std::uint64_t{kPackets} * kFrameBytes;

 private:
  std::uint8_t* base_;
  bool keep_ = false;
};

// Submits and waits. Returns microseconds since `start_ns`.
Result<double> run_one(CudaContext& context, DeviceQueue& queue, DeviceTask& task, std::uint64_t start_ns) {
  if (queue.submit(&task) != DeviceStatus::kOk) return Error{context.name() + ": probe: " + context.last_error()};
  const std::uint64_t end_ns = now_ns() + context.limits().step_ms * 1'000'000ull;
  while (!queue.poll()) {
    if (now_ns() < end_ns) continue;
    context.set_stuck();
    queue.abandon();
    return Error{context.name() + ": probe: not done after " + std::to_string(context.limits().step_ms) +
                 " ms: the device hangs, or another program keeps it busy"};
  }
  const double took_us = static_cast<double>(now_ns() - start_ns) / 1000;
  if (task.failed) return Error{context.name() + ": probe: " + context.last_error()};
  return took_us;
}

// Median time of gathering and running `packets` of the synthetic packets.
Result<double> time_task(CudaContext& context, DeviceQueue& queue, const SyntheticFrames& frames, unsigned packets) {
  const ChainLink chain[] = {{&kProbe}};
  const ImagePlan plan(chain, queue.in_place(), {kPackets, kPackets * 1536});
  auto image = queue.allocate(plan.image_bytes());
  if (!image) return image.error();
  static thread_local Batch batch;
  std::vector<double> took_us;
  for (unsigned run = 0; run < kRuns; ++run) {
    DeviceTask task;
    task.image = *image;
    TaskFill fill;
    const std::uint64_t start_ns = now_ns();
    fill.open(task, plan, frames.base());
    for (unsigned at = 0; at < packets; at += kBatchSize) {
      frames.batch(at / kBatchSize, batch);
      fill.add(batch, mask_of(std::min(packets - at, kBatchSize)));
    }
    fill.close();
    auto took = run_one(context, queue, task, start_ns);
    if (!took) return took.error();
    took_us.push_back(*took);
    for (unsigned k = 0; run == 0 && k < packets; k += 7) {
      frames.batch(k / kBatchSize, batch);
      const unsigned i = k % kBatchSize;
      fu_u32 sum = 0;
      for (fu_u32 n = 0; n < batch.len[i]; ++n) sum = sum * 31 + batch.data[i][n];
      const fu_stage& l = task.stage[0].layout;
      if (*reinterpret_cast<const fu_u32*>(task.image.host + l.out_off + std::size_t{l.out_stride} * k) != sum)
        return Error{context.name() + ": probe: the device computes wrongly (" +
                     (queue.in_place() ? "frames in place" : "frames copied") + "): replace it, or check its memory"};
    }
  }
  std::nth_element(took_us.begin(), took_us.begin() + kRuns / 2, took_us.end());
  return took_us[kRuns / 2];
}

Result<void> time_copies(CudaContext& context, CudaCosts& costs) {
  auto image = context.take_image(kCopyBytes);
  if (!image) return image.error();
  auto lane = context.take_lane();
  if (!lane) return lane.error();
  const cuda::Api& api = context.api();
  std::fill_n(image->host, kCopyBytes, std::uint8_t{0x5a});
  for (const bool in : {true, true, false, false}) {  // the first of each warms up
    cuda::Status s = api.event_record(lane->start, lane->stream);
    if (s == cuda::kSuccess)
      s = in ? api.copy_in(image->device, image->host, kCopyBytes, lane->stream)
             : api.copy_out(image->host, image->device, kCopyBytes, lane->stream);
    if (s == cuda::kSuccess) s = api.event_record(lane->end, lane->stream);
    if (!context.check(s, "copy")) return context.error("probe: copy", s);
    if (auto done = context.wait(lane->end, "probe: copy"); !done) return done;
    float ms = 0;
    s = api.event_elapsed(&ms, lane->start, lane->end);
    if (!context.check(s, "copy")) return context.error("probe: copy", s);
    // The clock of events is coarse: at least half a microsecond.
    (in ? costs.copy_in_gbps : costs.copy_out_gbps) = kCopyBytes * 8 / (std::max(ms, 0.0005f) * 1e6);
  }
  context.keep_image(*image);
  context.keep_lane(*lane);
  return {};
}

}  // namespace

Result<CudaCosts> measure_cuda(const std::shared_ptr<CudaShared>& shared) {
  CudaContext& context = *shared->context;
  if (auto added = shared->kernels.add(context, kProbe); !added) return added.error();
  CudaCosts costs;
  if (auto copied = time_copies(context, costs); !copied) return copied.error();
  SyntheticFrames frames;
  if (!frames.base()) return Error{context.name() + ": probe: no memory for frames"};
  std::shared_ptr<CudaFrames> mapped;
  if (auto map = CudaFrames::map(shared->context, frames.base(), SyntheticFrames::kBytes); map)
    mapped = *map;
  else
    costs.note = map.error().text;
  std::optional<Error> failed;
  for (const bool in_place : {false, true}) {
    if (in_place && !mapped) continue;
    auto queue = CudaQueue::open(shared, in_place ? mapped : nullptr, frames.base());
    if (!queue) return queue.error();
    auto one = time_task(context, **queue, frames, 1);
    auto all = one ? time_task(context, **queue, frames, kPackets) : std::move(one);
    if (!all) {
      failed = all.error();
      break;
    }
    if (!in_place) costs.launch_us = *one;
    (in_place ? costs.in_place_us : costs.gathered_us) = *all;
  }
  mapped.reset();
  if (context.stuck()) frames.keep();
  if (failed) return *failed;
  return costs;
}

}  // namespace fulcrum
