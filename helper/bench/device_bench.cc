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
  TempFile gcm, ctr;  // one SA each, for all packets
};

std::string one_sa(const std::string& algorithm) {
  return "sa spi 0x100 src 192.0.2.1 dst 192.0.2.2 sel 0.0.0.0/0 alg " + algorithm +
         " key 000102030405060708090a0b0c0d0e0f10111213" +
         (algorithm.find("hmac") == algorithm.npos ? "" : " auth 202122232425262728292a2b2c2d2e2f30313233") + "\n";
}

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

// Sequence numbers of one SA leave without a gap.
std::string check_sequence(const Batch& b, std::uint32_t& last) {
  constexpr std::uint32_t kAt = 14 + 20 + 4;  // behind Ethernet, the outer IPv4 header and the SPI
  for (unsigned i = 0; i < b.count; ++i) {
    const std::uint8_t* p = b.data[i] + kAt;
    const std::uint32_t now = std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
    if (b.len[i] < kAt + 4 || (last && now != last + 1))
      return "packet " + std::to_string(b.pos[i]) + " has sequence number " + std::to_string(now) + " behind " +
             std::to_string(last);
    last = now;
  }
  return {};
}

void measure_esp(const std::string& name, const std::string& sas, const DeviceBenchOptions& o, Findings& found) {
  for (const unsigned bytes : {64u, 512u, 1400u})
    measure_share(
        {.name = name + "-" + std::to_string(bytes),
         .pipeline = "require(esp); in :: FromPort(in); in -> ESPEncap(SAS \"" + sas + "\") -> ToPort(out);",
         .traffic = {.packet_bytes = bytes},
         .make_check =
             [] { return [last = std::uint32_t{0}](const Batch& b) mutable { return check_sequence(b, last); }; }},
        o.seconds, found);
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
  auto gcm = TempFile::make(one_sa("aes-gcm-128")), ctr = TempFile::make(one_sa("aes-ctr-128-hmac-sha1"));
  if (!patterns || !routes || !gcm || !ctr) {
    report.found.wrong.push_back(!patterns ? patterns.error().text
                                           : "bench: no temporary file: set TMPDIR to a folder with room");
    return report;
  }
  const Files files{std::move(*patterns), std::move(*routes), std::move(*gcm), std::move(*ctr)};
  for (const std::string& word : words) measure_device(word, options, files, report);
  if (std::find(words.begin(), words.end(), "manycore") == words.end()) return report;
  measure_framework(options.seconds, report.found);
  measure_match(files, options, report.found);
  measure_esp("esp-gcm", files.gcm.path(), options, report.found);
  measure_esp("esp-ctr-sha1", files.ctr.path(), options, report.found);
  return report;
}

}  // namespace fulcrum
