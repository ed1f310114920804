// SPDX-License-Identifier: MIT
// gpu_check.cc - every kernel on a CUDA device against the CPU, frames in place and copied; then how fast.
//
//   gpu_check [DEVICE]     number, UUID or PCI bus id; default the first
//
// Needs the C++ library and the driver, no other. Prints TAP; ends with 0 all
// right, 1 not, 4 no device here. FULCRUM_TEST_SEED repeats a run,
// FULCRUM_BENCH_MS is the time of one measurement (200).
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <sstream>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"
#include "device/cuda.h"
#include "gpu_rows.h"

namespace fulcrum {

// The helper's log brings a library that a machine with a device may lack.
void log_info(std::string_view text) { std::printf("# %.*s\n", static_cast<int>(text.size()), text.data()); }
void log_warn(std::string_view text) { log_info(text); }

namespace gpu {
namespace {

constexpr std::uint32_t kFrameBytes = 2048;
constexpr unsigned kPackets = 1024;
constexpr unsigned kTasks = 4;  // in flight
constexpr unsigned kParityTasks = 48;
constexpr std::uint64_t kTaskLimitNs = 10'000'000'000;
constexpr ImageLimits kLimits{kPackets, kPackets * 1536};

unsigned cases = 0, failures = 0;

// Of one measurement.
std::uint64_t bench_ns() {
  const char* ms = std::getenv("FULCRUM_BENCH_MS");
  return (ms ? static_cast<std::uint64_t>(std::atoll(ms)) : 200) * 1'000'000;
}

void result(bool ok, const std::string& text) {
  failures += !ok;
  std::printf("%sok %u %s\n", ok ? "" : "not ", ++cases, text.c_str());
  std::fflush(stdout);
}

struct Frames {
  std::uint8_t* base = static_cast<std::uint8_t*>(
      mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
  static constexpr std::uint64_t bytes() { return std::uint64_t{kTasks} * kPackets * kFrameBytes; }
};

std::uint32_t random_length(std::mt19937& random, bool mix) {
  static const std::uint16_t kMix[12] = {50, 562, 50, 50, 562, 50, 1486, 50, 562, 50, 50, 562};
  return mix ? kMix[random() % 12] : 48 + random() % 1400;
}

// One packet: Ethernet, IPv4 or IPv6, UDP. Random where not said otherwise.
void make_packet(Batch& b, unsigned i, std::uint8_t* at, const Row& row, std::mt19937& random, bool mix) {
  const std::uint32_t ip_bytes = random_length(random, mix);
  const bool v6 = ip_bytes > 60 && random() % 4 == 0;
  for (std::uint32_t n = 0; n < 14 + ip_bytes; ++n) at[n] = static_cast<std::uint8_t>(random());
  std::uint8_t* ip = at + 14;
  ip[0] = v6 ? 0x60 : 0x45;
  const std::uint32_t said = v6 ? ip_bytes - 40 : ip_bytes;
  ip[v6 ? 4 : 2] = static_cast<std::uint8_t>(said >> 8);
  ip[v6 ? 5 : 3] = static_cast<std::uint8_t>(said);
  if (v6) ip[24] = 0x20 | (ip[24] & 1);
  if (row.shape) row.shape(ip, ip_bytes, random);
  b.data[i] = at;
  b.len[i] = 14 + ip_bytes;
  b.l3_off[i] = 14;
  b.l4_off[i] = v6 ? 54 : 34;
  b.payload_off[i] = v6 ? 62 : 42;
  b.flags[i] = v6 ? FULCRUM_META_IP6 : FULCRUM_META_IP4;
}

struct Job {
  DeviceTask task;
  TaskFill fill;
  std::vector<std::uint8_t> image;  // before the device had it

  void make(const Row& row, const ImagePlan& plan, Frames& frames, unsigned slot, unsigned packets,
            std::mt19937& random, bool mix) {
    static Batch batch;
    fill.open(task, plan, frames.base);
    for (unsigned at = 0; at < packets; at += kBatchSize) {
      batch.count = std::min(packets - at, kBatchSize);
      for (unsigned i = 0; i < batch.count; ++i)
        make_packet(batch, i, frames.base + (std::size_t{slot} * kPackets + at + i) * kFrameBytes + 256, row, random,
                    mix);
      fill.add(batch, mask_of(batch.count));
    }
    for (unsigned s = 0; s < task.stages; ++s) task.stage[s].table = row.table[s];
    if (row.adjust) row.adjust(task, fill, random);
    fill.close();
    image.assign(task.image.host, task.image.host + plan.image_bytes());
    for (const Segment& s : task.out) std::memset(task.image.host + s.offset, 0xee, s.bytes);
  }

  bool same_item(const Row& row, std::uint32_t k) const;
  // First item that the device answered differently from the CPU, or -1.
  long wrong(const Row& row) {
    for (unsigned s = 0; s < task.stages; ++s) {
      const TaskStage& stage = task.stage[s];
      const fu_task t{stage.layout, task.frames, image.data(), static_cast<const fu_u8*>(stage.table.data)};
      stage.kernel->cpu.v2(t, 0, task.count);
    }
    for (std::uint32_t k = 0; k < task.count; ++k)
      if (!same_item(row, k)) return k;
    return -1;
  }
};

// As shadow.cc compares, but for columns that a kernel does not set.
bool Job::same_item(const Row& row, std::uint32_t k) const {
  const std::uint8_t *cpu = image.data(), *device = task.image.host;
  auto word = [k](const std::uint8_t* of, std::uint32_t off, std::uint32_t stride) {
    return reinterpret_cast<const fu_u32*>(of + off + std::size_t{stride} * k);
  };
  for (unsigned s = 0; s < task.stages; ++s) {
    const TaskStage& stage = task.stage[s];
    const fu_stage& l = stage.layout;
    const fu_u32 *a = word(cpu, l.out_off, l.out_stride), *b = word(device, l.out_off, l.out_stride);
    if (s && !holds(static_cast<Condition>(l.only_if), *word(cpu, l.prev_out_off, l.prev_out_stride))) return true;
    if (a[0] != b[0]) return false;
    const fu_u32 *columns = a + 1 + l.writes, *got = b + 1 + l.writes;
    const std::uint32_t bytes = row.set_bytes ? row.set_bytes(s, a[0], columns) : stage.kernel->out_bytes;
    if (std::memcmp(columns, got, bytes) != 0) return false;
    if (!l.writes || !holds(stage.kernel->write_if, a[0])) continue;
    if (a[1] != b[1]) return false;
    const std::size_t at = l.write_off + *word(cpu, l.in_off, l.in_stride);
    if (fill.plan().copies_out(s) && std::memcmp(cpu + at, device + at, a[1]) != 0) return false;
  }
  return true;
}

bool wait_for(DeviceQueue& queue) {
  for (const std::uint64_t end_ns = now_ns() + kTaskLimitNs; now_ns() < end_ns;)
    if (queue.poll()) return true;
  return false;
}

// Tasks of one row on one queue.
class Run {
 public:
  Run(Device& device, DeviceQueue& queue, const Row& row, Frames& frames, std::mt19937& random)
      : device_(device),
        queue_(queue),
        row_(row),
        frames_(frames),
        random_(random),
        plan_(row.chain, queue.in_place(), kLimits),
        where_(queue.in_place() ? "frames in place" : "frames copied") {}

  // A case that went wrong leaves tasks with the device.
  ~Run() {
    while (queue_.in_flight())
      if (!wait_for(queue_)) queue_.abandon();
  }

  bool prepare() {
    for (const ChainLink& link : row_.chain)
      if (auto added = device_.add_kernel(*link.kernel); !added) return refuse(added.error().text);
    for (unsigned s = 0; s < row_.chain.size(); ++s)
      if (auto loaded = device_.load_table(row_.table[s]); !loaded) return refuse(loaded.error().text);
    for (Job& job : jobs_) {
      auto image = queue_.allocate(plan_.image_bytes());
      if (!image) return refuse(image.error().text);
      job.task.image = *image;
    }
    return true;
  }

  bool parity() {
    std::uint64_t packets = 0;
    for (unsigned n = 0; n < kParityTasks; n += kTasks) {
      for (unsigned j = 0; j < kTasks; ++j) {
        jobs_[j].make(row_, plan_, frames_, j, 1 + random_() % kPackets, random_, false);
        packets += jobs_[j].task.count;
        if (queue_.submit(&jobs_[j].task) != DeviceStatus::kOk) return refuse("not taken: " + device_.info().error);
      }
      for (Job& job : jobs_) {
        if (!wait_for(queue_)) return refuse("a task is not done after 10 s");
        if (job.task.failed) return refuse("a task failed: " + device_.info().error);
        if (const long k = job.wrong(row_); k >= 0)
          return refuse("packet " + std::to_string(k) + " is not as on the cpu");
      }
    }
    result(true, row_.name + ", " + where_ + ": " + std::to_string(packets) + " packets as on the cpu");
    return true;
  }

  // The same tasks again and again: what the device does when gathering is not the limit.
  void bench(unsigned packets, unsigned depth) {
    std::uint64_t bytes = 0, done = 0, service_ns = 0;
    for (unsigned j = 0; j < depth; ++j) {
      jobs_[j].make(row_, plan_, frames_, j, packets, random_, true);
      bytes += jobs_[j].task.read_bytes;
    }
    const std::uint64_t start_ns = now_ns(), end_ns = start_ns + bench_ns();
    unsigned submitted = 0;
    while (now_ns() < end_ns || submitted != done) {
      if (submitted - done < depth && now_ns() < end_ns)
        if (queue_.submit(&jobs_[submitted % depth].task) == DeviceStatus::kOk) ++submitted;
      if (DeviceTask* task = queue_.poll()) {
        ++done;
        service_ns += task->service_ns;
        if (task->failed) return result(false, row_.name + ": bench: " + device_.info().error);
      }
      if (now_ns() > end_ns + kTaskLimitNs) return result(false, row_.name + ": bench: a task is not done after 10 s");
    }
    const double us = static_cast<double>(now_ns() - start_ns) / 1000;
    const double tasks = static_cast<double>(done);
    std::printf(
        "# %-28s %-15s %4u packets, %u in flight: %8.1f us a task, service %8.1f us, %8.2f Mpps, %7.2f Gbit/s\n",
        row_.name.c_str(), where_.c_str(), packets, depth, us / tasks, static_cast<double>(service_ns) / 1000 / tasks,
        tasks * packets / us, tasks * static_cast<double>(bytes) / depth * 8 / us / 1000);
  }

 private:
  bool refuse(const std::string& why) {
    result(false, row_.name + ", " + where_ + ": " + why);
    return false;
  }
  Device& device_;
  DeviceQueue& queue_;
  const Row& row_;
  Frames& frames_;
  std::mt19937& random_;
  const ImagePlan plan_;
  const std::string where_;
  Job jobs_[kTasks];
};

// Every kernel that was built is in a row.
void check_rows(const std::vector<Row>& rows) {
  std::set<std::string> covered;
  for (const Row& row : rows)
    for (const ChainLink& link : row.chain) covered.insert(link.kernel->name);
  std::istringstream built(GPU_CHECK_KERNELS);
  std::string missing;
  for (std::string name; built >> name;)
    if (!covered.count(name)) missing += " " + name;
  result(missing.empty(),
         missing.empty() ? "every kernel has a row" : "kernels without a row in gpu_rows.cc:" + missing);
}

void check_access(CudaConfig config, const std::vector<Row>& rows, Frames& frames, std::mt19937& random) {
  auto device = open_cuda(config);
  if (!device) return result(false, device.error().text);
  auto queue = (*device)->open_queue(frames.base, Frames::bytes());
  if (!queue) return result(false, queue.error().text);
  if ((*queue)->in_place() != (config.in_place == InPlaceMode::kOn))
    return result(false, "frames in place: " + (*device)->info().error);
  for (const Row& row : rows) {
    Run run(**device, **queue, row, frames, random);
    if (!run.prepare() || !run.parity()) continue;
    for (const unsigned packets : {64u, 256u, 1024u})
      for (const unsigned depth : {1u, kTasks}) run.bench(packets, depth);
  }
  const DeviceInfo info = (*device)->info();
  result(info.errors == 0, "no error" + (info.errors ? ": " + info.error : std::string()));
}

int check(CudaConfig config) {
  config.max_in_flight = kTasks;
  {
    auto device = open_cuda(config);
    if (!device) {
      std::printf("1..0 # SKIP no CUDA device: %s\n", device.error().text.c_str());
      return 4;
    }
    const DeviceInfo info = (*device)->info();
    std::printf("# %s, %s: launch %.1f us, copy in %.1f Gbit/s, out %.1f Gbit/s, by choice %s\n", info.model.c_str(),
                info.isa.c_str(), info.launch_us, info.copy_in_gbps, info.copy_out_gbps,
                info.in_place ? "in place" : "copied");
  }
  const char* seed = std::getenv("FULCRUM_TEST_SEED");
  const auto number = seed ? static_cast<std::uint32_t>(std::atoll(seed)) : static_cast<std::uint32_t>(now_ns());
  std::printf("# seed %u\n", number);
  std::mt19937 random(number);
  const std::vector<Row> rows = make_rows(random);
  check_rows(rows);
  Frames frames;
  for (const InPlaceMode access : {InPlaceMode::kOn, InPlaceMode::kOff}) {
    config.in_place = access;
    check_access(config, rows, frames, random);
  }
  std::printf("1..%u\n", cases);
  return failures ? 1 : 0;
}

}  // namespace
}  // namespace gpu
}  // namespace fulcrum

int main(int argc, char** argv) {
  if (argc > 2) {
    std::fprintf(stderr, "usage: %s [DEVICE]\n", argv[0]);
    return 2;
  }
  fulcrum::CudaConfig config;
  if (argc == 2) config.device = argv[1];
  return fulcrum::gpu::check(config);
}
