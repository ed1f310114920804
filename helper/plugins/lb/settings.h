// SPDX-License-Identifier: MIT
// settings.h - arguments of a LoadBalancer -> what it shall do.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "plugins/lb/backend.h"

namespace fulcrum::lb {

// How a packet gets to its backend.
enum class Mode : std::uint8_t {
  kIpip,  // IP in IP: RFC 2003, 4213, 2473
  kGue,   // Generic UDP Encapsulation, variant 0
  kL3,    // as it is, to the backend's Ethernet address
};

struct Timeouts {
  std::uint64_t idle_ns = 300 * std::uint64_t{1000000000};
  std::uint64_t opening_ns = 30 * std::uint64_t{1000000000};  // one packet so far
  std::uint64_t closing_ns = 10 * std::uint64_t{1000000000};  // FIN or RST seen
  std::uint64_t fragment_ns = 10 * std::uint64_t{1000000000};
};

struct Settings {
  IpAddress vip;
  std::optional<std::uint8_t> proto;  // else TCP and UDP
  std::optional<std::uint16_t> port;  // else all
  Mode mode = Mode::kIpip;
  bool by_client = false;                     // new flows go by the client's address alone
  std::optional<IpAddress> source4, source6;  // of the outer header
  std::uint16_t gue_port = 6080;              // IANA's for GUE
  std::uint8_t ttl = 64;
  std::uint32_t mtu_bytes = 1500;
  std::uint32_t table_size = 65537;
  std::uint32_t flows = 65536;
  Timeouts timeouts;
  std::vector<Backend> backends;
};

// All errors; `s` is complete where there are none.
std::vector<ArgError> read_settings(std::span<const Arg> args, Setup& setup, Settings& s);

// Whether the mode can reach the backend.
Result<void> check_backend(const Settings& s, const Backend& b);

}  // namespace fulcrum::lb
