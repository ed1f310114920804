// SPDX-License-Identifier: MIT
// acl.h - ACL: packets that the first rule they meet allows -> 0, denied ones -> 1.
//
// SYNOPSIS  ACL(RULE "rule", RULE "rule", … [, FILE file] [, DEFAULT deny | allow])
// INPUTS    0
// OUTPUTS   0 allow: packets that are; must be connected
//           1 deny: packets that are. Unconnected: dropped as "acl_deny"
// ARGUMENTS RULE    any number, with FILEs in the order in which they stand
//           FILE    a rule a line; # and what is behind it is a comment
//           DEFAULT of packets that meet no rule, and of all that is not IP; default deny
//           rule    allow|deny PROTOCOL SOURCE PORTS DESTINATION PORTS, as in
//                     "allow tcp 10.0.0.0/8 any 192.168.1.0/24 80-443". 16384 at most
//             PROTOCOL any, ip4, ip6 (any protocol of that family), a name such as tcp, udp,
//                     icmp, icmp6, sctp, esp, or a number from 0 to 255. Over IPv6 the one
//                     behind the extension headers, of which AH is one
//             SOURCE, DESTINATION any, an address, a prefix or FIRST-LAST, IPv4 or IPv6
//             PORTS   any, a port, or FIRST-LAST
// COUNTERS  allowed denied  packets
// HANDLERS  load FILE             writes: the rules of FILE in place of all
//           replace RULE, RULE, … writes: these rules in place of all. No rule: DEFAULT for all
//           rules                 reads: a line a rule: its number, its packets, its text; DEFAULT
//                                 comes last
//           count N               reads: packets of rule N, the first is 1; 0 is DEFAULT
// NOTES     The first rule that a packet meets decides, in any number of rules at about the
//           same cost. New rules take effect as a whole, for each worker between two batches;
//           an error in one leaves all as they were, and every line with an error is told.
//           Rules of the same text keep their counts, across a change of pipeline too.
//           Packets without ports are later fragments, those cut within their transport header
//           and those of protocols that have none. They meet only rules whose PORTS are both
//           any: a rule for ports neither allows nor denies them. A first fragment has its
//           ports. To let fragmented flows pass, allow them by address and protocol
// SEE       IPClassifier; RFC 1858 and RFC 3128 on fragments and filters
#pragma once

#include <memory>

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "fulcrum/table.h"
#include "pipeline/elements/flow/acl_rules.h"

namespace fulcrum {

class ACL final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override {
    return {{"allowed", allowed_.value()}, {"denied", denied_.value()}};
  }
  std::span<const HandlerSpec> handlers() const override;
  Result<std::string> read(std::string_view handler, std::span<const Arg> args, std::span<Element* const>) override;
  Result<Change> write(std::string_view handler, std::span<const Arg> args, Setup& setup) override;

 private:
  std::shared_ptr<AclRules> rules_;
  TableReader<AclVersion> reader_;
  const AclVersion* seen_ = nullptr;
  Count* counts_ = nullptr;  // of seen_, this worker's
  std::size_t slot_ = 0;     // among the workers
  Count allowed_, denied_;
};

extern const ElementClass kACLClass;

}  // namespace fulcrum
