// SPDX-License-Identifier: MIT
// replay.h - capture files through a pipeline: `fulcrum run`, the contract for correctness.
//
// Needs no root and no interface. What the XDP front-end would pass to the kernel
// gets the verdict kernel and the tier "steer"; all else goes through the graph in
// batches of 64. Files appear complete at the end, or not at all.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "fulcrum/result.h"

namespace fulcrum {

struct ReplayOptions {
  using NamedFile = std::pair<std::string, std::string>;  // port name, file

  std::string pipeline;
  std::vector<std::string> in;      // FILE or NAME=FILE
  std::string out;                  // what all ToPorts send; empty: not kept
  std::vector<NamedFile> out_port;  // what one port sends
  std::string tier = "cpu";         // cpu, device:NAME, auto
  std::string verdicts;             // a line of JSON a packet; empty: not kept
  std::vector<std::string> calls;   // "NAME HANDLER ARGS": what to read of an element at the end
};

struct ReplayReport {
  std::uint64_t packets = 0;  // read
  std::uint64_t made = 0;     // added by elements: packets + made = tx + dropped + to_kernel
  std::uint64_t bytes = 0;
  std::uint64_t tx = 0;
  std::map<std::string, std::uint64_t> tx_by_port;
  std::map<std::string, std::uint64_t> drop_by_reason;
  std::map<std::string, std::uint64_t> kernel_by_reason;
  std::map<std::string, std::uint64_t> by_tier;  // steer, cpu, device:NAME
  std::uint64_t alerts = 0;
  std::uint64_t device_tasks = 0;
  std::uint64_t device_packets = 0;    // sum over kernels
  std::uint64_t fallback_packets = 0;  // run on the cpu because the device failed
  std::uint64_t elapsed_ns = 0;
  std::vector<std::pair<std::string, std::string>> answers;  // of calls, in their order

  std::uint64_t dropped() const;
  std::uint64_t to_kernel() const;
};

// Errors: complete message, of several lines for a pipeline's errors; nothing
// was written then.
Result<ReplayReport> replay(const ReplayOptions& options);

std::string report_text(const ReplayReport& report);
std::string report_json(const ReplayReport& report);

}  // namespace fulcrum
