// SPDX-License-Identifier: MIT
// load_balancer.h - LoadBalancer: spreads the flows of one service over backends, which answer directly.
//
// SYNOPSIS  LoadBalancer(VIP ADDRESS [, PROTO tcp | udp | any] [, PORT NUMBER | any],
//             BACKEND "ADDRESS [weight N] [mac MAC] [dev PORT]", … | FILE PATH,
//             [MODE ipip | gue | l3] [, SOURCE ADDRESS] [, AFFINITY flow | client]
//             [, TABLE PRIME] [, FLOWS N] [, IDLE TIME] [, OPENING TIME] [, CLOSING TIME] [, MTU BYTES] [, TTL N]
//             [, GUE_PORT N])
// INPUTS    0 IP datagrams with a sound header: behind CheckIPHeader or CheckIP6Header,
//             and behind DecIPTTL or DecIP6HLIM, as the inner header is not touched
// OUTPUTS   0 balanced: on its way to a backend; must be connected. MODE ipip and gue:
//             to IPLookup, which finds the way to the backend. MODE l3: to ToPort
//           1 other: not for the service. Unconnected: to the kernel. Another
//             LoadBalancer may follow, for another service
//           2 no_backend: no backend takes new flows. Unconnected: dropped as "no_backend"
//           3 too_big: longer than MTU with its outer headers, and unchanged: to
//             ICMPError, or to IPFragmenter where DF is not set. Unconnected: dropped as
//             "lb_too_big"
//           Dropped as "lb_malformed": longer by its header's word than the frame is
// ARGUMENTS VIP       address of the service, IPv4 or IPv6
//           PROTO     default any: TCP and UDP
//           PORT      of the service, 1 to 65535; default any
//           BACKEND   one each. weight 0 to 10000, default 1: its share of new flows, to
//                     the sum of all; 0 takes none. mac: needed in MODE l3. dev: the port
//                     that leads there, for a ToPort without argument
//           FILE      a file with one backend a line, as in BACKEND; '#' starts a comment
//           MODE      ipip (default): IP in IP. gue: Generic UDP Encapsulation, variant 0,
//                     source port from the flow. l3: the datagram as it is, to the
//                     backend's Ethernet address
//           SOURCE    of the outer header; needed in MODE ipip and gue, one for each family
//                     of backends, which need not be the VIP's
//           AFFINITY  flow (default): each flow gets a backend of its own. client: flows of one
//                     client address get the same one, while backends stay the same
//           TABLE     places of the Maglev table: a prime from 3 to 5000011, default 65537.
//                     Take more than 100 for each backend
//           FLOWS     flows remembered by each worker, 16 to 16777216, rounded up to a power
//                     of two; default 65536 (32 bytes each)
//           IDLE      a flow is forgotten after this time without packets, 1s to 24h,
//                     default 5min
//           OPENING   the same for a flow of which one packet has come, 1s to 1h, default 30s
//           CLOSING   the same once a TCP FIN or RST has come, 1s to 1h, default 10s
//           MTU       longest datagram with outer headers, 576 to 65535 bytes, default 1500
//           TTL       of the outer header, 1 to 255, default 64
//           GUE_PORT  UDP port of the backends, 1 to 65535, default 6080
// COUNTERS  balanced, other, no_backend, too_big, malformed; of the balanced: new_flows,
//           unremembered (flows for which the table had no place), icmp_errors, fragments;
//           of the other: stray_fragments
// HANDLERS  backends                  each one's state (active, draining, drained), weight,
//                                     flows, packets, bytes (of datagrams before outer headers)
//           flows                     in use and room, by worker
//           add ADDRESS [weight N] [mac MAC] [dev PORT]
//                                     new flows go there too
//           remove ADDRESS [now]      no new flows go there; flows that it has stay until they
//                                     end. now: they go to others at once
//           weight ADDRESS N          its share of new flows
//           A pipeline that takes this one's place has the backends of its own text again;
//           those that it does not name are drained, flows stay where they are.
// NOTES     The front-end hands packets for the machine's own addresses to Linux, so the VIP
//           must not be an address of the balancer: lead it here by a route of the router
//           in front (or a permanent neighbour entry there), and add a blackhole
//           route for it here, so that what leaves by output 1 ends.
//           Backends have the VIP on lo without answering ARP for it, take the outer header
//           off (`ip link add type ipip`, `ip fou add … gue`) and answer the client directly.
//           A flow is a client's address and port and the service's port and protocol. One
//           that is remembered keeps its backend whatever happens to others; a new one, or one
//           forgotten, gets its backend from the Maglev table, which is the same on
//           every balancer that has the same backends and TABLE.
//           Flows are remembered by the worker that sees them; receive-side scaling keeps a
//           flow on one. ICMP errors and fragments may come to another worker: it asks the
//           others' tables. ICMP errors about a datagram that the VIP had sent go to that flow's
//           backend. Other ICMP, as an echo, leaves by output 1.
//           Fragments: the first has ports and goes as its flow; the address pair, protocol
//           and identification are remembered for 10 s, and the others follow. One that
//           overtook its first, or came to another worker, is a stray: output 1.
//           Full tables: a flow that is opening or closing gives its place to a new one; else
//           the new one is unremembered and goes by the Maglev table alone.
//           Outer headers: DF set, DSCP and ECN from inside, IPv4 ID counted up, IPv6 flow
//           label and GUE source port from the flow; UDP checksum over IPv6 only. They take at
//           most 52 bytes of headroom. A VLAN tag stays. MTU is not checked in MODE l3.
// SEE       Eisenbud et al., Maglev, NSDI 2016; RFC 2003, 4213, 2473, 6040;
//           draft-ietf-intarea-gue-09
#pragma once

#include <array>
#include <memory>

#include "fulcrum/element.h"
#include "plugins/lb/service.h"
#include "plugins/lb/target.h"

namespace fulcrum::lb {

class LoadBalancer final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;
  void adopt(Element& before) noexcept override;
  std::span<const HandlerSpec> handlers() const override;
  Result<std::string> read(std::string_view handler, std::span<const Arg> args,
                           std::span<Element* const> peers) override;
  Result<Change> write(std::string_view handler, std::span<const Arg> args, Setup& setup) override;

 private:
  BackendId choose(const Target& t, std::uint64_t hash, std::uint64_t now_ns) noexcept;
  BackendId of_flow(const Target& t, std::uint64_t hash, std::uint64_t now_ns) noexcept;
  BackendId of_fragment(const Target& t, std::uint64_t now_ns) noexcept;
  BackendId by_maglev(const FlowKey& key, std::uint64_t hash) const noexcept;
  BackendId new_flow(const Target& t, std::uint64_t hash, std::uint64_t now_ns) noexcept;
  void remember_fragment(const Target& t, BackendId id, std::uint64_t now_ns) noexcept;
  BackendId elsewhere(const FlowKey& key, std::uint64_t hash) const noexcept;
  void balance(Batch& b, unsigned i, Mask* out) noexcept;
  void send(Batch& b, unsigned i, BackendId id, std::uint64_t hash, Mask* out) noexcept;

  std::shared_ptr<Service> service_;
  std::shared_ptr<WorkerState> state_;
  TableReader<Version> versions_;
  const Settings* settings_ = nullptr;  // service_'s
  const Version* now_ = nullptr;        // of the batch at hand
  bool first_ = false;                  // of all workers: makes the changes
  Reason malformed_reason_ = 0;
  std::array<Target, kBatchSize> target_;
  std::array<std::uint64_t, kBatchSize> hash_;
  Count balanced_, other_, no_backend_, too_big_, malformed_;
  Count new_flows_, unremembered_, icmp_errors_, fragments_, stray_fragments_;
};

}  // namespace fulcrum::lb
