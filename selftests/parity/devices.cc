// SPDX-License-Identifier: MIT
// devices.cc - each kernel on each device that opens here against its x86-64-v2 code.
#include <map>

#include "base/clock.h"
#include "device/backends.h"
#include "parity.h"

namespace fulcrum::parity {

// Words for parse_device().
std::vector<std::string> known_devices() { return {"manycore", "modelled:h100-pcie5", "opencl", "cuda"}; }

namespace {

constexpr std::uint64_t kTaskLimit_ns = 20'000'000'000;
constexpr std::uint32_t kSizes[] = {1, 2, 31, 64, 255, 700, 1087, 4096};

DeviceTask* wait_for(DeviceQueue& queue) {
  for (const std::uint64_t end_ns = now_ns() + kTaskLimit_ns; now_ns() < end_ns;)
    if (DeviceTask* task = queue.poll()) return task;
  return nullptr;
}

// The tasks of one row on one queue, as many at a time as there are slots.
class Run {
 public:
  Run(Context& c, Device& device, DeviceQueue& queue, const gpu::Row& row)
      : c_(c), device_(device), queue_(queue), row_(row) {}

  // Errors: what the device does not do or does wrong.
  Result<std::uint64_t> all() {
    std::uint64_t packets = 0;
    std::size_t next = 0;
    for (const std::size_t count = std::size(kSizes) * c_.options.rounds; next < count;) {
      std::vector<std::unique_ptr<Sample>> samples;
      for (unsigned slot = 0; slot < kSlots && next < count; ++next) {
        const std::uint32_t size = kSizes[next % std::size(kSizes)];
        if (size > c_.options.max_items) continue;
        samples.push_back(std::make_unique<Sample>(c_, row_, queue_.in_place(), slot, size));
        if (auto ok = image_for(*samples.back(), slot++); !ok) return ok.error();
        packets += samples.back()->task().count;
      }
      if (auto ok = run(samples); !ok) return ok.error();
    }
    return packets;
  }

 private:
  // Images are the queue's for good: the largest of a slot serves all.
  Result<void> image_for(Sample& sample, unsigned slot) {
    ImageMemory& image = images_[slot];
    if (image.bytes < sample.image_bytes()) {
      auto memory = queue_.allocate(2 * sample.image_bytes());
      if (!memory) return memory.error();
      image = *memory;
    }
    sample.reset(image.host);
    filled_[slot] = sample.task().image;
    sample.task().image = image;
    return {};
  }

  Result<void> run(std::vector<std::unique_ptr<Sample>>& samples) {
    for (std::size_t sent = 0, done = 0; done < samples.size();) {
      while (sent < samples.size()) {
        const DeviceStatus status = queue_.submit(&samples[sent]->task());
        if (status == DeviceStatus::kGone) return Error{"lost: " + device_.info().error};
        if (status == DeviceStatus::kFull) break;
        ++sent;
      }
      DeviceTask* task = wait_for(queue_);
      if (!task) return Error{"a task is not done after 20 s"};
      if (task != &samples[done]->task()) return Error{"tasks do not come back in order"};
      if (task->failed) return Error{"a task failed: " + device_.info().error};
      const std::uint8_t* image = task->image.host;
      task->image = filled_[done];
      if (const std::int64_t k = samples[done]->difference(image); k >= 0)
        return Error{"item " + std::to_string(k) + " of " + std::to_string(task->count) + " differs"};
      if (!samples[done]->inputs_are_whole(image)) return Error{"it changed what it read"};
      ++done;
    }
    return {};
  }

  Context& c_;
  Device& device_;
  DeviceQueue& queue_;
  const gpu::Row& row_;
  ImageMemory images_[kSlots], filled_[kSlots];
};

// Before a queue is opened. The error of a row that the device cannot run is left with it.
std::map<const gpu::Row*, std::string> refusals(Context& c, Device& device) {
  std::map<const gpu::Row*, std::string> refused;
  for (const gpu::Row& row : c.rows)
    for (unsigned s = 0; s < row.chain.size(); ++s) {
      if (auto ok = device.add_kernel(*row.chain[s].kernel); !ok) refused[&row] = ok.error().text;
      if (auto ok = device.load_table(row.table[s]); !ok) refused[&row] = ok.error().text;
    }
  return refused;
}

void check_device(Context& c, const std::string& word) {
  auto spec = parse_device(word);
  if (!spec) return c.result(false, spec.error().text);
  auto device = open_device(*spec);
  if (!device) return c.skip(word, device.error().text);
  auto refused = refusals(c, **device);
  auto queue = (*device)->open_queue(c.frames.base(), c.frames.bytes());
  if (!queue) return c.result(false, queue.error().text);
  for (const gpu::Row& row : c.rows) {
    const std::string what = row.name + ", " + word;
    if (const auto at = refused.find(&row); at != refused.end()) {
      // Kernels are there without nvcc, but not for this device.
      at->second.find("built without") != std::string::npos ? c.skip(what, at->second)
                                                            : c.result(false, what + ": " + at->second);
      continue;
    }
    const auto packets = Run(c, **device, **queue, row).all();
    c.result(static_cast<bool>(packets),
             what + ": " + (packets ? std::to_string(*packets) + " packets" : packets.error().text));
    while ((*queue)->in_flight() && wait_for(**queue)) {
    }
  }
}

const Part kPart([](Context& c) {
  std::vector<std::string> words = c.options.devices;
  if (words.empty()) words = known_devices();
  for (const std::string& word : words) check_device(c, word);
});

}  // namespace
}  // namespace fulcrum::parity
