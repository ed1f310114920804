// SPDX-License-Identifier: MIT
#include "stats_json.h"

#include <boost/json.hpp>

#include "balance_port.h"

namespace fulcrum {
namespace {

namespace json = boost::json;

json::object queue_json(const fulcrum_queue& q) {
  json::object o;
#define FIELD(f) o[#f] = q.f
  FIELD(rx_packets), FIELD(rx_bytes), FIELD(pass_not_ip), FIELD(pass_malformed), FIELD(pass_multicast);
  FIELD(pass_local), FIELD(pass_too_long), FIELD(pass_tier), FIELD(pass_helper_stale), FIELD(pass_no_credit);
  FIELD(pass_no_socket), FIELD(drop_helper_stale), FIELD(drop_no_credit), FIELD(drop_no_socket);
  FIELD(drop_move_drain), FIELD(inline_helper_stale), FIELD(inline_no_credit), FIELD(inline_no_socket);
  FIELD(inline_packets), FIELD(fenced_packets), FIELD(inline_tx), FIELD(inline_tx_bytes), FIELD(inline_pass);
  FIELD(inline_drop), FIELD(inline_missing);
#undef FIELD
  o["ring_packets"] = json::array(std::begin(q.ring_packets), std::end(q.ring_packets));
  o["ring_bytes"] = json::array(std::begin(q.ring_bytes), std::end(q.ring_bytes));
  return o;
}

json::object reasons_json(Runtime& rt, const std::array<Count, kMaxReasons> WorkerStats::*which) {
  json::object o;
  const auto& names = rt.reasons().names();
  for (std::size_t r = 0; r < names.size(); ++r) {
    std::uint64_t n = 0;
    for (auto& w : rt.workers()) n += (w->stats().*which)[r].value();
    if (n) o[names[r]] = n;
  }
  return o;
}

// By burst size: {"1": 900, "2": 500, …}.
json::object costs_json(const std::array<float, WayCosts::kClasses>& costs) {
  json::object o;
  for (unsigned k = 0; k < costs.size(); ++k) o[std::to_string(1u << k)] = static_cast<std::int64_t>(costs[k]);
  return o;
}

std::string tier_name(Runtime& rt, unsigned ring) { return ring == 0 ? "cpu" : rt.devices()[ring - 1].config.name; }

json::array tiers_json(Runtime& rt) {
  json::array out;
  for (unsigned r = 0; r < rt.rings(); ++r) {
    RingTotals sum;
    for (std::size_t p = 0; p < rt.ports().size(); ++p) {
      RingTotals t = ring_totals(rt, static_cast<std::uint16_t>(p), r);
      sum.packets += t.packets;
      sum.bytes += t.bytes;
      sum.busy_ns += t.busy_ns;
      sum.held += t.held;
      sum.latency.merge(t.latency);
    }
    auto us = [&](double p) { return static_cast<double>(sum.latency.percentile(p)) / 1000; };
    out.push_back(json::object{{"tier", tier_name(rt, r)},
                               {"packets", sum.packets},
                               {"bytes", sum.bytes},
                               {"busy_ns", sum.busy_ns},
                               {"held_for_order", sum.held},
                               {"p50_us", us(50)},
                               {"p90_us", us(90)},
                               {"p99_us", us(99)},
                               {"p999_us", us(99.9)}});
  }
  std::uint64_t inl = 0;
  for (auto& p : rt.ports()) inl += queue_since_start(rt, *p).inline_tx;
  out.push_back(json::object{{"tier", "inline"}, {"packets", inl}});
  return out;
}

json::object lost_json(Runtime& rt) {
  // Of packets with a verdict, those that could not be carried out; see sent_packets().
  std::uint64_t in_kernel = 0, stalled = 0, ring_full = 0, live = 0, no_way = 0, kernel = 0, refused = 0, bad = 0;
  for (auto& w : rt.workers()) {
    for (auto& q : w->queues())
      for (unsigned r = 0; r < rt.rings(); ++r) {
        in_kernel += q->ring(r).lost_in_kernel.value();
        bad += q->ring(r).bad_metadata.value();
      }
    const ReturnPath::Totals& t = w->out().totals();
    stalled += w->stats().lost_stalled.value() + t.lost_overtaken.value();
    ring_full += t.lost_ring_full.value();
    live += t.lost_live_error.value();
    no_way += t.lost_no_way.value();
    kernel += t.lost_kernel_error.value();
    refused += t.lost_refused.value();
  }
  return {{"ring_overrun", in_kernel},         {"helper_stalled", stalled}, {"tx_ring_full", ring_full},
          {"live_frame_error", live},          {"no_way_out", no_way},      {"kernel_hand_over", kernel},
          {"return_program_refused", refused}, {"bad_metadata", bad}};
}

}  // namespace

std::uint64_t sent_packets(Runtime& rt) {
  std::uint64_t n = 0;
  for (auto& w : rt.workers()) {
    const ReturnPath::Totals& t = w->out().totals();
    n += w->stats().tx.value() - t.lost_overtaken.value() - t.lost_ring_full.value() - t.lost_live_error.value() -
         t.lost_no_way.value() - t.lost_refused.value();
  }
  return n;
}

json::value stats_json(Runtime& rt) {
  json::array ports;
  for (auto& p : rt.ports()) {
    if (!p->receives) continue;
    const fulcrum_queue sum = queue_totals(rt, *p);
    json::array queues;
    fulcrum_queue q{};
    for (std::uint32_t i = 0; i < p->slots.size(); ++i) {
      if (!rt.maps().read_queue(p->link.ifindex, i, q)) continue;
      json::object o = queue_json(q);
      o["queue"] = i;
      queues.push_back(std::move(o));
    }
    json::object port = queue_json(sum);
    port["port"] = p->link.name;
    port["ifindex"] = p->link.ifindex;
    port["queues"] = std::move(queues);
    ports.push_back(std::move(port));
  }
  const std::uint64_t tx = sent_packets(rt);
  std::uint64_t live = 0, ring = 0, tap = 0, kernel = 0, made = 0;
  for (auto& w : rt.workers()) {
    live += w->out().totals().live.value();
    ring += w->out().totals().ring.value();
    tap += w->out().totals().tap.value();
    kernel += w->out().totals().kernel.value();
    made += w->made();
  }
  return json::object{{"ports", std::move(ports)},
                      {"verdicts", json::object{{"tx", tx},
                                                {"drop", reasons_json(rt, &WorkerStats::drop)},
                                                {"kernel", reasons_json(rt, &WorkerStats::kernel)},
                                                {"made", made}}},
                      {"lost", lost_json(rt)},
                      {"tiers", tiers_json(rt)},
                      {"return", json::object{{"live", live}, {"ring", ring}, {"tap", tap}, {"kernel", kernel}}},
                      {"frames", json::object{{"total", rt.frames_total()}}}};
}

json::value ports_json(Runtime& rt) {
  json::array out;
  for (std::size_t i = 0; i < rt.ports().size(); ++i) {
    const PortState& p = rt.ports()[i];
    if (!p.usable) continue;
    json::object o{{"port", p.link.name},
                   {"ifindex", p.link.ifindex},
                   {"state", "up"},
                   {"driver", p.link.driver},
                   {"mtu_bytes", p.link.mtu_bytes},
                   {"numa_node", p.link.numa_node},
                   {"attached", p.link.xdp != XdpAttach::kNone},
                   {"xdp", name_of(p.link.xdp)},
                   {"return_way", rt.workers()[0]->out().describe(*rt.workers()[0]->out().ports()[i])}};
    const OutPort& way = *rt.workers()[0]->out().ports()[i];
    o["return_ns_per_packet"] =
        json::object{{"live", costs_json(way.costs.live)}, {"ring", costs_json(way.costs.ring)}};
    if (p.receives) {
      o["on_helper_loss"] = p.source.on_helper_loss == FULCRUM_LOSS_INLINE ? "inline"
                            : p.source.on_helper_loss == FULCRUM_LOSS_DROP ? "drop"
                                                                           : "pass";
      o["ordering"] = p.source.ordering == FULCRUM_ORDER_NONE ? "none" : "flow";
    }
    json::array queues;
    for (auto& w : rt.workers())
      for (auto& q : w->queues()) {
        if (q->info().port != i) continue;
        json::array rings;
        for (unsigned r = 0; r < rt.rings(); ++r)
          rings.push_back(
              json::object{{"tier", tier_name(rt, r)}, {"mode", name_of(q->xsk().mode())}, {"need_wakeup", true}});
        queues.push_back(json::object{{"queue", q->info().queue},
                                      {"slot", q->info().slot},
                                      {"worker", w->config().index},
                                      {"cpu", w->config().cpu},
                                      {"rings", std::move(rings)}});
      }
    o["queues"] = std::move(queues);
    out.push_back(std::move(o));
  }
  return json::object{{"ports", std::move(out)}};
}

json::value devices_json(Runtime& rt) {
  json::array out;
  for (std::size_t i = 0; i < rt.devices().size(); ++i) {
    const DeviceState& d = rt.devices()[i];
    const DeviceInfo info = d.device ? d.device->info() : DeviceInfo{};
    AggregateStats sum;
    for (auto& w : rt.workers()) sum.add(w->devices()[i]->sums());
    const std::string refusal = rt.supervisor().refusal(i);
    json::object o{{"device", d.config.name},
                   {"kind", d.config.kind},
                   {"state", refusal.empty() ? "up" : refusal},
                   {"model", info.model},
                   {"isa", info.isa},
                   {"reads_frames", info.in_place ? "in place" : "copied"},
                   {"launch_us", info.launch_us},
                   {"copy_in_gbps", info.copy_in_gbps},
                   {"copy_out_gbps", info.copy_out_gbps},
                   {"tasks", sum.tasks.value()},
                   {"packets", sum.packets.value()},
                   {"in_bytes", info.in_bytes},
                   {"out_bytes", info.out_bytes},
                   {"saved_bytes", sum.saved_bytes.value()},
                   {"busy_ns", info.busy_ns},
                   {"errors", info.errors},
                   {"losses", d.losses},
                   {"done_on_cpu_instead", sum.here_packets.value()},
                   {"taken_back", sum.fallback_packets.value()},
                   {"shadow_tasks", sum.shadow_tasks.value()},
                   {"shadow_mismatches", sum.shadow_mismatches.value()}};
    if (!d.evidence.empty()) o["evidence"] = d.evidence;
    out.push_back(std::move(o));
  }
  return json::object{{"devices", std::move(out)}};
}

json::value nodes_json(Runtime& rt, const std::string& file) {
  std::vector<NodeStat> sum;
  for (auto& w : rt.workers()) {
    std::vector<NodeStat> s = w->graph().stats();
    if (sum.empty()) {
      sum = std::move(s);
      continue;
    }
    for (std::size_t i = 0; i < s.size(); ++i) {
      sum[i].packets_in += s[i].packets_in;
      for (std::size_t c = 0; c < s[i].counters.size(); ++c) sum[i].counters[c].value += s[i].counters[c].value;
    }
  }
  json::array nodes;
  for (const NodeStat& n : sum) {
    json::object counters;
    for (const CounterValue& c : n.counters) counters[c.name] = c.value;
    nodes.push_back(
        json::object{{"name", n.name}, {"class", n.class_name}, {"packets_in", n.packets_in}, {"counters", counters}});
  }
  return json::object{{"file", file}, {"nodes", std::move(nodes)}};
}

}  // namespace fulcrum
