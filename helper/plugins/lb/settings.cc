// SPDX-License-Identifier: MIT
// settings.cc - arguments of a LoadBalancer -> what it shall do.
#include "plugins/lb/settings.h"

#include "fulcrum/args.h"
#include "fulcrum_parse.h"  // include/uapi
#include "plugins/lb/maglev.h"

namespace fulcrum::lb {
namespace {

constexpr std::uint32_t kMaxTableSize = 5000011;
constexpr std::uint64_t kSecond = 1000000000, kHour = 3600 * kSecond;

void read_service(ArgReader& args, Settings& s) {
  const Arg* vip = args.keyword("VIP");
  if (!vip) args.error({}, "VIP is missing: the address of the service, as in VIP 203.0.113.10");
  s.vip = args.address(vip);
  if (const Arg* a = args.keyword("PROTO")) {
    const std::uint8_t proto = args.choice<std::uint8_t>(
        *a, {{"tcp", FULCRUM_PROTO_TCP}, {"udp", FULCRUM_PROTO_UDP}, {"any", std::uint8_t{0}}}, 0);
    if (proto) s.proto = proto;
  }
  const Arg* port = args.keyword("PORT");
  if (port && port->text != "any") s.port = static_cast<std::uint16_t>(args.number(port, {1, 65535}));
}

void read_way(ArgReader& args, Settings& s) {
  if (const Arg* a = args.keyword("MODE"))
    s.mode = args.choice<Mode>(*a, {{"ipip", Mode::kIpip}, {"gue", Mode::kGue}, {"l3", Mode::kL3}}, Mode::kIpip);
  if (const Arg* a = args.keyword("AFFINITY"))
    s.by_client = args.choice<bool>(*a, {{"flow", false}, {"client", true}}, false);
  for (const Arg* a : args.keywords("SOURCE")) {
    const IpAddress source = args.address(a);
    std::optional<IpAddress>& of_family = source.v6 ? s.source6 : s.source4;
    if (of_family) args.error(a->pos, "SOURCE: there is one of this family already");
    of_family = source;
  }
  s.mtu_bytes = static_cast<std::uint32_t>(args.size(args.keyword("MTU"), {576, 65535}, s.mtu_bytes));
  s.ttl = static_cast<std::uint8_t>(args.number(args.keyword("TTL"), {1, 255}, s.ttl));
  s.gue_port = static_cast<std::uint16_t>(args.number(args.keyword("GUE_PORT"), {1, 65535}, s.gue_port));
}

void read_tables(ArgReader& args, Settings& s) {
  if (const Arg* a = args.keyword("TABLE")) {
    s.table_size = static_cast<std::uint32_t>(args.number(a, {3, kMaxTableSize}, s.table_size));
    if (!is_prime(s.table_size)) {
      std::uint32_t prime = s.table_size;
      while (!is_prime(prime)) ++prime;
      args.error(a->pos, "TABLE: " + a->text + " is no prime", {std::to_string(prime)});
    }
  }
  s.flows = static_cast<std::uint32_t>(args.number(args.keyword("FLOWS"), {16, 1u << 24}, s.flows));
  Timeouts& t = s.timeouts;
  t.idle_ns = args.duration_ns(args.keyword("IDLE"), {kSecond, 24 * kHour}, t.idle_ns);
  t.closing_ns = args.duration_ns(args.keyword("CLOSING"), {kSecond, kHour}, t.closing_ns);
  t.opening_ns = args.duration_ns(args.keyword("OPENING"), {kSecond, kHour}, t.opening_ns);
}

void add_backend(ArgReader& args, Settings& s, SourcePos pos, const Backend& b) {
  for (const Backend& known : s.backends)
    if (known.address == b.address)
      return args.error(pos, "BACKEND: " + address_text(b.address) + " stands here twice");
  const Result<void> possible = check_backend(s, b);
  if (!possible) args.error(pos, "BACKEND: " + possible.error().text);
  s.backends.push_back(b);
}

void read_all_backends(ArgReader& args, Setup& setup, Settings& s) {
  for (const Arg* a : args.keywords("BACKEND")) {
    const Result<Backend> b = parse_backend(a->text, setup);
    if (b)
      add_backend(args, s, a->pos, *b);
    else
      args.error(a->pos, "BACKEND: " + b.error().text);
  }
  if (const Arg* a = args.keyword("FILE")) {
    std::vector<std::string> errors;
    for (const Backend& b : read_backends(setup.resolve_path(a->text), setup, errors)) add_backend(args, s, a->pos, b);
    for (const std::string& e : errors) args.error(a->pos, "FILE: " + e);
  }
}

}  // namespace

Result<void> check_backend(const Settings& s, const Backend& b) {
  const std::string name = address_text(b.address);
  if (s.mode == Mode::kL3) {
    if (!b.has_mac) return Error{name + " needs its Ethernet address in MODE l3: write \"" + name + " mac MAC\""};
    return {};
  }
  if (b.address.v6 ? !s.source6 : !s.source4)
    return Error{name + " needs an outer source address of its family: add SOURCE " + (b.address.v6 ? "IPv6" : "IPv4") +
                 "-ADDRESS"};
  if (b.address == s.vip) return Error{name + " is the VIP itself: name an address that only the backend has"};
  return {};
}

std::vector<ArgError> read_settings(std::span<const Arg> given, Setup& setup, Settings& s) {
  ArgReader args(given);
  read_service(args, s);
  read_way(args, s);
  read_tables(args, s);
  read_all_backends(args, setup, s);
  return args.done();
}

}  // namespace fulcrum::lb
