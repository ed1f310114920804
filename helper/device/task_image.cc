// SPDX-License-Identifier: MIT
// task_image.cc - declared data blocks of a chain -> layout of a task image -> gather, put back.
#include "device/task_image.h"

#include <algorithm>
#include <cstring>

namespace fulcrum {
namespace {

constexpr std::uint64_t kPartAlign = 64;

std::uint64_t align_up(std::uint64_t v, std::uint64_t to) { return (v + to - 1) & ~(to - 1); }

// Wider ranges contain narrower ones.
int width(PacketRange r) {
  switch (r) {
    case PacketRange::kPayload:
      return 0;
    case PacketRange::kL3Header:
      return 1;
    case PacketRange::kDatagram:
      return 2;
    default:
      return 3;
  }
}

bool starts_at_l3(PacketRange r) { return r == PacketRange::kL3Header || r == PacketRange::kDatagram; }

// The stage whose written ranges the next one sees, or -1.
int last_writer(std::span<const ChainLink> chain) {
  for (int s = static_cast<int>(chain.size()); s-- > 0;)
    if (chain[static_cast<std::size_t>(s)].kernel->write.present) return s;
  return -1;
}

std::uint32_t u32(std::uint64_t v) { return static_cast<std::uint32_t>(v); }

void fetch_to_write(const Batch& b, unsigned i) {
  for (std::uint32_t at = 0; at < b.len[i]; at += 64) __builtin_prefetch(b.data[i] + at, 1);
}

}  // namespace

// Behind a stage that wrote, only what starts where it wrote can be found again
// without parsing, and only its direct successor is given the way there.
bool can_follow(std::span<const ChainLink> chain, const KernelDecl& next) {
  if (chain.empty()) return true;
  if (chain.size() == kMaxStages) return false;
  const int writer = last_writer(chain);
  if (writer < 0) return true;
  const ReadBlock& wrote = chain[static_cast<std::size_t>(writer)].kernel->read;
  if (static_cast<std::size_t>(writer) + 1 != chain.size()) return false;
  return wrote.max_bytes == 0 &&
         (wrote.range == next.read.range || (starts_at_l3(wrote.range) && starts_at_l3(next.read.range)));
}

ImagePlan::ImagePlan(std::span<const ChainLink> chain, bool in_place, const ImageLimits& limits)
    : stages_(static_cast<unsigned>(chain.size())), in_place_(in_place), limits_(limits) {
  std::copy(chain.begin(), chain.end(), link_.begin());
  for (unsigned s = 0; s < stages_; ++s) {
    const KernelDecl& k = *link_[s].kernel;
    fu_stage& l = stage_[s];
    l.max_bytes = k.read.max_bytes;
    l.writes = k.write.present;
    l.in_stride = 4 * l.writes + k.in_bytes;
    l.out_stride = 4 + 4 * l.writes + k.out_bytes;
    l.only_if = static_cast<std::uint32_t>(link_[s].only_if);
    const bool from_stage = s && link_[s - 1].kernel->write.present;
    l.source = from_stage ? FU_READ_STAGE : in_place ? FU_READ_FRAMES : FU_READ_IMAGE;
    if (!from_stage && width(k.read.range) > width(link_[widest_].kernel->read.range)) widest_ = s;
    gather_align_ = std::max(gather_align_, k.read.align);
    records_of_[s] = static_cast<std::uint8_t>(s);
    for (unsigned e = 0; e < s; ++e)
      if (link_[e].kernel->read.range == k.read.range) {
        records_of_[s] = static_cast<std::uint8_t>(e);
        break;
      }
    // The host needs what a stage wrote, unless every packet it wrote is written again.
    copies_out_[s] = k.write.present;
    if (s && copies_out_[s - 1] && k.write.present && k.write_if == Condition::kAlways &&
        (link_[s].only_if == Condition::kAlways || link_[s].only_if == link_[s - 1].kernel->write_if))
      copies_out_[s - 1] = false;
  }
  gather_limit_ = common_limit();
  only_records_ = in_place && stages_ == 1 && !stage_[0].writes;
  std::uint64_t at = 0;
  lay_out_in(at);
  lay_out_out(at);
  image_bytes_ = align_up(at, kPartAlign);
}

// What all stages together read of a packet, where all read the same range; else 0.
std::uint32_t ImagePlan::common_limit() const {
  std::uint32_t most = 0;
  for (unsigned s = 0; s < stages_; ++s) {
    const ReadBlock& read = link_[s].kernel->read;
    if (stage_[s].source == FU_READ_STAGE) continue;
    if (read.range != link_[0].kernel->read.range || !read.max_bytes) return 0;
    most = std::max(most, read.max_bytes);
  }
  return most;
}

void ImagePlan::lay_out_in(std::uint64_t& at) {
  for (unsigned s = 0; s < stages_; ++s) {
    if (stage_[s].source == FU_READ_STAGE) continue;
    if (records_of_[s] == s) {
      stage_[s].range_off = u32(at);
      at = align_up(at + 8ull * limits_.items, kPartAlign);
    } else {
      stage_[s].range_off = stage_[records_of_[s]].range_off;
    }
  }
  for (unsigned s = 0; s < stages_; ++s) {
    stage_[s].in_off = u32(at);
    at = align_up(at + std::uint64_t{stage_[s].in_stride} * limits_.items, kPartAlign);
  }
  if (in_place_) return;
  for (unsigned s = 0; s < stages_; ++s) stage_[s].read_off = u32(at);
  at = align_up(at + limits_.read_bytes + std::uint64_t{gather_align_} * limits_.items, kPartAlign);
}

void ImagePlan::lay_out_out(std::uint64_t& at) {
  for (unsigned s = 0; s < stages_; ++s) {
    stage_[s].out_off = u32(at);
    at = align_up(at + std::uint64_t{stage_[s].out_stride} * limits_.items, kPartAlign);
  }
  std::uint64_t range_bytes = limits_.read_bytes;
  for (unsigned s = 0; s < stages_; ++s) {
    const WriteBlock& w = link_[s].kernel->write;
    if (!w.present) continue;
    range_bytes += (std::uint64_t{w.growth_bytes} + w.align) * limits_.items;
    stage_[s].write_off = u32(at);
    at = align_up(at + range_bytes, kPartAlign);
  }
  for (unsigned s = 1; s < stages_; ++s) {
    stage_[s].prev_in_off = stage_[s - 1].in_off;
    stage_[s].prev_in_stride = stage_[s - 1].in_stride;
    stage_[s].prev_out_off = stage_[s - 1].out_off;
    stage_[s].prev_out_stride = stage_[s - 1].out_stride;
    stage_[s].prev_write_off = stage_[s - 1].write_off;
  }
}

void TaskFill::open(DeviceTask& task, const ImagePlan& plan, const std::uint8_t* frames) noexcept {
  task_ = &task;
  plan_ = &plan;
  gathered_bytes_ = 0;
  alone_bytes_ = 0;
  written_bytes_ = {};
  task.stages = plan.stages_;
  for (unsigned s = 0; s < plan.stages_; ++s) {
    task.stage[s].kernel = plan.link_[s].kernel;
    task.stage[s].layout = plan.stage_[s];
  }
  task.frames = frames;
  task.count = 0;
  task.read_bytes = 0;
  task.saved_bytes = 0;
  task.service_ns = 0;
  task.failed = false;
}

// Headers are only looked at where a bound by frame lengths leaves it open.
bool TaskFill::fits(const Batch& b, Mask m) const noexcept {
  const ImagePlan& p = *plan_;
  const auto packets = static_cast<unsigned>(std::popcount(m));
  if (task_->count + packets > p.limits_.items) return false;
  std::uint64_t at_most = task_->read_bytes;
  if (p.gather_limit_)
    at_most += std::uint64_t{p.gather_limit_} * packets;
  else
    for_each(m, [&](unsigned i) { at_most += b.len[i]; });
  if (at_most <= p.limits_.read_bytes) return true;
  const PacketRange widest = p.link_[p.widest_].kernel->read.range;
  std::uint64_t bytes = task_->read_bytes;
  for_each(m, [&](unsigned i) { bytes += packet_range(b, i, widest, p.gather_limit_).length; });
  return bytes <= p.limits_.read_bytes;
}

std::uint32_t TaskFill::add(const Batch& b, Mask m) noexcept {
  const std::uint32_t first = task_->count;
  if (!plan_->only_records_) {
    for_each(m, [&](unsigned i) { add_item(b, i); });
    return first;
  }
  switch (plan_->link_[0].kernel->read.range) {
    case PacketRange::kL3Header:
      add_records<PacketRange::kL3Header>(b, m);
      break;
    case PacketRange::kPayload:
      add_records<PacketRange::kPayload>(b, m);
      break;
    case PacketRange::kDatagram:
      add_records<PacketRange::kDatagram>(b, m);
      break;
    case PacketRange::kWhole:
      add_records<PacketRange::kWhole>(b, m);
      break;
  }
  return first;
}

// One kernel that reads frames in place and writes none: the most frequent task.
template <PacketRange R>
void TaskFill::add_records(const Batch& b, Mask m) noexcept {
  constexpr unsigned kAhead = 6;  // packets
  DeviceTask& t = *task_;
  const std::uint8_t* const frames = t.frames;
  const std::uint32_t limit = plan_->gather_limit_;
  auto* record = reinterpret_cast<std::uint32_t*>(t.image.host + plan_->stage_[0].range_off) + 2 * std::size_t{t.count};
  std::uint64_t bytes = 0;
  for_each(m, [&](unsigned i) {
    const unsigned later = (i + kAhead) % kBatchSize;
    if (R != PacketRange::kWhole) __builtin_prefetch(b.data[later] + b.l3_off[later]);
    const ByteRange r = packet_range(b, i, R, limit);
    record[0] = r.length ? u32(static_cast<std::uint64_t>(b.data[i] - frames)) + r.offset : 0;
    record[1] = r.length;
    record += 2;
    bytes += r.length;
  });
  t.read_bytes += bytes;
  alone_bytes_ += bytes;
  t.count += static_cast<std::uint32_t>(std::popcount(m));
}

void TaskFill::add_item(const Batch& b, unsigned i) noexcept {
  const ImagePlan& p = *plan_;
  DeviceTask& t = *task_;
  const std::uint32_t limit = p.gather_limit_;
  std::uint8_t* const image = t.image.host;
  const std::uint32_t k = t.count++;
  const std::uint32_t end = datagram_end(b, i);
  const ByteRange all = packet_range(b, i, p.link_[p.widest_].kernel->read.range, limit, end);
  t.read_bytes += all.length;
  std::uint64_t base;  // of the frame's first byte, as range offsets count
  if (p.in_place_) {
    base = static_cast<std::uint64_t>(b.data[i] - t.frames);
  } else {
    gathered_bytes_ = align_up(gathered_bytes_, p.gather_align_);
    std::memcpy(image + p.stage_[0].read_off + gathered_bytes_, b.data[i] + all.offset, all.length);
    base = gathered_bytes_ - all.offset;  // may wrap; comes right where a range's offset is added
    gathered_bytes_ += all.length;
  }
  std::uint32_t length = 0;  // of what the next stage reads at most
  for (unsigned s = 0; s < p.stages_; ++s) {
    const fu_stage& l = p.stage_[s];
    const KernelDecl& kernel = *p.link_[s].kernel;
    if (l.source != FU_READ_STAGE) {
      const ByteRange r = packet_range(b, i, kernel.read.range, limit, end);
      length = kernel.read.max_bytes ? std::min(r.length, kernel.read.max_bytes) : r.length;
      alone_bytes_ += length;
      if (p.records_of_[s] == s) {
        auto* record = reinterpret_cast<std::uint32_t*>(image + l.range_off) + 2 * std::size_t{k};
        record[0] = r.length ? u32(base + r.offset) : 0;
        record[1] = r.length;
      }
    } else {
      t.saved_bytes += kernel.read.max_bytes ? std::min(length, kernel.read.max_bytes) : length;
    }
    if (!l.writes) continue;
    std::uint64_t& written = written_bytes_[s];
    written = align_up(written, kernel.write.align);
    *reinterpret_cast<std::uint32_t*>(image + l.in_off + std::size_t{l.in_stride} * k) = u32(written);
    length += kernel.write.growth_bytes;
    written += length;
  }
}

ItemColumns TaskFill::columns(unsigned stage, std::uint32_t first, Mask m) const noexcept {
  const fu_stage& l = plan_->stage_[stage];
  return {{m}, task_->image.host + l.in_off + std::size_t{l.in_stride} * first + 4 * l.writes, l.in_stride};
}

void TaskFill::close() noexcept {
  const ImagePlan& p = *plan_;
  DeviceTask& t = *task_;
  t.in.clear();
  t.out.clear();
  if (alone_bytes_ > t.read_bytes) t.saved_bytes += alone_bytes_ - t.read_bytes;
  for (unsigned s = 0; s < p.stages_; ++s)
    if (p.stage_[s].source != FU_READ_STAGE && p.records_of_[s] == s) t.in.add(p.stage_[s].range_off, 8 * t.count);
  for (unsigned s = 0; s < p.stages_; ++s) t.in.add(p.stage_[s].in_off, p.stage_[s].in_stride * t.count);
  if (!p.in_place_) t.in.add(p.stage_[0].read_off, u32(gathered_bytes_));
  for (unsigned s = 0; s < p.stages_; ++s) t.out.add(p.stage_[s].out_off, p.stage_[s].out_stride * t.count);
  for (unsigned s = 0; s < p.stages_; ++s)
    if (p.copies_out_[s]) t.out.add(p.stage_[s].write_off, u32(written_bytes_[s]));
}

ItemResults TaskFill::results(unsigned stage, std::uint32_t first, Mask m) const noexcept {
  const fu_stage& l = plan_->stage_[stage];
  return {{m}, task_->image.host + l.out_off + std::size_t{l.out_stride} * first, l.out_stride, 4 + 4 * l.writes};
}

// Frames have gone cold since the task was filled: they are fetched ahead, and
// whether there was a range is taken from its record.
void TaskFill::put_back(unsigned stage, std::uint32_t first, Mask m, Mask who, Batch& b) const noexcept {
  constexpr unsigned kAhead = 3;  // packets
  const fu_stage& l = plan_->stage_[stage];
  if (!plan_->copies_out_[stage]) return;
  const KernelDecl& kernel = *plan_->link_[stage].kernel;
  const std::uint8_t* const image = task_->image.host;
  const ItemIndex index{m};
  for_each(who, [&](unsigned i) {
    if (const Mask ahead = who & ~mask_of(i + kAhead))
      fetch_to_write(b, static_cast<unsigned>(std::countr_zero(ahead)));
    const std::size_t k = first + index.of(i);
    const auto* out = reinterpret_cast<const std::uint32_t*>(image + l.out_off + l.out_stride * k);
    if (!holds(kernel.write_if, out[0])) return;
    const bool empty = l.source == FU_READ_STAGE
                           ? !packet_range(b, i, kernel.read.range, 0).length
                           : !reinterpret_cast<const std::uint32_t*>(image + l.range_off)[2 * k + 1];
    if (empty) return;
    const std::uint32_t offset = range_begin(b, i, kernel.read.range);
    b.resize(i, offset + out[1]);
    std::memcpy(b.data[i] + offset,
                image + l.write_off + *reinterpret_cast<const std::uint32_t*>(image + l.in_off + l.in_stride * k),
                out[1]);
  });
}

void TaskFill::move_to(ImageMemory memory) noexcept {
  for (const Segment& s : task_->in) std::memcpy(memory.host + s.offset, task_->image.host + s.offset, s.bytes);
  task_->image = memory;
}

}  // namespace fulcrum
