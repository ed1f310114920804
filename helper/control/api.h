// SPDX-License-Identifier: MIT
// api.h - what the control socket can ask of the helper.
//
// The helper implements it; the server calls it. One reply is the "data" of one
// answer. Shapes (numbers are integers where nothing else is said; a field that
// is not known is left out):
//
// port_list: {"ports":[{"port":"eth0","ifindex":3,"state":"up","attached":true,
//     "xdp":"native|generic","on_helper_loss":"inline","ordering":"flow",
//     "return_way":"live","queues":[{"queue":0,"worker":0,"cpu":1,
//     "rings":[{"tier":"cpu","mode":"copy","need_wakeup":true}]}]}]}
// pipeline_show: {"file":"r.click","nodes":[{"name":"rt","class":"IPLookup",
//     "packets_in":10,"counters":{"no_route":1}}]}, with dot {"dot":"digraph …"}
// pipeline_load: {"swapped":true,"file":"/…/r.click","build_ms":3.1,"gap_us":2.5,"drain_ms":0.3,"notes":[]}:
//     built aside in build_ms; gap_us is the longest time for which a worker served no ring because of it;
//     the packets in the pipeline before were out after drain_ms
// element_call: {"element":"c","handler":"counters","text":"packets 10\n"}, of one that writes without "text"
// element_handlers: {"element":"c","class":"Counter","handlers":[{"name":"reset","args":"","writes":true,
//     "summary":"…"}]}
// ratio_show: {"ports":[{"port":"eth0","policy":"hillclimb","moves":12,"tiers":[
//     {"tier":"inline","eligible":false,"why":"PayloadMatch 'pm' has no inline form",
//      "target_permille":0,"permille":0,"buckets":0,"mpps":0.0,"dropped":0,
//      "busy_permille":0,"service_ns":0,"p50_us":0.0,"p99_us":0.0}],
//     "last":[{"when_ns":1,"policy":"hillclimb","mpps":1.2,"moves":3,"why":"…",
//      "before":{"cpu":1000},"target":{"cpu":960,"manycore":40},"after":{…}}]}]}
//     (ratio_json.h makes it from a Balancer)
// ratio_set, ratio_auto: as ratio_show of the ports changed
// stats: {"ports":[{"port":"eth0","ifindex":3,"rx_packets":1,"rx_bytes":64,
//      "queues":[{"queue":0,<every counter of fulcrum_queue by name>}]}],
//     "verdicts":{"tx":1,"drop":{"payload_match":1},"kernel":{"no_route":1},
//      "made":0}, packets that elements added: received + made = tx + drop + kernel + lost
//     "lost":{"<named reason>":0},
//     "tiers":[{"tier":"cpu","packets":1,"bytes":1,"p50_us":1.0,"p90_us":1.0,
//      "p99_us":1.0,"p999_us":1.0}],
//     "return":{"live":1,"ring":1,"tap":0},
//     "frames":{"total":8192,"home":8192}}
//     "ports" are XDP's counters since it was attached, over all helpers (the
//     front-end counts without one too); all else is since this helper started,
//     "tiers" of inline as well
// device_list: {"devices":[{"device":"manycore","model":"…","state":"up",
//     "launch_us":12.0,"tasks":1,"packets":1,"bytes":1,"errors":0,"busy_ns":1}]}
// device_set: as device_list, the one device
// plugin_list: {"plugins":[{"plugin":"route","version":"1.0","state":"loaded|available|refused",
//     "used":true,"path":"/usr/local/lib/fulcrum/plugins/route.so","summary":"…","error":"…"}]}
// plugin_info, plugin_load: one of these, with {"abi":2,"elements":[{"class":"IPLookup",
//     "synopsis":"…","summary":"…"}],"kernels":[{"kernel":"route_lookup","targets":["x86-64-v2","opencl"]}],
//     "tables":["…"],"inline_object":"inline_route.bpf.o","kernel_module":"…"}
//     (plugin_json.h makes both)
// plugin_unload: {"unloaded":"route"}
// shutdown: {"stopping":true}. To be implemented with Loop::after(10 ms): the
//     answer leaves by the loop that is about to stop
#pragma once

#include <boost/json/value.hpp>
#include <string_view>
#include <vector>

#include "balance/balancer.h"
#include "fulcrum/result.h"

namespace fulcrum {

// Threads: called on the control thread.
// Errors: "object: what: why, and what to do", shown to the user as it is.
class ControlApi {
 public:
  using Reply = Result<boost::json::value>;
  virtual ~ControlApi() = default;
  virtual Reply port_list() = 0;
  virtual Reply pipeline_show(bool dot) = 0;
  virtual Reply pipeline_load(const std::string& file) = 0;
  // `args`: as in a configuration, between the parentheses.
  virtual Reply element_call(std::string_view element, std::string_view handler, std::string_view args) = 0;
  virtual Reply element_handlers(std::string_view element) = 0;
  // An empty port means all ports.
  virtual Reply ratio_show(std::string_view port) = 0;
  virtual Reply ratio_set(std::string_view port, const std::vector<TierShare>& shares) = 0;
  virtual Reply ratio_auto(std::string_view port, std::string_view policy) = 0;
  virtual Reply stats() = 0;
  virtual Reply device_list() = 0;
  virtual Reply device_set(std::string_view device, bool enabled) = 0;
  virtual Reply plugin_list() = 0;
  virtual Reply plugin_info(std::string_view name) = 0;
  virtual Reply plugin_load(std::string_view name) = 0;
  virtual Reply plugin_unload(std::string_view name) = 0;
  virtual Reply shutdown() = 0;
};

}  // namespace fulcrum
