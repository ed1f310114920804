// SPDX-License-Identifier: MIT
// icmp_error.cc - ICMPError: a packet becomes the ICMP error about it, on its way back -> output 0.
#include "pipeline/elements/packet/icmp_error.h"

#include <arpa/inet.h>

#include "fulcrum/reparse.h"
#include "manual/pipeline/elements/packet/icmp_error.h"
#include "pipeline/elements/packet/ether_back.h"
#include "pipeline/elements/packet/icmp_rules.h"
#include "pipeline/elements/packet/l4_checksum.h"
#include "pipeline/elements/packet/values.h"

namespace fulcrum {
namespace {

constexpr std::uint32_t kIcmpBytes = 8;
constexpr std::uint32_t kMost4 = 576, kMost6 = 1280;  // bytes of an error: RFC 1812 4.3.2.3, RFC 4443 2.4 (c)
constexpr std::uint8_t kHops = 64;
constexpr std::uint8_t kClass = 0xc0;  // cs6, internetwork control

constexpr ICMPError::Kind kTtlExceeded = {11, 0, 3, 0}, kTooBig = {3, 4, 2, 0, true};
constexpr ICMPError::Kind kNet = {3, 0, 1, 0}, kHost = {3, 1, 1, 3}, kPort = {3, 3, 1, 4}, kAdmin = {3, 13, 1, 1};

// Room for `headers` bytes between Ethernet's header and the datagram, of which `quoted` stay; where it begins.
std::uint8_t* open_up(Batch& b, unsigned i, std::uint32_t headers, std::uint32_t quoted) noexcept {
  const std::uint32_t l2_bytes = b.l3_off[i];
  b.push(i, headers);
  std::memmove(b.data[i], b.data[i] + headers, l2_bytes);
  b.resize(i, l2_bytes + headers + quoted);
  return b.data[i] + l2_bytes;
}

// Checksum still zero; `word` is the second half of the header, whose meaning is the type's.
void write_icmp(std::uint8_t* icmp, std::uint8_t type, std::uint8_t code, std::uint32_t word) noexcept {
  const std::uint8_t header[kIcmpBytes] = {type, code};
  std::memcpy(icmp, header, kIcmpBytes);
  store_be16(icmp + 4, word >> 16);
  store_be16(icmp + 6, word & 0xffff);
}

void write4(Batch& b, unsigned i, std::uint32_t bytes, const ICMPError::Kind& kind, std::uint32_t mtu,
            const std::uint8_t* from) noexcept {
  const std::uint32_t quoted = std::min(bytes, kMost4 - kIp4Bytes - kIcmpBytes);
  std::uint8_t* ip = open_up(b, i, kIp4Bytes + kIcmpBytes, quoted);
  std::uint8_t* icmp = ip + kIp4Bytes;
  const std::uint8_t header[12] = {0x45, kClass, 0, 0, 0, 0, 0x40, 0, kHops, kProtoIcmp, 0, 0};  // DF: never in pieces
  std::memcpy(ip, header, sizeof header);
  store_be16(ip + 2, kIp4Bytes + kIcmpBytes + quoted);
  std::memcpy(ip + 12, from, 4);
  std::memcpy(ip + 16, icmp + kIcmpBytes + 12, 4);
  make_right4({.ip = ip, .header_bytes = kIp4Bytes});
  write_icmp(icmp, kind.type4, kind.code4, mtu);
  make_right({.at = icmp, .bytes = kIcmpBytes + quoted, .field = icmp + 2});
}

void write6(Batch& b, unsigned i, std::uint32_t bytes, const ICMPError::Kind& kind, std::uint32_t mtu,
            const std::uint8_t* from) noexcept {
  const std::uint32_t quoted = std::min(bytes, kMost6 - kIp6Bytes - kIcmpBytes);
  std::uint8_t* ip = open_up(b, i, kIp6Bytes + kIcmpBytes, quoted);
  std::uint8_t* icmp = ip + kIp6Bytes;
  const std::uint8_t header[8] = {0x60 | kClass >> 4, (kClass & 15) << 4, 0, 0, 0, 0, kProtoIcmp6, kHops};
  std::memcpy(ip, header, sizeof header);
  store_be16(ip + 4, kIcmpBytes + quoted);
  std::memcpy(ip + 8, from, 16);
  std::memcpy(ip + 24, icmp + kIcmpBytes + 8, 16);
  write_icmp(icmp, kind.type6, kind.code6, mtu ? std::max(mtu, kMost6) : 0);
  make_right({.at = icmp,
              .bytes = kIcmpBytes + quoted,
              .field = icmp + 2,
              .pseudo = pseudo_header6(ip, kProtoIcmp6, kIcmpBytes + quoted)});
}

void read_addresses(ArgReader& args, ICMPError::Source& source) {
  const Arg* a = args.keyword("ADDRESS");
  if (!a) return;
  for (const std::string_view word : words_of(a->text)) {
    const std::string text(word);
    const bool v4 = !source.has4 && inet_pton(AF_INET, text.c_str(), source.v4.data()) == 1;
    const bool v6 = !v4 && !source.has6 && inet_pton(AF_INET6, text.c_str(), source.v6.data()) == 1;
    source.has4 |= v4;
    source.has6 |= v6;
    const bool host = v4 ? is_host4(source.v4.data()) : v6 && is_host6(source.v6.data());
    if (!host)
      args.error(a->pos, "ADDRESS '" + text + "' is no address of a host, or a second one of its family",
                 {"192.0.2.1", "2001:db8::1", "192.0.2.1 2001:db8::1"});
  }
}

}  // namespace

void ICMPError::read_kind(ArgReader& args) {
  const Arg* type = args.keyword("TYPE");
  if (!type) type = args.positional("TYPE, the error to send,");
  static constexpr Kind kUnreachable{};  // any of four
  const Kind* kind = &kTtlExceeded;
  if (type)
    kind = args.choice<const Kind*>(*type,
                                    {{"ttl_exceeded", &kTtlExceeded},
                                     {"unreachable", &kUnreachable},
                                     {"fragmentation_needed", &kTooBig},
                                     {"packet_too_big", &kTooBig}},
                                    kind);
  kind_ = *kind;
  const Arg* code = args.keyword("CODE");
  if (kind != &kUnreachable && code) args.error(code->pos, "CODE goes with TYPE unreachable only: leave it out");
  if (kind == &kUnreachable && !code)
    args.error({}, "TYPE unreachable needs a CODE", {"CODE net", "CODE host", "CODE port", "CODE admin"});
  if (kind == &kUnreachable && code)
    kind_ = *args.choice<const Kind*>(*code, {{"net", &kNet}, {"host", &kHost}, {"port", &kPort}, {"admin", &kAdmin}},
                                      &kNet);
  const Arg* mtu = args.keyword("MTU");
  if (mtu && !kind_.too_big) args.error(mtu->pos, "MTU goes with TYPE fragmentation_needed only: leave it out");
  if (!mtu && kind_.too_big) args.error({}, "TYPE " + type->text + " needs an MTU", {"MTU 1500"});
  if (mtu && kind_.too_big) mtu_ = read_number(args, *mtu, "MTU", 68, 65535);
}

void ICMPError::read_sources(ArgReader& args, Setup& setup) {
  Source fixed;
  read_addresses(args, fixed);
  source_.assign(FULCRUM_MAX_PORTS, fixed);
  const Arg* names = args.keyword("PORTS");
  if (!names && !fixed.has4 && !fixed.has6)
    args.error({}, "has no address to send from", {"ADDRESS 192.0.2.1", "PORTS eth0 eth1"});
  if (!names) return;
  for (const std::uint16_t port : read_ports(args, *names, setup)) {
    Source own;
    own.has4 = setup.port_address(port, false, own.v4.data());
    own.has6 = setup.port_address(port, true, own.v6.data());
    if (!own.has4) own.has4 = fixed.has4, own.v4 = fixed.v4;
    if (!own.has6) own.has6 = fixed.has6, own.v6 = fixed.v6;
    source_[port] = own;
  }
}

std::vector<ArgError> ICMPError::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  static constexpr const char* kNames[] = {
      "none", "icmp_not_ip", "icmp_to_group", "icmp_bad_source", "icmp_late_fragment", "icmp_about_error"};
  for (std::size_t k = 1; k < refused_as_.size(); ++k) refused_as_[k] = setup.reason(kNames[k]);
  no_address_ = setup.reason("icmp_no_address");
  limited_as_ = setup.reason("icmp_rate_limited");
  read_kind(args);
  read_sources(args, setup);
  const std::uint32_t rate = read_number_or(args, "RATE", 1, 1'000'000, 1000);
  bucket_.set(rate, read_number_or(args, "BURST", 1, 10'000, 50));
  return args.done();
}

// Why there is none; 0: the packet is the answer now.
Reason ICMPError::answer(Batch& b, unsigned i) noexcept {
  IpSpan s;
  if (const Refusal why = refuse(b, i, kind_.too_big, s); why != Refusal::kNone)
    return refused_as_[static_cast<std::size_t>(why)];
  const Source& from = source_[b.in_port < source_.size() ? b.in_port : 0];
  if (s.v6 ? !from.has6 : !from.has4) return no_address_;
  if (!bucket_.take(b.time_ns(i))) return limited_as_;
  swap_addresses(b, i);
  if (s.v6)
    write6(b, i, s.bytes, kind_, mtu_, from.v6.data());
  else
    write4(b, i, s.bytes, kind_, mtu_, from.v4.data());
  reparse(b, i);
  b.out_port[i] = b.in_port;
  return 0;
}

void ICMPError::process(Batch& b, Mask in, Mask* out) noexcept {
  std::uint64_t sent = 0, limited = 0;
  for_each(in, [&](unsigned i) {
    const Reason why = answer(b, i);
    if (why) b.drop(i, why);
    limited += why == limited_as_;
    sent += why == 0;
    out[0] |= Mask{why == 0} << i;
  });
  sent_.add(sent);
  limited_.add(limited);
  refused_.add(static_cast<std::uint64_t>(std::popcount(in)) - sent - limited);
}

void ICMPError::adopt(Element& before) noexcept { bucket_.level_as(static_cast<ICMPError&>(before).bucket_); }

std::vector<CounterValue> ICMPError::counters() const {
  return {{"sent", sent_.value()}, {"refused", refused_.value()}, {"limited", limited_.value()}};
}

namespace {
constexpr OutputSpec kOutputs[] = {{"errors", Unconnected::kError, ""}};
}
constinit const ElementClass kICMPErrorClass = {
    "ICMPError",
    "ICMPError(TYPE type [, CODE code] [, MTU n] [, ADDRESS address…] [, PORTS name…] [, RATE n] [, BURST n])",
    "sends ICMP errors back about packets",
    1,
    kOutputs,
    [] { return std::unique_ptr<Element>(new ICMPError); },
    kManual};

}  // namespace fulcrum
