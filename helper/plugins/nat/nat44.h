// SPDX-License-Identifier: MIT
// nat44.h - NAT44: source and destination NAT for IPv4 TCP, UDP and ICMP.
//
// SYNOPSIS  NAT44(EXTERNAL ADDRESSES [, FORWARD PROTO OUTSIDE INSIDE] [, FILTERING WHICH] [, …])
// INPUTS    0 from the inside: the source becomes an external endpoint, the same one
//             whatever the destination is (endpoint-independent mapping)
//           1 from the outside: an external endpoint that is mapped becomes the inside one
// OUTPUTS   0 outside: translated; must be connected
//           1 inside: translated; also what one inside host sends to another's external endpoint
//             (hairpinning), with both ends translated; must be connected
//           2 refused: not changed. Unconnected: dropped under the reason's name:
//             nat_no_mapping     nobody inside has this endpoint; a TCP reset or an ICMP
//                                reply without a flow; no EXTERNAL address to map to
//             nat_filtered       a remote that FILTERING keeps out
//             nat_no_port        all ports of the external address are taken
//             nat_table_full     ENTRIES or SESSIONS are used up
//             nat_protocol       neither TCP nor UDP, nor an ICMP query (echo, timestamp) or
//                                error (unreachable, time exceeded, parameter problem)
//             nat_malformed      no IPv4, or cut within its headers
//             nat_fragment_early a fragment that came before its datagram's first one,
//                                or whose first one was refused
//             nat_bad_icmp       an ICMP error with wrong checksums, itself a fragment, or
//                                about no flow that could be mapped
//             nat_not_external   at input 1: not to an external address
//             nat_own_source     at input 0: from an external address
// ARGUMENTS EXTERNAL   203.0.113.1, 203.0.113.0/29 or 203.0.113.1-203.0.113.6; may be given
//                      again; 256 addresses at most. All addresses of a prefix are used. An inside
//                      host is always seen by the same one (paired pooling)
//           PORTS      range of external ports of TCP and UDP, 1 to 65535; default 1024-65535
//           FORWARD    tcp or udp, OUTSIDE:PORT, INSIDE:PORT, as in
//                      FORWARD tcp 203.0.113.1:80 192.168.0.2:8080; with ranges of ports of
//                      the same length, ADDRESS:5000-5010, one by one. Open to all
//                      remotes. OUTSIDE need not be in EXTERNAL. May be given again; 4096
//                      ports at most; an endpoint can be in one FORWARD only
//           FILTERING  who may answer: endpoint-independent (everybody), address-dependent
//                      (addresses that were sent to; the default, as RFC 4787 REQ-8 and RFC 5382
//                      REQ-3 recommend where filtering matters most), address-and-port-dependent
//           REFRESH    outbound (default) or both: which packets keep a mapping of UDP and ICMP
//           TIMEOUT    KIND DURATION, may be given again; 1s to 168h. Kinds and defaults: udp
//                      5min, tcp 124min (established), tcp_transitory 4min (opening and
//                      closing), icmp 1min, fragment 30s. Kept to 67 ms
//           ENTRIES    mappings, 16 to 16777216; default 65536 (192 bytes each)
//           SESSIONS   TCP connections and remotes that may answer, 16 to 16777216;
//                      default twice ENTRIES (64 bytes each)
//           FRAGMENTS  datagrams of which fragments are followed at a time, 16 to 1048576;
//                      default 1024; the oldest makes room
// COUNTERS  to_outside, to_inside, hairpinned (in to_inside too), icmp_errors, fragments
//           (behind the first), mappings (made), fragments_evicted; refused by reason:
//           nat_no_mapping, nat_filtered, nat_no_port, nat_table_full, nat_protocol, nat_malformed,
//           nat_fragment_early, nat_bad_icmp, nat_not_external, nat_own_source
// HANDLERS  mappings [LINES]      protocol, ends, last remote, age, idle time, packets
//                                 each way; 1000 lines unless told otherwise
//           stats                 entries, sessions and ports in use, timeouts
//           flush [ADDRESS]       ends all mappings, or those of an inside or external address
//           timeout KIND DURATION as TIMEOUT, until the next load
// NOTES     A router around it, where eth0 is the inside:
//             FromPort(eth0) -> CheckIPHeader -> DecIPTTL -> nat :: NAT44(EXTERNAL 203.0.113.1)
//               -> rt :: IPLookup(FIB kernel) -> ToPort;
//             FromPort(eth1) -> CheckIPHeader -> DecIPTTL -> [1]nat; nat[1] -> rt;
//           A router answers for expired packets with what it received, so DecIPTTL stands in
//           front of it.
//           External addresses must not be addresses of this machine: packets to those
//           go to its kernel and never come here. The neighbour outside has to route them to
//           this machine (a static route, or BGP), or something else has to answer ARP for them.
//           FromPort's ON_HELPER_LOSS should be drop, else untranslated packets leave by the kernel.
//           All workers share one table. Ports are found by a hash of the inside endpoint:
//           the inside port itself where it is free, else one of its class (below 1024 or
//           not) and for UDP of its parity. A TCP connection that was there before is picked up
//           by the inside's next segment, unless that is a reset.
//           A change of pipeline keeps the table where the element has the same name and all
//           arguments but TIMEOUT are the same. Else the mappings whose external endpoint is
//           still in EXTERNAL and PORTS, and free, are copied when the new pipeline is
//           made; remotes may answer UDP and ICMP again once they were sent to, if FILTERING changed.
//           Application protocols that carry addresses in their payload are not looked into.
// SEE       RFC 4787, RFC 5382, RFC 5508, RFC 7857, RFC 1624
#pragma once

#include <array>
#include <memory>

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "packet.h"
#include "table.h"

namespace fulcrum::nat {

enum class Refusal : std::uint8_t {
  kNoMapping,  // the first four follow Answer
  kFiltered,
  kNoPort,
  kTableFull,
  kProtocol,
  kMalformed,
  kFragmentEarly,
  kBadIcmp,
  kNotExternal,
  kOwnSource,
  kCount
};
inline constexpr unsigned kRefusals = static_cast<unsigned>(Refusal::kCount);

class Nat44 final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  void process_inputs(Batch& b, const Mask* in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;
  std::span<const HandlerSpec> handlers() const override;
  Result<std::string> read(std::string_view name, std::span<const Arg> args, std::span<Element* const> peers) override;
  Result<Change> write(std::string_view name, std::span<const Arg> args, Setup& setup) override;

  const std::shared_ptr<Table>& table() const { return table_; }

 private:
  enum Output : std::uint8_t { kToOutside, kToInside, kRefused };
  // Where a packet goes; why, where it is refused.
  struct Way {
    Output output;
    Refusal why = Refusal::kNoMapping;
  };
  static Way refused(Refusal why) { return {kRefused, why}; }
  static Way refused(Answer a) { return {kRefused, static_cast<Refusal>(static_cast<unsigned>(a) - 1)}; }

  Way translate(const Packet& p, bool from_inside, const Clock& clock) noexcept;
  Way tail(const Packet& p, bool from_inside, const Clock& clock) noexcept;
  Way flow_from_inside(const Packet& p, const Clock& clock) noexcept;
  Way flow_from_outside(const Packet& p, const Clock& clock) noexcept;
  Way error_from_inside(const Packet& p, const Clock& clock) noexcept;
  Way error_from_outside(const Packet& p, const Clock& clock) noexcept;
  Way leave(const Packet& p, Endpoint src, Endpoint dst, bool from_inside, Output to, const Clock& clock) noexcept;
  Answer outbound(const Flow& f, const Clock& clock, View& v) noexcept;
  void prefetch(const Packet& p, bool from_inside) const noexcept;
  void sweep(const Batch& b) noexcept;
  void count(Way way) noexcept;
  std::string stats() const;

  std::shared_ptr<Table> table_;
  Timeouts timeouts_{};
  std::array<Packet, kBatchSize> packets_;  // of the batch that is being handled
  std::array<Reason, kRefusals> reason_{};
  std::uint64_t swept_ns_ = 0;
  bool reclaimed_ = false;  // in this batch
  std::array<Count, kRefusals> refused_;
  Count to_outside_, to_inside_, hairpinned_, icmp_errors_, fragments_, mappings_, evicted_;
};

extern const ElementClass kNat44Class;

}  // namespace fulcrum::nat
