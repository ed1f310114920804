// SPDX-License-Identifier: MIT
// sample.cc - random and real packets -> filled tasks.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "device/shadow.h"
#include "parity.h"

namespace fulcrum::parity {
namespace {

// Ethernet, IPv4 or IPv6, UDP, a shape that the row's kernels look at.
Bytes shaped_frame(Context& c, const gpu::Row& row, std::uint32_t max_bytes) {
  const std::uint32_t ip_bytes = 48 + c.random() % (max_bytes - 61);
  const bool v6 = ip_bytes > 60 && c.random() % 4 == 0;
  Bytes f(14 + ip_bytes);
  for (std::uint8_t& b : f) b = static_cast<std::uint8_t>(c.random());
  std::uint8_t* ip = &f[14];
  f[0] &= 0xfe;
  f[12] = v6 ? 0x86 : 0x08;
  f[13] = v6 ? 0xdd : 0x00;
  ip[0] = v6 ? 0x60 : 0x45;
  const std::uint32_t said = v6 ? ip_bytes - 40 : ip_bytes;
  ip[v6 ? 4 : 2] = static_cast<std::uint8_t>(said >> 8);
  ip[v6 ? 5 : 3] = static_cast<std::uint8_t>(said);
  ip[v6 ? 6 : 9] = 17;
  if (v6)
    ip[24] = 0x20 | (ip[24] & 1);
  else
    ip[6] = ip[7] = 0;
  if (row.shape) row.shape(ip, ip_bytes, c.random);
  return f;
}

}  // namespace

Bytes make_frame(Context& c, const gpu::Row& row, std::uint32_t max_bytes) {
  const unsigned kind = c.random() % 8;
  if (kind < 2 && !c.real.empty())
    if (const Bytes& f = c.real[c.random() % c.real.size()]; f.size() <= kMaxFrame) return f;
  if (kind == 2 || max_bytes < 80) return testing::random_frame(c.random, max_bytes);
  return shaped_frame(c, row, max_bytes);
}

Context::Context(const Options& o)
    : options(o),
      random(o.seed),
      rows(gpu::make_rows(random)),
      real(real_frames(o.data)),
      slot_batches(o.max_items / 32 + 8),
      frames(kSlots * slot_batches) {}

void Context::result(bool ok, const std::string& text) {
  failures += !ok;
  std::printf("%sok %u %s\n", ok ? "" : "not ", ++cases, text.c_str());
  std::fflush(stdout);
}

void Context::skip(const std::string& what, const std::string& why) {
  std::printf("ok %u %s # SKIP %s\n", ++cases, what.c_str(), why.c_str());
  std::fflush(stdout);
}

Part::Part(Run run) { all().push_back(run); }

std::vector<Part::Run>& Part::all() {
  static std::vector<Run> parts;
  return parts;
}

Image::Image(std::uint64_t bytes) : bytes_(bytes), memory_(bytes + 64, 1) { std::memset(data() + bytes, 0xa5, 64); }

// Batches of random sizes, of which random packets join: ranges start anywhere.
Sample::Sample(Context& c, const gpu::Row& row, bool in_place, unsigned slot, std::uint32_t items)
    : plan_(row.chain, in_place, {std::max(items, 1u), std::uint64_t{std::max(items, 1u)} * kMaxFrame}),
      filled_(plan_.image_bytes()),
      reference_(plan_.image_bytes()) {
  task_.image = {filled_.data(), plan_.image_bytes(), nullptr};
  fill_.open(task_, plan_, c.frames.base());
  const auto most = static_cast<std::uint32_t>(c.options.max_bytes / std::max(items, 1u));
  const std::uint32_t kBounds[] = {90, 300, 1514, kMaxFrame};
  const std::uint32_t bound = std::clamp(kBounds[c.random() % 4], 90u, std::max(most, 90u));
  std::size_t n = slot * c.slot_batches;
  for (const std::size_t end = n + c.slot_batches; task_.count < items && n < end; ++n) {
    Batch& b = c.frames.batch(n);
    b.count = 0;
    const unsigned count = n + 2 < end ? kBatchSize : 1 + c.random() % kBatchSize;
    for (unsigned i = 0; i < count; ++i) c.frames.put(n, make_frame(c, row, bound), c.random() % 32);
    Mask m = b.all() & (c.random() | std::uint64_t{c.random()} << 32 | (Mask{c.random()} << 16));
    while (static_cast<std::uint32_t>(std::popcount(m)) > items - task_.count) m &= m - 1;
    if (m && fill_.fits(b, m)) fill_.add(b, m);
  }
  for (unsigned s = 0; s < task_.stages; ++s) task_.stage[s].table = row.table[s];
  if (row.adjust) row.adjust(task_, fill_, c.random);
  fill_.close();
}

void Sample::reset(std::uint8_t* image) const {
  std::memset(image, 0xee, plan_.image_bytes());
  for (const Segment& s : task_.in) std::memcpy(image + s.offset, task_.image.host + s.offset, s.bytes);
}

void Sample::run(std::uint8_t* image, KernelFn CpuCode::*code, std::uint32_t first, std::uint32_t count) const {
  for (unsigned s = 0; s < task_.stages; ++s) {
    const TaskStage& stage = task_.stage[s];
    const fu_task t{stage.layout, task_.frames, image, static_cast<const fu_u8*>(stage.table.data)};
    const KernelFn f = stage.kernel->cpu.*code;
    (f ? f : stage.kernel->cpu.v2)(t, first, count);
  }
}

std::int64_t Sample::difference(const std::uint8_t* image) {
  reset(reference_.data());
  copy_out_records(fill_, image, reference_.data());
  run(reference_.data(), &CpuCode::v2, 0, task_.count);
  return first_difference(fill_, image, reference_.data());
}

bool Sample::inputs_are_whole(const std::uint8_t* image) const {
  return std::all_of(task_.in.begin(), task_.in.end(), [&](const Segment& s) {
    return std::memcmp(image + s.offset, task_.image.host + s.offset, s.bytes) == 0;
  });
}

}  // namespace fulcrum::parity
