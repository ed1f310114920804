// SPDX-License-Identifier: MIT
// link.h - a network interface as the helper finds it, before any socket.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "fulcrum.h"
#include "fulcrum/result.h"

namespace fulcrum {

enum class XdpAttach : std::uint8_t { kNone, kNative, kGeneric, kOffload };

struct Link {
  std::string name;
  std::uint32_t ifindex = 0;
  std::array<std::uint8_t, 6> mac{};
  std::uint32_t mtu_bytes = 0;
  unsigned queues = 1;  // RX queues in use (ethtool channels, or what the kernel made)
  int numa_node = -1;   // -1: unknown or one node
  std::string driver;   // "veth", "mlx5_core"; empty: unknown
  XdpAttach xdp = XdpAttach::kNone;
  std::uint32_t xdp_prog_id = 0;
};

// Looks in the network namespace of the calling thread.
// Errors: no such interface (the message lists those there are).
Result<Link> find_link(const std::string& name);

// Names of all Ethernet interfaces that are up.
std::vector<std::string> ethernet_links();

// Packets the driver says it has sent, or the peer has taken. 0 where unknown.
std::uint64_t link_tx_packets(const std::string& name);

const char* name_of(XdpAttach mode);

}  // namespace fulcrum
