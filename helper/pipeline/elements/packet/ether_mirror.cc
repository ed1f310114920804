// SPDX-License-Identifier: MIT
// ether_mirror.cc - EtherMirror: chooses the port by the port a packet came in by -> output 0.
#include "pipeline/elements/packet/ether_mirror.h"

#include <algorithm>

#include "manual/pipeline/elements/packet/ether_mirror.h"
#include "pipeline/elements/packet/ether_back.h"
#include "pipeline/elements/packet/values.h"

namespace fulcrum {
namespace {

constexpr std::size_t kMaxPorts = 64;  // of one element; a name may come up again in round robin

}  // namespace

std::vector<ArgError> EtherMirror::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  no_port_ = setup.reason("no_port");
  if (const Arg* a = args.keyword("MODE"))
    mode_ = args.choice<Mode>(*a,
                              {{"echo", Mode::kEcho},
                               {"cross", Mode::kCross},
                               {"round_robin", Mode::kRoundRobin},
                               {"round_robin_batch", Mode::kRoundRobinBatch}},
                              Mode::kEcho);
  if (const Arg* a = args.keyword("ADDRESSES")) swap_ = args.choice<bool>(*a, {{"swap", true}, {"keep", false}}, true);
  const Arg* names = args.keyword("PORTS");
  if (names) ports_ = read_ports(args, *names, setup);
  check_ports(args, names);
  other_.fill(kNoPort);
  if (mode_ == Mode::kCross)
    for (std::size_t k = 0; k + 1 < ports_.size(); k += 2) {
      other_[ports_[k]] = ports_[k + 1];
      other_[ports_[k + 1]] = ports_[k];
    }
  return args.done();
}

void EtherMirror::check_ports(ArgReader& args, const Arg* given) {
  const SourcePos pos = given ? given->pos : SourcePos{};
  if (mode_ == Mode::kEcho) {
    if (given) args.error(pos, "PORTS has no meaning with MODE echo: leave it out");
    return;
  }
  if (!given) return args.error(pos, "this MODE needs PORTS", {"PORTS eth0 eth1"});
  if (ports_.size() < 2 || ports_.size() > kMaxPorts)
    return args.error(pos, "PORTS are 2 to " + std::to_string(kMaxPorts) + " names");
  if (mode_ != Mode::kCross) return;
  if (ports_.size() % 2) args.error(pos, "PORTS of MODE cross are pairs: one name is left over");
  std::vector<std::uint16_t> sorted = ports_;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    args.error(pos, "PORTS of MODE cross name a port twice: one can be in one pair only");
}

std::uint16_t EtherMirror::next_port() noexcept {
  const std::uint16_t port = ports_[next_];
  next_ = next_ + 1 == ports_.size() ? 0 : next_ + 1;
  return port;
}

void EtherMirror::process(Batch& b, Mask in, Mask* out) noexcept {
  if (!in) return;
  std::uint16_t port = kNoPort;
  if (mode_ == Mode::kEcho) port = b.in_port;
  if (mode_ == Mode::kCross && b.in_port < other_.size()) port = other_[b.in_port];
  if (mode_ == Mode::kRoundRobinBatch) port = next_port();
  const bool each = mode_ == Mode::kRoundRobin;
  const auto packets = static_cast<std::uint64_t>(std::popcount(in));
  if (port == kNoPort && !each) {
    for_each(in, [&](unsigned i) { b.drop(i, no_port_); });
    return astray_.add(packets);
  }
  for_each(in, [&](unsigned i) {
    b.out_port[i] = each ? next_port() : port;
    if (swap_) swap_addresses(b, i);
  });
  packets_.add(packets);
  out[0] = in;
}

void EtherMirror::adopt(Element& before) noexcept {
  const auto& old = static_cast<EtherMirror&>(before);
  if (old.next_ < ports_.size()) next_ = old.next_;
}

std::vector<CounterValue> EtherMirror::counters() const {
  return {{"packets", packets_.value()}, {"no_port", astray_.value()}};
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}};
}
constinit const ElementClass kEtherMirrorClass = {
    "EtherMirror",
    "EtherMirror([MODE echo | cross | round_robin | round_robin_batch] [, PORTS name…] [, ADDRESSES swap | keep])",
    "sends frames back, across or round all ports",
    1,
    kOutputs,
    [] { return std::unique_ptr<Element>(new EtherMirror); },
    kManual};

}  // namespace fulcrum
