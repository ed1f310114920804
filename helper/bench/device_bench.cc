// SPDX-License-Identifier: MIT
// device_bench.cc - what devices and the framework around them do on this machine -> figures.
#include "bench/device_bench.h"

#include <algorithm>

#include "bench/chain.h"
#include "bench/framework.h"
#include "bench/patterns.h"
#include "bench/share.h"
#include "device/backends.h"

namespace fulcrum {
namespace {

// Modelled when none is named: a device that copies.
constexpr const char* kModel = "h100-pcie5";

void measure_match(const PatternFile& patterns, const DeviceBenchOptions& o, Findings& found) {
  for (const unsigned bytes : {128u, 512u, 1400u})
    measure_share({.name = "match-" + std::to_string(bytes),
                   .pipeline = "require(ids); in :: FromPort(in); pm :: PayloadMatch(FILE \"" + patterns.path() +
                               "\"); in -> pm -> ToPort(out); pm[1] -> Discard(REASON match);",
                   .traffic = {.packet_bytes = bytes, .words = patterns.words()},
                   .make_check = nullptr},
                  o.seconds, found);
}

std::vector<std::string> words_of(const DeviceBenchOptions& o) {
  if (!o.devices.empty()) return o.devices;
  std::vector<std::string> words;
  for (const std::string& kind : device_kinds()) words.push_back(kind == "modelled" ? kind + ":" + kModel : kind);
  return words;
}

// A device as it is, for what it says of itself; then one that copies, for the chain.
void measure_device(const std::string& word, const DeviceBenchOptions& o, const PatternFile& patterns,
                    DeviceBenchReport& report) {
  auto spec = parse_device(word);
  if (!spec) return report.found.skipped.push_back({word, spec.error().text});
  if (spec->kind == "modelled") spec->wraps = "inline";
  auto device = open_device(*spec);
  if (!device) return report.found.skipped.push_back({word, device.error().text});
  report.devices.push_back((*device)->info());
  if (spec->kind == "manycore") return;
  if (report.devices.back().in_place) {
    spec->in_place = InPlaceMode::kOff;
    device = open_device(*spec);
    if (!device) return report.found.skipped.push_back({word + "/chain", device.error().text});
  }
  measure_chain(**device, word + "/chain", patterns.path(), patterns.words(), o.seconds, report.found);
}

}  // namespace

DeviceBenchReport device_bench(const DeviceBenchOptions& options) {
  DeviceBenchReport report;
  const std::vector<std::string> words = words_of(options);
  auto patterns = PatternFile::make(options.patterns);
  if (!patterns) {
    report.found.wrong.push_back(patterns.error().text);
    return report;
  }
  for (const std::string& word : words) measure_device(word, options, *patterns, report);
  if (std::find(words.begin(), words.end(), "manycore") == words.end()) return report;
  measure_framework(options.seconds, report.found);
  measure_match(*patterns, options, report.found);
  return report;
}

}  // namespace fulcrum
