// SPDX-License-Identifier: MIT
// chain.cc - two kernels in one task on a device that copies -> what goes there and back, against what they declare.
#include "bench/chain.h"

#include <algorithm>

#include "bench/loop.h"
#include "fulcrum/range.h"

namespace fulcrum {
namespace {

using Way = WorkerLoop::Way;

// Per packet. Reckoned from the declarations alone.
struct Declared {
  double in = 0;     // bytes that any of the kernels reads, once; one record for each different range
  double out = 0;    // results
  double saved = 0;  // read by more than one kernel
};

Declared declared_bytes(const OffloadChain& chain, const Traffic& traffic) {
  auto b = std::make_unique<Batch>();
  traffic.receive(*b, 0, 0);
  Declared d;
  std::vector<bool> read(b->len[0]);
  std::vector<PacketRange> ranges;
  double alone = 0;
  for (const ChainLink& link : chain.links) {
    const KernelDecl& k = *link.kernel;
    const ByteRange r = packet_range(*b, 0, k.read.range, k.read.max_bytes);
    for (std::uint32_t i = r.offset; i < r.offset + r.length; ++i) read[i] = true;
    alone += r.length;
    if (std::find(ranges.begin(), ranges.end(), k.read.range) == ranges.end()) ranges.push_back(k.read.range);
    d.in += k.in_bytes;
    d.out += 4 + k.out_bytes;
  }
  const auto once = static_cast<double>(std::count(read.begin(), read.end(), true));
  d.in += once + 8 * static_cast<double>(ranges.size());
  d.saved = alone - once;
  return d;
}

void check_bytes(const std::string& name, const std::string& what, double is, double must, Findings& found) {
  Figure f{.name = name + "/" + what,
           .unit = "B/packet",
           .value = is,
           .best = is,
           .reference = must,
           .reference_of = "the declared minimum",
           .ratio = must > 0 ? is / must : 0,
           .goal = Goal::kEqual,
           .note = "one pass over all packets"};
  if (!f.met())
    found.wrong.push_back(f.name + ": " + std::to_string(is) + " bytes a packet, declared are " + std::to_string(must));
  found.figures.push_back(std::move(f));
}

}  // namespace

void measure_chain(Device& device, const std::string& name, const std::string& pipeline,
                   const std::vector<std::string>& words, double seconds, Findings& found) {
  const auto skip = [&](const std::string& why) { found.skipped.push_back({name, why}); };
  auto traffic = Traffic::make({.packet_bytes = 512, .words = words});
  if (!traffic) return skip(traffic.error().text);
  auto loop = WorkerLoop::open(pipeline, *traffic, &device, {});
  if (!loop) return skip(loop.error().text);
  const OffloadChain& chain = (*loop)->chains()[0];
  if (chain.links.size() != 2) return found.wrong.push_back(name + ": the two kernels are not one chain");
  const DeviceInfo before = device.info();
  const LoopResult pass = (*loop)->run_batches(Way::kDevice, traffic->batches());
  const DeviceInfo after = device.info();
  if (!(*loop)->wrong().empty()) found.wrong.push_back(name + ": " + (*loop)->wrong());
  if ((*loop)->lane_state() != LaneState::kUp)
    return found.wrong.push_back(name + ": the device " + to_string((*loop)->lane_state()));
  const auto each = [&](std::uint64_t bytes) { return static_cast<double>(bytes) / static_cast<double>(pass.packets); };
  const Declared must = declared_bytes(chain, *traffic);
  check_bytes(name, "copied in", each(after.in_bytes - before.in_bytes), must.in, found);
  check_bytes(name, "copied out", each(after.out_bytes - before.out_bytes), must.out, found);
  check_bytes(name, "saved", each(after.saved_bytes - before.saved_bytes), must.saved, found);
  const LoopResult timed = (*loop)->run(Way::kDevice, static_cast<std::uint64_t>(seconds * 1e9));
  found.figures.push_back({.name = name + "/throughput",
                           .unit = "Mpps",
                           .value = timed.mpps(),
                           .best = timed.mpps(),
                           .note = "512-byte packets, pattern search then route lookup"});
}

}  // namespace fulcrum
