// SPDX-License-Identifier: MIT
// hash_switch.cc - HashSwitch: packets over N outputs, those of one flow by the same.
#include "pipeline/elements/flow/hash_switch.h"

#include <algorithm>

#include "fulcrum/args.h"
#include "fulcrum_parse.h"
#include "manual/pipeline/elements/flow/hash_switch.h"

namespace fulcrum {
namespace {

std::uint64_t hash_bytes(const std::uint8_t* p, std::size_t bytes) noexcept {
  std::uint64_t h = bytes;
  for (; bytes >= 8; p += 8, bytes -= 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    h = fulcrum_mix(h ^ word);
  }
  std::uint64_t word = 0;
  std::memcpy(&word, p, bytes);
  return fulcrum_mix(h ^ word);
}

}  // namespace

std::vector<ArgError> HashSwitch::configure(std::span<const Arg> given, Setup&) {
  ArgReader args(given);
  const Arg* n = args.keyword("N");
  if (!n) args.error({}, "N, the number of outputs, is missing: 2 to 64");
  const std::uint64_t outputs = args.number(n, {2, kMaxSwitchOutputs}, 2);
  for (std::uint64_t i = 0; i < outputs; ++i) outputs_.add("share " + std::to_string(i));
  const Arg* fields = args.keyword("FIELDS");
  const Arg* offset = args.keyword("OFFSET");
  const Arg* length = args.keyword("LENGTH");
  if (fields) args.choice(*fields, {{"flow", 0}}, 0);
  if (!offset != !length) args.error((offset ? offset : length)->pos, "OFFSET and LENGTH go together");
  if (fields && offset) args.error(fields->pos, "FIELDS and OFFSET exclude one another");
  offset_ = static_cast<std::uint32_t>(args.number(offset, {0, 65535}));
  length_bytes_ = static_cast<std::uint32_t>(args.size(length, {1, 64}, 0));
  seed_ = args.number(args.keyword("SEED"), {});
  return args.done();
}

std::uint64_t HashSwitch::key(const Batch& b, unsigned i) const noexcept {
  if (length_bytes_) {
    const std::uint32_t there = b.len[i] > offset_ ? std::min(b.len[i] - offset_, length_bytes_) : 0;
    return hash_bytes(b.data[i] + (there ? offset_ : 0), there);
  }
  if (b.flags[i] & (FULCRUM_META_IP4 | FULCRUM_META_IP6)) return b.hash[i];
  return hash_bytes(b.data[i], std::min<std::uint32_t>(b.len[i], FULCRUM_ETH_BYTES));
}

// Mixed once more: buckets, and with them workers, come from the same hash.
void HashSwitch::process(Batch& b, Mask in, Mask* out) noexcept {
  const std::uint64_t n = outputs_.size();
  for_each(in, [&](unsigned i) {
    const std::uint64_t h = fulcrum_mix(fulcrum_mix(key(b, i) + seed_) + 0x9e3779b97f4a7c15ull);
    out[(h >> 32) * n >> 32] |= Mask{1} << i;
  });
}

constinit const ElementClass kHashSwitchClass = {
    "HashSwitch",
    "HashSwitch(N n [, FIELDS flow | OFFSET bytes, LENGTH bytes] [, SEED n])",
    "spreads flows over outputs, each flow by one",
    1,
    {},
    [] { return std::unique_ptr<Element>(new HashSwitch); },
    kManual,
    true};

}  // namespace fulcrum
