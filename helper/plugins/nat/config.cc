// SPDX-License-Identifier: MIT
// config.cc - arguments of NAT44 -> what it translates to, and how long it remembers.
#include "config.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <sstream>

namespace fulcrum::nat {
namespace {

constexpr std::uint64_t kSecond_ns = 1000000000;
constexpr Limits kTimeoutLimits_ns{kSecond_ns, 7 * 24 * 3600 * kSecond_ns};
constexpr Limits kEntryLimits{16, 1u << 24};
constexpr Limits kFragmentLimits{16, 1u << 20};
constexpr std::size_t kMaxForwards = 4096;

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream in{std::string(text)};
  return {std::istream_iterator<std::string>(in), {}};
}

std::uint32_t host_order(const IpAddress& a) {
  return std::uint32_t{a.bytes[0]} << 24 | std::uint32_t{a.bytes[1]} << 16 | std::uint32_t{a.bytes[2]} << 8 |
         a.bytes[3];
}

// An address that a host can have and packets can be sent to.
bool is_unicast(std::uint32_t addr) {
  const std::uint32_t first = addr >> 24;
  return first != 0 && first != 127 && first < 224;
}

struct AddressRange {
  std::uint32_t first, last;
};

// "203.0.113.1", "203.0.113.0/29", "203.0.113.1-203.0.113.6".
Result<AddressRange> parse_addresses(std::string_view word) {
  const std::size_t dash = word.find('-');
  AddressRange r{};
  if (dash == word.npos) {
    const Result<IpPrefix> prefix = parse_prefix(word, Family::kIp4);
    if (!prefix) return prefix.error();
    r.first = host_order(prefix->addr);
    r.last = r.first + static_cast<std::uint32_t>((std::uint64_t{1} << (32 - prefix->length)) - 1);
  } else {
    const Result<IpAddress> first = parse_address(word.substr(0, dash), Family::kIp4);
    const Result<IpAddress> last = parse_address(word.substr(dash + 1), Family::kIp4);
    if (!first) return first.error();
    if (!last) return last.error();
    r = {host_order(*first), host_order(*last)};
    if (r.first > r.last) return Error{"'" + std::string(word) + "': the smaller address stands first"};
  }
  if (!is_unicast(r.first) || !is_unicast(r.last))
    return Error{"'" + std::string(word) + "' is not made of unicast addresses"};
  return r;
}

struct EndpointRange {
  std::uint32_t addr;
  PortRange ports;
};

// "203.0.113.1:80", "192.168.0.2:5000-5010".
Result<EndpointRange> parse_endpoints(std::string_view word) {
  const std::size_t colon = word.find(':');
  if (colon == word.npos)
    return Error{"'" + std::string(word) + "' has no port: write ADDRESS:PORT, as in 203.0.113.1:80"};
  const Result<IpAddress> addr = parse_address(word.substr(0, colon), Family::kIp4);
  if (!addr) return addr.error();
  const Result<PortRange> ports = parse_ports(word.substr(colon + 1));
  if (!ports) return ports.error();
  if (!is_unicast(host_order(*addr)) || ports->first == 0)
    return Error{"'" + std::string(word) + "' is no unicast address with a port from 1 on"};
  return EndpointRange{host_order(*addr), *ports};
}

// Index of `addr`, which is added if it is new.
void add_external(Config& c, std::uint32_t addr) {
  if (std::find(c.externals.begin(), c.externals.end(), addr) == c.externals.end()) c.externals.push_back(addr);
}

Result<void> read_external(std::string_view text, Config& c) {
  const Result<AddressRange> range = parse_addresses(text);
  if (!range) return range.error();
  const Error full{"more than " + std::to_string(kMaxExternals) + " addresses in all: name fewer"};
  if (range->last - range->first >= kMaxExternals) return full;
  for (std::uint32_t a = range->first; a <= range->last; ++a) add_external(c, a);
  if (c.externals.size() > kMaxExternals) return full;
  return {};
}

std::optional<Proto> forwarded_proto(const std::string& word) {
  if (word == kProtoNames[static_cast<unsigned>(Proto::kUdp)]) return Proto::kUdp;
  if (word == kProtoNames[static_cast<unsigned>(Proto::kTcp)]) return Proto::kTcp;
  return std::nullopt;
}

// "tcp 203.0.113.1:80 192.168.0.2:8080", with ranges of ports of one length.
Result<void> read_forward(std::string_view text, Config& c) {
  const std::vector<std::string> word = words_of(text);
  const std::optional<Proto> proto = word.empty() ? std::nullopt : forwarded_proto(word[0]);
  if (word.size() != 3 || !proto)
    return Error{"'" + std::string(text) +
                 "' is no forward: write tcp or udp, OUTSIDE:PORT and INSIDE:PORT, as in "
                 "tcp 203.0.113.1:80 192.168.0.2:8080"};
  const Result<EndpointRange> outside = parse_endpoints(word[1]);
  if (!outside) return outside.error();
  const Result<EndpointRange> inside = parse_endpoints(word[2]);
  if (!inside) return inside.error();
  if (outside->ports.last - outside->ports.first != inside->ports.last - inside->ports.first)
    return Error{"'" + std::string(text) + "': both ranges of ports need the same length"};
  for (std::uint32_t p = outside->ports.first; p <= outside->ports.last; ++p) {
    const auto other = static_cast<std::uint16_t>(inside->ports.first + (p - outside->ports.first));
    const Forward f{key_of(*proto, {outside->addr, static_cast<std::uint16_t>(p)}),
                    key_of(*proto, {inside->addr, other})};
    for (const Forward& old : c.forwards)
      if (old.outside == f.outside || old.inside == f.inside)
        return Error{"'" + std::string(text) +
                     "': " + endpoint_text(end_of(old.outside == f.outside ? f.outside : f.inside)) +
                     " is an end of another FORWARD: each end can be in one only"};
    c.forwards.push_back(f);
    if (c.forwards.size() > kMaxForwards)
      return Error{"more than " + std::to_string(kMaxForwards) + " forwarded ports in all: forward fewer"};
  }
  return {};
}

}  // namespace

std::string address_text(std::uint32_t addr) {
  return std::to_string(addr >> 24) + "." + std::to_string(addr >> 16 & 255) + "." + std::to_string(addr >> 8 & 255) +
         "." + std::to_string(addr & 255);
}

std::string endpoint_text(Endpoint e) { return address_text(e.addr) + ":" + std::to_string(e.port); }

Timeouts default_timeouts() {
  return {ticks_in(300 * kSecond_ns), ticks_in(7440 * kSecond_ns), ticks_in(240 * kSecond_ns),
          ticks_in(60 * kSecond_ns), ticks_in(30 * kSecond_ns)};
}

Result<void> set_timeout(std::string_view text, Timeouts& t) {
  const std::vector<std::string> word = words_of(text);
  const std::pair<const char*, std::uint32_t*> fields[] = {{"udp", &t.udp},
                                                           {"tcp", &t.tcp},
                                                           {"tcp_transitory", &t.tcp_transitory},
                                                           {"icmp", &t.icmp},
                                                           {"fragment", &t.fragment}};
  for (const auto& [name, ticks] : fields) {
    if (word.size() != 2 || word[0] != name) continue;
    const Result<std::uint64_t> ns = parse_duration(word[1], kTimeoutLimits_ns);
    if (!ns) return ns.error();
    *ticks = ticks_in(*ns);
    return {};
  }
  return Error{"'" + std::string(text) + "' is no timeout: write one of " + kTimeoutNames +
               ", and a duration, as in udp 5min"};
}

std::vector<ArgError> read_config(std::span<const Arg> given, Config& c, Timeouts& timeouts) {
  ArgReader args(given);
  timeouts = default_timeouts();
  const auto each = [&](const char* keyword, auto&& read) {
    while (const Arg* a = args.keyword(keyword))
      if (const Result<void> done = read(a->text); !done)
        args.error(a->pos, std::string(keyword) + ": " + done.error().text);
  };
  each("EXTERNAL", [&](std::string_view text) { return read_external(text, c); });
  c.pool_size = static_cast<std::uint32_t>(c.externals.size());
  if (const Arg* a = args.keyword("PORTS")) {
    c.ports = args.ports(a, c.ports);
    if (c.ports.first == 0) args.error(a->pos, "PORTS: 0 is no port: valid is 1 to 65535");
  }
  if (const Arg* a = args.keyword("FILTERING"))
    c.filtering = args.choice<Filtering>(*a,
                                         {{"endpoint-independent", Filtering::kEndpointIndependent},
                                          {"address-dependent", Filtering::kAddress},
                                          {"address-and-port-dependent", Filtering::kAddressAndPort}},
                                         c.filtering);
  if (const Arg* a = args.keyword("REFRESH"))
    c.refresh_both = args.choice<bool>(*a, {{"outbound", false}, {"both", true}}, false);
  c.entries = static_cast<std::uint32_t>(args.number(args.keyword("ENTRIES"), kEntryLimits, c.entries));
  c.sessions =
      static_cast<std::uint32_t>(args.number(args.keyword("SESSIONS"), kEntryLimits, 2 * std::uint64_t{c.entries}));
  c.fragments = static_cast<std::uint32_t>(args.number(args.keyword("FRAGMENTS"), kFragmentLimits, c.fragments));
  each("TIMEOUT", [&](std::string_view text) { return set_timeout(text, timeouts); });
  each("FORWARD", [&](std::string_view text) { return read_forward(text, c); });
  for (const Forward& f : c.forwards) add_external(c, end_of(f.outside).addr);
  std::vector<ArgError> errors = args.done();
  const auto refuse = [&](std::string text) { errors.push_back({{}, std::move(text), {}}); };
  if (errors.empty() && c.externals.empty())
    refuse("has nothing to translate to: name EXTERNAL addresses or a FORWARD, as in EXTERNAL 203.0.113.1");
  if (c.externals.size() > kMaxExternals)
    refuse("has more than " + std::to_string(kMaxExternals) + " external addresses");
  if (c.forwards.size() >= c.entries) refuse("has as many FORWARDs as ENTRIES or more: raise ENTRIES");
  for (const Forward& f : c.forwards)
    if (std::find(c.externals.begin(), c.externals.end(), end_of(f.inside).addr) != c.externals.end())
      refuse("FORWARD leads to " + endpoint_text(end_of(f.inside)) + ", which is an external address itself");
  return errors;
}

}  // namespace fulcrum::nat
