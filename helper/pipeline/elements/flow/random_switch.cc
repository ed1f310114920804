// SPDX-License-Identifier: MIT
// random_switch.cc - RandomSwitch: packets over outputs at random, by weight.
#include "pipeline/elements/flow/random_switch.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/flow/random_switch.h"

namespace fulcrum {
namespace {

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ull;

std::uint64_t splitmix64(std::uint64_t& state) noexcept {
  std::uint64_t z = state += kGolden;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ z >> 27) * 0x94d049bb133111ebull;
  return z ^ z >> 31;
}

}  // namespace

std::vector<ArgError> RandomSwitch::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  std::uint64_t sum = 0;
  for (const Arg* a = args.positional("a weight"); a; a = args.positional()) {
    sum += args.number(a, {0, 1000000});
    ends_.push_back(sum);
    outputs_.add("weight " + a->text);
  }
  if (ends_.size() == 1) args.error(given[0].pos, "one weight is no choice: give one for each of 2 to 64 outputs");
  if (ends_.size() > kMaxSwitchOutputs)
    args.error({}, std::to_string(ends_.size()) + " weights are too many: 64 is the limit");
  if (!ends_.empty() && !sum) args.error({}, "all weights are 0, so no packet could leave: one has to be more");
  state_ = args.number(args.keyword("SEED"), {}, 1) + (std::uint64_t{setup.worker()} << 48);
  return args.done();
}

// The upper half of the number times the sum, over 2^32: a sum below 2^26 makes the
// shares exact to 1 in 64 of a packet in a million.
void RandomSwitch::process(Batch&, Mask in, Mask* out) noexcept {
  const std::uint64_t sum = ends_.back();
  for_each(in, [&](unsigned i) {
    const std::uint64_t at = (splitmix64(state_) >> 32) * sum >> 32;
    std::size_t k = 0;
    while (ends_[k] <= at) ++k;
    out[k] |= Mask{1} << i;
  });
}

void RandomSwitch::adopt(Element& before) noexcept { state_ = static_cast<RandomSwitch&>(before).state_; }

constinit const ElementClass kRandomSwitchClass = {"RandomSwitch",
                                                   "RandomSwitch(WEIGHT, WEIGHT, … [, SEED n])",
                                                   "spreads packets over outputs at random, by weight",
                                                   1,
                                                   {},
                                                   [] { return std::unique_ptr<Element>(new RandomSwitch); },
                                                   kManual,
                                                   true};

}  // namespace fulcrum
