// SPDX-License-Identifier: MIT
// device_bench.cc - what devices and the framework around them do on this machine -> figures.
#include "bench/device_bench.h"

#include <algorithm>

#include "bench/chain.h"
#include "bench/direct.h"
#include "bench/framework.h"
#include "bench/patterns.h"
#include "bench/share.h"
#include "device/backends.h"

namespace fulcrum {
namespace {

// Modelled when none is named: a device that copies.
constexpr const char* kModel = "h100-pcie5";

// Files that the pipelines name.
struct Files {
  PatternFile patterns;
  TempFile routes;
};

std::string match_pipeline(const Files& f) {
  return "require(ids); in :: FromPort(in); pm :: PayloadMatch(FILE \"" + f.patterns.path() +
         "\"); in -> pm -> ToPort(out); pm[1] -> Discard(REASON match);";
}

std::string route_pipeline(const Files& f) {
  return "require(route); in :: FromPort(in); rt :: IPLookup(FIB \"" + f.routes.path() + "\"); in -> rt -> ToPort;";
}

std::string chain_pipeline(const Files& f) {
  return "require(ids, route); in :: FromPort(in); pm :: PayloadMatch(FILE \"" + f.patterns.path() +
         "\"); rt :: IPLookup(FIB \"" + f.routes.path() +
         "\"); in -> pm -> rt -> ToPort; pm[1] -> Discard(REASON match);";
}

// To the nets of traffic.cc, one of which is left without.
std::string some_routes() {
  std::string text;
  for (unsigned net = 16; net < 31; ++net)
    text += "172." + std::to_string(net) + ".0.0/16 via 192.0.2.1 dev out lladdr 02:00:00:00:00:01\n";
  return text;
}

void measure_match(const Files& files, const DeviceBenchOptions& o, Findings& found) {
  for (const unsigned bytes : {128u, 512u, 1400u})
    measure_share({.name = "match-" + std::to_string(bytes),
                   .pipeline = match_pipeline(files),
                   .traffic = {.packet_bytes = bytes, .words = files.patterns.words()},
                   .make_check = nullptr},
                  o.seconds, found);
}

std::vector<std::string> words_of(const DeviceBenchOptions& o) {
  if (!o.devices.empty()) return o.devices;
  std::vector<std::string> words;
  for (const std::string& kind : device_kinds()) words.push_back(kind == "modelled" ? kind + ":" + kModel : kind);
  return words;
}

void measure_opencl(const std::string& word, const std::string& which, const DeviceBenchOptions& o, const Files& files,
                    Findings& found) {
  measure_direct({.name = word + "/match-512",
                  .pipeline = match_pipeline(files),
                  .traffic = {.packet_bytes = 512, .frames = 8192, .words = files.patterns.words()}},
                 which, o.seconds, found);
  measure_direct(
      {.name = word + "/route-64", .pipeline = route_pipeline(files), .traffic = {.packet_bytes = 64, .frames = 8192}},
      which, o.seconds, found);
}

// A device as it is, for what it says of itself; then one that copies, for the chain.
void measure_device(const std::string& word, const DeviceBenchOptions& o, const Files& files,
                    DeviceBenchReport& report) {
  auto spec = parse_device(word);
  if (!spec) return report.found.skipped.push_back({word, spec.error().text});
  if (spec->kind == "modelled") spec->wraps = "inline";
  auto device = open_device(*spec);
  if (!device) return report.found.skipped.push_back({word, device.error().text});
  report.devices.push_back((*device)->info());
  if (spec->kind == "manycore") return;
  if (spec->kind == "opencl") measure_opencl(word, spec->which, o, files, report.found);
  if (report.devices.back().in_place) {
    spec->in_place = InPlaceMode::kOff;
    device = open_device(*spec);
    if (!device) return report.found.skipped.push_back({word + "/chain", device.error().text});
  }
  measure_chain(**device, word + "/chain", chain_pipeline(files), files.patterns.words(), o.seconds, report.found);
}

}  // namespace

DeviceBenchReport device_bench(const DeviceBenchOptions& options) {
  DeviceBenchReport report;
  const std::vector<std::string> words = words_of(options);
  auto patterns = PatternFile::make(options.patterns);
  auto routes = TempFile::make(some_routes());
  if (!patterns || !routes) {
    report.found.wrong.push_back(patterns ? routes.error().text : patterns.error().text);
    return report;
  }
  const Files files{std::move(*patterns), std::move(*routes)};
  for (const std::string& word : words) measure_device(word, options, files, report);
  if (std::find(words.begin(), words.end(), "manycore") == words.end()) return report;
  measure_framework(options.seconds, report.found);
  measure_match(files, options, report.found);
  return report;
}

}  // namespace fulcrum
