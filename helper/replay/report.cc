// SPDX-License-Identifier: MIT
// report.cc - what a run did -> text or JSON.
#include <boost/json.hpp>

#include "replay/replay.h"

namespace fulcrum {
namespace {

using Counts = std::map<std::string, std::uint64_t>;

boost::json::object object_of(const Counts& counts) {
  boost::json::object o;
  for (const auto& [name, n] : counts) o[name] = n;
  return o;
}

void line(std::string& out, const std::string& name, std::uint64_t n) {
  out += name + std::string(name.size() < 26 ? 26 - name.size() : 1, ' ') + std::to_string(n) + "\n";
}

void lines(std::string& out, const std::string& prefix, const Counts& counts) {
  for (const auto& [name, n] : counts) line(out, "  " + prefix + name, n);
}

}  // namespace

std::string report_text(const ReplayReport& r) {
  std::string out;
  line(out, "packets", r.packets);
  if (r.made) line(out, "added by elements", r.made);
  line(out, "bytes", r.bytes);
  line(out, "transmitted", r.tx);
  lines(out, "port ", r.tx_by_port);
  line(out, "dropped", r.dropped());
  lines(out, "", r.drop_by_reason);
  line(out, "to the kernel", r.to_kernel());
  lines(out, "", r.kernel_by_reason);
  line(out, "alerts", r.alerts);
  for (const auto& [name, n] : r.by_tier) line(out, "tier " + name, n);
  if (r.device_tasks) {
    line(out, "device tasks", r.device_tasks);
    line(out, "device packets", r.device_packets);
    line(out, "run on cpu instead", r.fallback_packets);
  }
  line(out, "elapsed us", r.elapsed_ns / 1000);
  for (const auto& [call, answer] : r.answers) out += call + ":\n" + answer;
  return out;
}

std::string report_json(const ReplayReport& r) {
  boost::json::object o;
  o["packets"] = r.packets;
  o["made"] = r.made;
  o["bytes"] = r.bytes;
  o["tx"] = r.tx;
  o["tx_by_port"] = object_of(r.tx_by_port);
  o["drop"] = r.dropped();
  o["drop_by_reason"] = object_of(r.drop_by_reason);
  o["kernel"] = r.to_kernel();
  o["kernel_by_reason"] = object_of(r.kernel_by_reason);
  o["by_tier"] = object_of(r.by_tier);
  o["alerts"] = r.alerts;
  o["device_tasks"] = r.device_tasks;
  o["device_packets"] = r.device_packets;
  o["fallback_packets"] = r.fallback_packets;
  o["elapsed_ns"] = r.elapsed_ns;
  boost::json::array answers;
  for (const auto& [call, answer] : r.answers) answers.push_back({{"call", call}, {"answer", answer}});
  o["answers"] = std::move(answers);
  return boost::json::serialize(o) + "\n";
}

}  // namespace fulcrum
