// SPDX-License-Identifier: MIT
// tables.cc - answers of the helper -> text of a report.
#include "tables.h"

#include <boost/json.hpp>

namespace fulcrum::cli {
namespace {

namespace json = boost::json;

// Puts members of an outer object into each row of an inner list, for one flat table.
json::array flatten(const json::array& outer, const char* list, const std::vector<const char*>& keys) {
  json::array out;
  for (const json::value& item : outer)
    for (const json::value& inner : array_at(item, list)) {
      if (!inner.is_object()) continue;
      json::object row = inner.get_object();
      for (const char* key : keys)
        if (const json::value* v = item.is_object() ? item.get_object().if_contains(key) : nullptr) row[key] = *v;
      out.push_back(std::move(row));
    }
  return out;
}

void fill_counter_group(Report& report, const json::object& group, const std::string& name) {
  if (group.empty()) return;
  report.line("  " + name);
  report.counters(group, "    ");
}

}  // namespace

void fill_ports(Report& report) {
  const json::array& ports = array_at(report.data(), "ports");
  if (ports.empty()) return report.line("no ports: name one by FromPort in the pipeline");
  report.table(ports, {{"port", "PORT"},
                       {"ifindex", "IFINDEX"},
                       {"state", "STATE"},
                       {"attached", "ATTACHED"},
                       {"xdp", "XDP"},
                       {"ordering", "ORDERING"},
                       {"on_helper_loss", "ON-LOSS"},
                       {"return_way", "RETURN"}});
  json::array rings = flatten(flatten(ports, "queues", {"port"}), "rings", {"port", "queue", "worker", "cpu"});
  if (rings.empty()) return;
  report.line("");
  report.table(rings, {{"port", "PORT"},
                       {"queue", "QUEUE"},
                       {"tier", "TIER"},
                       {"mode", "MODE"},
                       {"need_wakeup", "WAKEUP"},
                       {"worker", "WORKER"},
                       {"cpu", "CPU"}});
}

void fill_pipeline(Report& report) {
  if (!report.data().is_object() || !report.data().get_object().contains("nodes"))
    return report.line(text_at(report.data(), "dot"));
  report.line("pipeline " + text_at(report.data(), "file"));
  report.table(array_at(report.data(), "nodes"),
               {{"name", "NODE"}, {"class", "CLASS"}, {"packets_in", "PACKETS"}, {"counters", "COUNTERS"}});
}

void fill_load(Report& report) {
  const json::value& d = report.data();
  report.line("pipeline " + text_at(d, "file") + " runs: built in " + text_at(d, "build_ms") +
              " ms, forwarding stood still for " + text_at(d, "gap_us") + " us, the one before was empty after " +
              text_at(d, "drain_ms") + " ms");
  for (const json::value& note : array_at(d, "notes")) report.line("note: " + cell(note));
}

void fill_call(Report& report) {
  std::string text = text_at(report.data(), "text");
  if (text.ends_with('\n')) text.pop_back();  // line() adds one
  if (report.data().get_object().contains("text")) report.line(text);
}

void fill_handlers(Report& report) {
  report.line(text_at(report.data(), "element") + " :: " + text_at(report.data(), "class"));
  report.table(array_at(report.data(), "handlers"),
               {{"name", "HANDLER"}, {"args", "ARGS"}, {"writes", "WRITES"}, {"summary", "WHAT"}});
}

void fill_ratio(Report& report) {
  const json::array& ports = array_at(report.data(), "ports");
  if (ports.empty()) return report.line("no ports: name one by FromPort in the pipeline");
  for (const json::value& port : ports) {
    report.line("port " + text_at(port, "port") + ", policy " + text_at(port, "policy") + ", " +
                text_at(port, "moves") + " bucket moves");
    report.table(array_at(port, "tiers"), {{"tier", "TIER"},
                                           {"eligible", "ELIGIBLE"},
                                           {"target_permille", "TARGET"},
                                           {"permille", "PERMILLE"},
                                           {"buckets", "BUCKETS"},
                                           {"mpps", "MPPS"},
                                           {"dropped", "DROPPED"},
                                           {"busy_permille", "BUSY"},
                                           {"service_ns", "SERVICE-NS"},
                                           {"p50_us", "P50-US"},
                                           {"p99_us", "P99-US"},
                                           {"why", "WHY NOT"}});
    const json::array& last = array_at(port, "last");
    if (!last.empty())
      report.line("last: " + text_at(last.back(), "policy") + ", " + text_at(last.back(), "moves") +
                  " moves: " + text_at(last.back(), "why"));
  }
}

void fill_stats(Report& report) {
  const json::value& data = report.data();
  for (const json::value& port : array_at(data, "ports")) {
    report.line("port " + text_at(port, "port") + ": received " + text_at(port, "rx_packets") + " packets, " +
                text_at(port, "rx_bytes") + " bytes");
    for (const json::value& queue : array_at(port, "queues")) {
      if (!queue.is_object()) continue;
      json::object counters = queue.get_object();
      counters.erase("queue");
      fill_counter_group(report, counters, "queue " + text_at(queue, "queue"));
    }
  }
  const json::value verdicts = object_at(data, "verdicts");
  report.line("verdicts");
  report.line("  tx " + text_at(verdicts, "tx"));
  report.line("  made by elements " + text_at(verdicts, "made"));
  fill_counter_group(report, object_at(verdicts, "drop"), "drop");
  fill_counter_group(report, object_at(verdicts, "kernel"), "kernel");
  report.line("lost");
  report.counters(object_at(data, "lost"), "  ", true);
  report.line("tiers");
  report.table(array_at(data, "tiers"), {{"tier", "TIER"},
                                         {"packets", "PACKETS"},
                                         {"bytes", "BYTES"},
                                         {"p50_us", "P50-US"},
                                         {"p90_us", "P90-US"},
                                         {"p99_us", "P99-US"},
                                         {"p999_us", "P99.9-US"}});
  report.line("way back");
  report.counters(object_at(data, "return"), "  ", true);
  report.line("frames");
  report.counters(object_at(data, "frames"), "  ", true);
}

}  // namespace fulcrum::cli
