// SPDX-License-Identifier: MIT
// address.h - words -> IP addresses, prefixes, port ranges, bytes in hexadecimal.
//
// Each refuses what is no such word with a text that says what is valid.
//
// Threads: set-up only.
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "fulcrum/units.h"

namespace fulcrum {

enum class Family : std::uint8_t { kAny, kIp4, kIp6 };

// Network byte order; IPv4 stands in bytes 0..3, the rest is 0.
struct IpAddress {
  std::uint8_t bytes[16] = {};
  bool v6 = false;
  unsigned bits() const { return v6 ? 128 : 32; }
  bool operator==(const IpAddress&) const = default;
};

struct IpPrefix {
  IpAddress addr;           // bits behind length are 0
  std::uint8_t length = 0;  // bits
  bool operator==(const IpPrefix&) const = default;
};

// Both ends belong to it.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0xffff;
  bool operator==(const PortRange&) const = default;
};

namespace units {
inline const char* address_form(Family family) {
  if (family == Family::kIp4) return "an IPv4 address, as in 192.0.2.1";
  if (family == Family::kIp6) return "an IPv6 address, as in 2001:db8::1";
  return "an IPv4 or IPv6 address, as in 192.0.2.1 or 2001:db8::1";
}
}  // namespace units

inline Result<IpAddress> parse_address(std::string_view word, Family family = Family::kAny) {
  IpAddress a;
  const std::string text(word);
  if (text.find('\0') == text.npos) {
    if (family != Family::kIp6 && inet_pton(AF_INET, text.c_str(), a.bytes) == 1) return a;
    a.v6 = true;
    if (family != Family::kIp4 && inet_pton(AF_INET6, text.c_str(), a.bytes) == 1) return a;
  }
  return Error{units::refusal(word, "such an address", units::address_form(family))};
}

inline std::string address_text(const IpAddress& a) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(a.v6 ? AF_INET6 : AF_INET, a.bytes, text, sizeof text);
  return text;
}

inline std::string prefix_text(const IpPrefix& p) { return address_text(p.addr) + "/" + std::to_string(p.length); }

// The bits of `a` behind the first `length` become 0.
inline void clear_host_bits(IpAddress& a, unsigned length) {
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned kept = length > 8 * i ? length - 8 * i : 0;
    if (kept < 8) a.bytes[i] = static_cast<std::uint8_t>(a.bytes[i] & ~(0xffu >> kept));
  }
}

// "10.0.0.0/8", "2001:db8::/32"; an address alone is a prefix of all its bits.
inline Result<IpPrefix> parse_prefix(std::string_view word, Family family = Family::kAny) {
  const std::size_t slash = word.find('/');
  const Result<IpAddress> addr = parse_address(word.substr(0, slash), family);
  const auto invalid = [&] {
    return Error{units::refusal(
        word, "such a prefix",
        std::string(units::address_form(family)) + ", and /LENGTH behind it, 0 to 32 (IPv4) or 128 (IPv6)")};
  };
  if (!addr) return invalid();
  IpPrefix p{*addr, static_cast<std::uint8_t>(addr->bits())};
  if (slash == word.npos) return p;
  const Result<std::uint64_t> length = parse_number(word.substr(slash + 1), {0, addr->bits()});
  if (!length) return invalid();
  p.length = static_cast<std::uint8_t>(*length);
  clear_host_bits(p.addr, p.length);
  if (!(p.addr == *addr))
    return Error{"'" + std::string(word) + "' has bits set behind its first " + std::to_string(p.length) + ": write " +
                 prefix_text(p)};
  return p;
}

// "80", "1024-65535".
inline Result<PortRange> parse_ports(std::string_view word) {
  const std::size_t dash = word.find('-');
  const Result<std::uint64_t> first = parse_number(word.substr(0, dash), {0, 65535});
  const Result<std::uint64_t> last = dash == word.npos ? first : parse_number(word.substr(dash + 1), {0, 65535});
  if (first && last && *first <= *last)
    return PortRange{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
  return Error{units::refusal(word, "a port or a range of them",
                              "0 to 65535, as in 80 or 1024-65535 with the smaller one first")};
}

inline int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// "0a1b2c", "0a 1b 2c", "0a:1b:2c" -> bytes. limits: how many of them.
inline Result<std::vector<std::uint8_t>> parse_hex(std::string_view word, Limits limits_bytes = {1, 65535}) {
  std::vector<std::uint8_t> bytes;
  bool good = true;
  for (std::size_t i = 0; good && i < word.size();) {
    if (!bytes.empty() && (word[i] == ' ' || word[i] == ':')) ++i;
    const int high = i < word.size() ? hex_digit(word[i]) : -1;
    const int low = i + 1 < word.size() ? hex_digit(word[i + 1]) : -1;
    good = high >= 0 && low >= 0;
    if (good) bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
    i += 2;
  }
  if (good && limits_bytes.hold(bytes.size())) return bytes;
  return Error{units::refusal(word, "such bytes",
                              std::to_string(limits_bytes.min) + " to " + std::to_string(limits_bytes.max) +
                                  " bytes of two hexadecimal digits each, as in 0a1b2c or 0a:1b:2c")};
}

// "02:00:00:00:00:01" -> six bytes; false: not an Ethernet address.
inline bool parse_mac(std::string_view text, std::uint8_t mac[6]) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < 6; ++i) {
    const int high = hex_digit(text[3 * i]);
    const int low = hex_digit(text[3 * i + 1]);
    if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':')) return false;
    mac[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

}  // namespace fulcrum
