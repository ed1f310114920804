// SPDX-License-Identifier: MIT
// nat44_control.cc - NAT44 set up, asked, and told.
#include <atomic>

#include "manual/plugins/nat/nat44.h"
#include "nat44.h"

namespace fulcrum::nat {
namespace {

constexpr const char* kReasons[kRefusals] = {
    "nat_no_mapping", "nat_filtered",       "nat_no_port",  "nat_table_full",   "nat_protocol",
    "nat_malformed",  "nat_fragment_early", "nat_bad_icmp", "nat_not_external", "nat_own_source"};
constexpr std::uint64_t kListLines = 1000, kMaxListLines = 1000000;

constexpr HandlerSpec kHandlers[] = {
    {"mappings", "[LINES]", "the mappings, a line each", false},
    {"stats", "", "entries, sessions and ports in use, timeouts", false},
    {"flush", "[ADDRESS]", "ends all mappings, or those of an inside or external address", true},
    {"timeout", "KIND DURATION", "how long udp, tcp, tcp_transitory, icmp or fragment is remembered", true},
};

// Words of a handler's arguments, as they were typed.
std::string joined(std::span<const Arg> args) {
  std::string text;
  for (const Arg& a : args) text += (text.empty() ? "" : " ") + (a.keyword.empty() ? "" : a.keyword + " ") + a.text;
  return text;
}

// Threads: the worker sets what control reads.
template <class F>
void each_timeout(Timeouts& a, Timeouts& b, F&& f) {
  f(a.udp, b.udp), f(a.tcp, b.tcp), f(a.tcp_transitory, b.tcp_transitory), f(a.icmp, b.icmp), f(a.fragment, b.fragment);
}
void copy_to(Timeouts& shared, Timeouts from) {
  each_timeout(shared, from, [](std::uint32_t& to, std::uint32_t& value) { std::atomic_ref(to).store(value); });
}
Timeouts copy_of(Timeouts& shared) {
  Timeouts copy{};
  each_timeout(shared, copy, [](std::uint32_t& from, std::uint32_t& to) { to = std::atomic_ref(from).load(); });
  return copy;
}

std::string seconds(std::uint32_t ticks) {
  return std::to_string((std::uint64_t{ticks} << kTickShift) / 1000000000) + "s";  // of a limit, which was rounded up
}

}  // namespace

std::vector<ArgError> Nat44::configure(std::span<const Arg> args, Setup& setup) {
  Config config;
  if (std::vector<ArgError> errors = read_config(args, config, timeouts_); !errors.empty()) return errors;
  for (unsigned i = 0; i < kRefusals; ++i) reason_[i] = setup.reason(kReasons[i]);
  const std::string key = "NAT44/" + setup.element();
  table_ = std::static_pointer_cast<Table>(setup.shared(key, [&]() -> std::shared_ptr<void> {
    const auto before = std::static_pointer_cast<Table>(setup.inherited(key));
    if (before && before->config() == config) return before;
    const auto fresh = std::make_shared<Table>(config);
    if (before) {
      fresh->copy(*before, {before->now(), &timeouts_});
      fresh->saw(before->now());
    }
    return fresh;
  }));
  return {};
}

std::vector<CounterValue> Nat44::counters() const {
  std::vector<CounterValue> all{{"to_outside", to_outside_.value()},    {"to_inside", to_inside_.value()},
                                {"hairpinned", hairpinned_.value()},    {"icmp_errors", icmp_errors_.value()},
                                {"fragments", fragments_.value()},      {"mappings", mappings_.value()},
                                {"fragments_evicted", evicted_.value()}};
  for (unsigned i = 0; i < kRefusals; ++i) all.push_back({kReasons[i], refused_[i].value()});
  return all;
}

std::span<const HandlerSpec> Nat44::handlers() const { return kHandlers; }

std::string Nat44::stats() const {
  const TableSize used = table_->used();
  const Config& c = table_->config();
  Timeouts t = copy_of(const_cast<Timeouts&>(timeouts_));
  std::string text = "mappings " + std::to_string(used.mappings) + " of " + std::to_string(c.entries) + "\nsessions " +
                     std::to_string(used.sessions) + " of " + std::to_string(c.sessions) + "\n";
  for (std::uint32_t n = 0; n < c.externals.size(); ++n) {
    text += "ports of " + address_text(c.externals[n]);
    for (Proto p : {Proto::kUdp, Proto::kTcp, Proto::kIcmp})
      text +=
          std::string(" ") + kProtoNames[static_cast<unsigned>(p)] + " " + std::to_string(table_->ports().taken(n, p));
    text += "\n";
  }
  text += "timeouts udp " + seconds(t.udp) + " tcp " + seconds(t.tcp) + " tcp_transitory " + seconds(t.tcp_transitory) +
          " icmp " + seconds(t.icmp) + " fragment " + seconds(t.fragment) + "\n";
  return text;
}

Result<std::string> Nat44::read(std::string_view name, std::span<const Arg> args, std::span<Element* const>) {
  if (name == "stats") return stats();
  if (name != "mappings") return Error{"has no such handler"};
  std::uint64_t lines = kListLines;
  if (!args.empty()) {
    const Result<std::uint64_t> given = parse_number(joined(args), {1, kMaxListLines});
    if (!given) return given.error();
    lines = *given;
  }
  const Timeouts limit = copy_of(timeouts_);
  return table_->list({table_->now(), &limit}, lines);
}

Result<Element::Change> Nat44::write(std::string_view name, std::span<const Arg> args, Setup&) {
  if (name == "timeout") {
    Timeouts changed = copy_of(timeouts_);
    if (const Result<void> done = set_timeout(joined(args), changed); !done) return done.error();
    return Change([this, changed] { copy_to(timeouts_, changed); });
  }
  if (name != "flush") return Error{"has no such handler"};
  std::uint32_t addr = 0;
  if (!args.empty()) {
    const Result<IpAddress> given = parse_address(joined(args), Family::kIp4);
    if (!given) return given.error();
    std::memcpy(&addr, given->bytes, 4);
    addr = __builtin_bswap32(addr);
  }
  // The table is all workers' and takes this from any thread: they are spared going through it.
  const Timeouts limit = copy_of(timeouts_);
  table_->flush(addr, {table_->now(), &limit});
  return Change{};
}

namespace {
constexpr OutputSpec kOutputs[] = {{"outside", Unconnected::kError, ""},
                                   {"inside", Unconnected::kError, ""},
                                   {"refused", Unconnected::kDrop, "nat_no_mapping"}};
}
constinit const ElementClass kNat44Class = {
    .name = "NAT44",
    .synopsis =
        "NAT44(EXTERNAL ADDRESSES [, PORTS RANGE] [, FORWARD PROTO OUTSIDE:PORT INSIDE:PORT] [, FILTERING WHICH] "
        "[, REFRESH WHICH] [, TIMEOUT KIND DURATION] [, ENTRIES n] [, SESSIONS n] [, FRAGMENTS n])",
    .summary = "source and destination NAT for IPv4 TCP, UDP and ICMP",
    .inputs = 2,
    .outputs = kOutputs,
    .make = []() -> std::unique_ptr<Element> { return std::make_unique<Nat44>(); },
    .manual = kManual};

}  // namespace fulcrum::nat
