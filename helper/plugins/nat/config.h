// SPDX-License-Identifier: MIT
// config.h - arguments of NAT44 -> what it translates to, and how long it remembers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fulcrum/args.h"
#include "key.h"

namespace fulcrum::nat {

enum class Filtering : std::uint8_t { kEndpointIndependent, kAddress, kAddressAndPort };

inline constexpr unsigned kMaxExternals = 256;

// A port forward: always there, open to all.
struct Forward {
  Key outside;
  Key inside;
  bool operator==(const Forward&) const = default;
};

struct Config {
  // Host byte order. The first pool_size are EXTERNAL, behind them stand those that only a
  // FORWARD names.
  std::vector<std::uint32_t> externals;
  std::uint32_t pool_size = 0;
  PortRange ports{1024, 65535};
  Filtering filtering = Filtering::kAddress;
  bool refresh_both = false;
  std::vector<Forward> forwards;
  std::uint32_t entries = 65536;
  std::uint32_t sessions = 131072;
  std::uint32_t fragments = 1024;

  bool operator==(const Config&) const = default;
};

inline constexpr const char* kTimeoutNames = "udp, tcp, tcp_transitory, icmp, fragment";
// RFC 4787 REQ-5, RFC 5382 REQ-5, RFC 5508 REQ-2; that of fragments as Linux has it.
Timeouts default_timeouts();
// "udp 30s" into its field, or what is wrong.
Result<void> set_timeout(std::string_view text, Timeouts& timeouts);

// Fills `config` and `timeouts`. Returns all errors.
std::vector<ArgError> read_config(std::span<const Arg> given, Config& config, Timeouts& timeouts);

std::string address_text(std::uint32_t addr);
std::string endpoint_text(Endpoint e);

}  // namespace fulcrum::nat
