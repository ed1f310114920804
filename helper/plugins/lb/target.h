// SPDX-License-Identifier: MIT
// target.h - a packet -> the flow of the service that it belongs to.
#pragma once

#include <cstdint>

#include "fulcrum/batch.h"
#include "plugins/lb/flow_key.h"
#include "plugins/lb/settings.h"

namespace fulcrum::lb {

enum class TargetKind : std::uint8_t {
  kNotOurs,
  kFlow,           // a datagram of a flow
  kFirstFragment,  // same, and others follow that lack its ports
  kFragment,       // one of those
  kIcmpError,      // about a datagram of a flow that its backend had sent
  kMalformed,      // for the service, but not all there
};

struct Target {
  TargetKind kind = TargetKind::kNotOurs;
  std::uint8_t tcp_flags = 0;     // of kFlow, kFirstFragment; 0: not TCP
  std::uint32_t inner_bytes = 0;  // of the datagram
  FlowKey flow;                   // but for kFragment
  FlowKey fragment;               // of kFirstFragment, kFragment
};

inline constexpr std::uint8_t kTcpFin = 0x01, kTcpSyn = 0x02, kTcpRst = 0x04, kTcpAck = 0x10;

// Looks no further than the frame has bytes, whatever they say.
Target find_target(const Settings& s, const Batch& b, unsigned i) noexcept;

}  // namespace fulcrum::lb
