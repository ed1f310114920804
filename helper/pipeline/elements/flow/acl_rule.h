// SPDX-License-Identifier: MIT
// acl_rule.h - text of access rules -> rules: what packets they are about, allow or deny.
//
//   allow|deny PROTOCOL SOURCE SOURCE-PORTS DESTINATION DESTINATION-PORTS
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fulcrum/address.h"

namespace fulcrum {

inline constexpr std::size_t kMaxAclRules = 16384;

__extension__ typedef unsigned __int128 AddressKey;  // host order; IPv4 in the low 32 bits

// Both ends belong to it.
struct AddressRange {
  AddressKey first = 0;
  AddressKey last = ~AddressKey{0};
};

struct AclPorts {
  bool any = true;  // also packets that have none
  PortRange range;
};

struct AclRule {
  bool allow = false;
  bool v4 = true, v6 = true;  // families it is about
  int protocol = -1;          // -1: any
  AddressRange source, destination;
  AclPorts source_ports, destination_ports;
  std::string text;  // words with one space between
};

Result<AclRule> parse_acl_rule(std::string_view text);

// A rule a line; # and what is behind it is a comment. Errors are appended, "NAME:LINE: …".
void parse_acl_rules(std::string_view text, const std::string& name, std::vector<AclRule>& rules,
                     std::vector<std::string>& errors);

}  // namespace fulcrum
