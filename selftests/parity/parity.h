// SPDX-License-Identifier: MIT
// parity.h - one answer from every code and device: filled tasks, and who compares what.
//
// A kernel is a row of selftests/cuda/gpu_rows.h: a chain, its tables, what its
// packets look like. A part (codes.cc, devices.cc, pipelines.cc) enters itself and
// takes all rows; a device is a word of devices.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../cuda/gpu_rows.h"
#include "device/lane.h"
#include "device/random_frames.h"

namespace fulcrum::parity {

struct Options {
  std::uint32_t seed = 1;
  unsigned rounds = 1;
  std::uint32_t max_items = 4096;            // of a task
  std::uint64_t max_bytes = 1 << 20;         // of the packets of a task, about
  std::vector<std::string> devices;          // words for open_device(); empty: all that are known
  std::string data = "../shared/data/pcap";  // captures, where there are any
};

// Of the program: parity has more time than parity_static.
Options default_options();

using Bytes = std::vector<std::uint8_t>;

inline constexpr unsigned kSlots = 4;             // tasks that are filled at a time
inline constexpr std::uint32_t kMaxFrame = 1900;  // bytes

struct Context {
  explicit Context(const Options& o);
  void result(bool ok, const std::string& text);
  void skip(const std::string& what, const std::string& why);

  Options options;
  std::mt19937 random;
  std::vector<gpu::Row> rows;
  std::vector<Bytes> real;   // frames of captures
  std::size_t slot_batches;  // of `frames`
  testing::Frames frames;    // what all tasks read in place
  unsigned cases = 0, failures = 0;
};

// Entered when the program starts.
struct Part {
  using Run = void (*)(Context&);
  explicit Part(Run run);
  static std::vector<Run>& all();
};

// Frames of the captures under `folder`, or none. Bounded.
std::vector<Bytes> real_frames(const std::string& folder);

// Devices that may be here.
std::vector<std::string> known_devices();

// One frame for the row: what its kernels look for, noise of every kind, or one of a capture.
Bytes make_frame(Context& c, const gpu::Row& row, std::uint32_t max_bytes);

// Memory of an image with a guard behind it.
class Image {
 public:
  explicit Image(std::uint64_t bytes);
  std::uint8_t* data() { return memory_.image(0).host; }
  bool guard_is_whole() { return data()[bytes_] == 0xa5 && data()[bytes_ + 63] == 0xa5; }

 private:
  std::uint64_t bytes_;
  HostImages memory_;
};

// A filled and closed task of a row, as no kernel has seen it yet. One a slot at a time.
class Sample {
 public:
  Sample(Context& c, const gpu::Row& row, bool in_place, unsigned slot, std::uint32_t items);
  DeviceTask& task() { return task_; }
  std::uint64_t image_bytes() const { return plan_.image_bytes(); }
  // Into memory of image_bytes(): inputs as filled, noise where kernels write.
  void reset(std::uint8_t* image) const;
  // Runs items first .. first + count - 1 of all stages in `image`.
  void run(std::uint8_t* image, KernelFn CpuCode::*code, std::uint32_t first, std::uint32_t count) const;
  // The first item of `image` that is not as v2 has it, or -1.
  std::int64_t difference(const std::uint8_t* image);
  // Are the inputs as they were?
  bool inputs_are_whole(const std::uint8_t* image) const;

 private:
  ImagePlan plan_;
  Image filled_, reference_;
  DeviceTask task_;
  TaskFill fill_;
};

}  // namespace fulcrum::parity
