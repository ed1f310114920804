// SPDX-License-Identifier: MIT
// device_bench.cc - what devices and the framework around them do on this machine -> figures.
#include "bench/device_bench.h"

#include <algorithm>

#include "bench/framework.h"
#include "bench/patterns.h"
#include "bench/share.h"
#include "device/backends.h"

namespace fulcrum {
namespace {

void measure_match(const DeviceBenchOptions& o, Findings& found) {
  auto patterns = PatternFile::make(o.patterns);
  if (!patterns) return found.skipped.push_back({"match", patterns.error().text});
  for (const unsigned bytes : {128u, 512u, 1400u})
    measure_share({.name = "match-" + std::to_string(bytes),
                   .pipeline = "require(ids); in :: FromPort(in); pm :: PayloadMatch(FILE \"" + patterns->path() +
                               "\"); in -> pm -> ToPort(out); pm[1] -> Discard(REASON match);",
                   .traffic = {.packet_bytes = bytes, .words = patterns->words()},
                   .make_check = nullptr},
                  o.seconds, found);
}

// Opened once for what they say of themselves.
void describe_devices(const DeviceBenchOptions& o, DeviceBenchReport& report) {
  for (const std::string& name : o.devices.empty() ? device_names() : o.devices) {
    auto device = open_device(name);
    if (device)
      report.devices.push_back((*device)->info());
    else
      report.found.skipped.push_back({"device " + name, device.error().text});
  }
}

bool wanted(const DeviceBenchOptions& o, const char* device) {
  return o.devices.empty() || std::find(o.devices.begin(), o.devices.end(), device) != o.devices.end();
}

}  // namespace

DeviceBenchReport device_bench(const DeviceBenchOptions& options) {
  DeviceBenchReport report;
  describe_devices(options, report);
  if (wanted(options, "manycore")) {
    measure_framework(options.seconds, report.found);
    measure_match(options, report.found);
  }
  return report;
}

}  // namespace fulcrum
