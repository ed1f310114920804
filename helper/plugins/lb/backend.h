// SPDX-License-Identifier: MIT
// backend.h - a line of the configuration -> a backend.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fulcrum/address.h"
#include "fulcrum/element.h"

namespace fulcrum::lb {

inline constexpr std::uint32_t kMaxWeight = 10000;

struct Backend {
  IpAddress address;
  std::uint32_t weight = 1;  // 0: no new flows
  bool has_mac = false;
  std::uint8_t mac[6] = {};
  std::uint16_t port = kNoPort;  // that leads to it, where it is said
  bool has_port_mac = false;
  std::uint8_t port_mac[6] = {};
};

// "10.0.0.2 [weight N] [mac MAC] [dev PORT]"
Result<Backend> parse_backend(std::string_view text, Setup& setup);

// One backend a line; blank lines and what follows a '#' are skipped. All errors of
// the file, each with its line, are appended to `errors`.
std::vector<Backend> read_backends(const std::string& path, Setup& setup, std::vector<std::string>& errors);

}  // namespace fulcrum::lb
