// SPDX-License-Identifier: MIT
// task_image.h - declared data blocks of a chain -> layout of a task image -> gather, put back.
//
// An image is one block of memory with, in this order:
//   in:   range records, one array for each different range of the chain
//         in records of each stage that has them (write offset, in columns)
//         gathered packet bytes, unless the device reads frames in place
//   out:  out records of each stage (result, written length, out columns)
//         written ranges of each stage that writes
// A device copies the used runs of `in` and `out` (DeviceTask::in, ::out). Ranges
// of one packet are nested (payload in datagram in frame), so the widest of the
// chain is gathered once and the stages' records point into it.
#pragma once

#include <cstdint>
#include <span>

#include "device/device.h"
#include "fulcrum/batch.h"
#include "fulcrum/element.h"
#include "fulcrum/range.h"

namespace fulcrum {

struct ImageLimits {
  std::uint32_t items = 1087;          // a task never has more
  std::uint64_t read_bytes = 2 << 20;  // nor more bytes gathered or written a stage
};

// A kernel behind another, and which items go on to it.
struct ChainLink {
  const KernelDecl* kernel = nullptr;
  Condition only_if = Condition::kAlways;  // of the result before; first link: kAlways
};

// Can `next` run on what the chain leaves on the device?
bool can_follow(std::span<const ChainLink> chain, const KernelDecl& next);

// Layout for one chain on one kind of device. Immutable.
class ImagePlan {
 public:
  ImagePlan() = default;
  // Context: each link can_follow() those before it; at most kMaxStages.
  ImagePlan(std::span<const ChainLink> chain, bool in_place, const ImageLimits& limits);

  std::uint64_t image_bytes() const noexcept { return image_bytes_; }
  unsigned stages() const noexcept { return stages_; }
  const KernelDecl& kernel(unsigned s) const noexcept { return *link_[s].kernel; }
  const ImageLimits& limits() const noexcept { return limits_; }
  // Does the host need what stage s wrote? Not if the next stage writes all of it again.
  bool copies_out(unsigned s) const noexcept { return copies_out_[s]; }

 private:
  friend class TaskFill;
  std::uint32_t common_limit() const;
  void lay_out_in(std::uint64_t& at);
  void lay_out_out(std::uint64_t& at);

  unsigned stages_ = 0;
  std::array<ChainLink, kMaxStages> link_{};
  std::array<fu_stage, kMaxStages> stage_{};
  std::array<std::uint8_t, kMaxStages> records_of_{};  // stage whose range records it uses
  std::array<bool, kMaxStages> copies_out_{};          // its written ranges go back
  bool in_place_ = false;
  bool only_records_ = false;  // a task needs nothing but range records
  unsigned widest_ = 0;        // stage whose range is gathered
  std::uint32_t gather_align_ = 1;
  std::uint32_t gather_limit_ = 0;  // bytes of each packet; 0: no limit
  ImageLimits limits_;
  std::uint64_t image_bytes_ = 0;
};

// Fills a task batch by batch. One a task; the plan outlives it.
// Threads: the worker's. Context: data path.
class TaskFill {
 public:
  // `task.image` is at least plan.image_bytes() long. Stages get kernel and layout; tables are the caller's.
  void open(DeviceTask& task, const ImagePlan& plan, const std::uint8_t* frames) noexcept;
  // Is there room for these packets?
  bool fits(const Batch& b, Mask m) const noexcept;
  // Appends the packets of m; returns the index of the first. Then columns() are to be filled.
  std::uint32_t add(const Batch& b, Mask m) noexcept;
  ItemColumns columns(unsigned stage, std::uint32_t first, Mask m) const noexcept;
  // No more packets: what has to be copied is known.
  void close() noexcept;

  // After the task. `m` is what add() was given.
  ItemResults results(unsigned stage, std::uint32_t first, Mask m) const noexcept;
  // Writes the new bytes of packets `who` (of m) that meet write_if into their frames. Those
  // whose read range is empty keep theirs.
  void put_back(unsigned stage, std::uint32_t first, Mask m, Mask who, Batch& b) const noexcept;

  DeviceTask& task() noexcept { return *task_; }
  const DeviceTask& task() const noexcept { return *task_; }
  const ImagePlan& plan() const noexcept { return *plan_; }
  // The same task in other memory: in part copied. For a run elsewhere when the image is not ours any more.
  void move_to(ImageMemory memory) noexcept;

 private:
  template <PacketRange R>
  void add_records(const Batch& b, Mask m) noexcept;
  void add_item(const Batch& b, unsigned i) noexcept;

  DeviceTask* task_ = nullptr;
  const ImagePlan* plan_ = nullptr;
  std::uint64_t gathered_bytes_ = 0;
  std::uint64_t alone_bytes_ = 0;  // what the stages would read from packets if each ran by itself
  std::array<std::uint64_t, kMaxStages> written_bytes_{};
};

}  // namespace fulcrum
