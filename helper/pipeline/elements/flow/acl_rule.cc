// SPDX-License-Identifier: MIT
// acl_rule.cc - text of access rules -> rules: what packets they are about, allow or deny.
#include "pipeline/elements/flow/acl_rule.h"

#include <algorithm>

#include "fulcrum/text_file.h"
#include "fulcrum_parse.h"

namespace fulcrum {
namespace {

struct Protocol {
  const char* name;
  int number;  // IANA
};
constexpr Protocol kProtocols[] = {{"any", -1},   {"ip4", -1},     {"ip6", -1},   {"icmp", 1},  {"igmp", 2},
                                   {"ipip", 4},   {"tcp", 6},      {"udp", 17},   {"dccp", 33}, {"gre", 47},
                                   {"esp", 50},   {"ah", 51},      {"icmp6", 58}, {"ospf", 89}, {"vrrp", 112},
                                   {"sctp", 132}, {"udplite", 136}};

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  const char* blank = " \t\r";
  for (std::size_t at = text.find_first_not_of(blank); at != text.npos; at = text.find_first_not_of(blank, at)) {
    const std::size_t end = std::min(text.find_first_of(blank, at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

AddressKey key(const IpAddress& a) {
  AddressKey k = 0;
  for (unsigned i = 0; i < a.bits() / 8; ++i) k = k << 8 | a.bytes[i];
  return k;
}

// "any", an address, a prefix, or FIRST-LAST. family: 4, 6, or 0 for any.
Result<AddressRange> parse_range(const std::string& word, int& family) {
  family = 0;
  if (word == "any") return AddressRange{};
  const std::size_t dash = word.find('-');
  const Result<IpPrefix> first = parse_prefix(std::string_view(word).substr(0, dash));
  if (dash == word.npos) {
    if (!first && word.find('/') != word.npos) return first.error();
    if (!first)
      return Error{"'" + word +
                   "' is not an address: valid is any, 10.0.0.1, 10.0.0.0/8, 10.0.0.1-10.0.0.9, "
                   "and the same with IPv6"};
    family = first->addr.v6 ? 6 : 4;
    const AddressKey start = key(first->addr);
    const unsigned rest = first->addr.bits() - first->length;
    return AddressRange{start, rest == 128 ? ~AddressKey{0} : start | ((AddressKey{1} << rest) - 1)};
  }
  const Result<IpAddress> begin = parse_address(std::string_view(word).substr(0, dash));
  const Result<IpAddress> last = parse_address(std::string_view(word).substr(dash + 1));
  if (!begin || !last || begin->v6 != last->v6 || key(*begin) > key(*last))
    return Error{"'" + word +
                 "' is not a range of addresses: valid is FIRST-LAST, both IPv4 or both IPv6, the smaller "
                 "one first"};
  family = begin->v6 ? 6 : 4;
  return AddressRange{key(*begin), key(*last)};
}

Result<AclPorts> parse_rule_ports(const std::string& word) {
  if (word == "any") return AclPorts{};
  const Result<PortRange> range = parse_ports(word);
  if (!range) return Error{range.error().text + ", or any"};
  return AclPorts{false, *range};
}

Result<void> read_protocol(const std::string& word, AclRule& rule) {
  for (const Protocol& p : kProtocols) {
    if (word != p.name) continue;
    rule.protocol = p.number;
    rule.v4 = word != "ip6";
    rule.v6 = word != "ip4";
    return {};
  }
  const Result<std::uint64_t> number = parse_number(word, {0, 255});
  if (number) {
    rule.protocol = static_cast<int>(*number);
    return {};
  }
  std::string names;
  for (const Protocol& p : kProtocols) names += std::string(p.name) + ", ";
  return Error{"unknown protocol '" + word + "': valid is " + names + "or a number from 0 to 255"};
}

Result<void> limit_family(AclRule& rule, int source, int destination) {
  const bool has4 = source == 4 || destination == 4, has6 = source == 6 || destination == 6;
  rule.v4 = rule.v4 && !has6;
  rule.v6 = rule.v6 && !has4;
  if (!rule.v4 && !rule.v6) return Error{"no packet is of both families: IPv4 and IPv6 do not mix in a rule"};
  return {};
}

Result<void> check_ports(const AclRule& rule, const std::string& protocol) {
  const bool none = rule.source_ports.any && rule.destination_ports.any;
  if (none || rule.protocol < 0 || fulcrum_proto_has_ports(static_cast<std::uint8_t>(rule.protocol))) return {};
  return Error{"protocol " + protocol + " has no ports: write any for both"};
}

}  // namespace

Result<AclRule> parse_acl_rule(std::string_view text) {
  const std::vector<std::string> words = split(text);
  if (words.size() != 6)
    return Error{"a rule has 6 words, not " + std::to_string(words.size()) +
                 ": allow|deny PROTOCOL SOURCE PORTS DESTINATION PORTS, as in 'allow tcp 10.0.0.0/8 any any 80-443'"};
  AclRule rule;
  if (words[0] != "allow" && words[0] != "deny")
    return Error{"'" + words[0] + "' is no answer: a rule starts with allow or deny"};
  rule.allow = words[0] == "allow";
  int source_family = 0, destination_family = 0;
  const Result<void> protocol = read_protocol(words[1], rule);
  if (!protocol) return protocol.error();
  const Result<AddressRange> source = parse_range(words[2], source_family);
  if (!source) return source.error();
  const Result<AclPorts> source_ports = parse_rule_ports(words[3]);
  if (!source_ports) return source_ports.error();
  const Result<AddressRange> destination = parse_range(words[4], destination_family);
  if (!destination) return destination.error();
  const Result<AclPorts> destination_ports = parse_rule_ports(words[5]);
  if (!destination_ports) return destination_ports.error();
  rule.source = *source, rule.source_ports = *source_ports;
  rule.destination = *destination, rule.destination_ports = *destination_ports;
  for (const std::string& word : words) rule.text += (rule.text.empty() ? "" : " ") + word;
  if (const auto family = limit_family(rule, source_family, destination_family); !family) return family.error();
  if (const auto ports = check_ports(rule, words[1]); !ports) return ports.error();
  return rule;
}

void parse_acl_rules(std::string_view text, const std::string& name, std::vector<AclRule>& rules,
                     std::vector<std::string>& errors) {
  unsigned number = 0;
  for_each_line(text, [&](std::string_view line) {
    ++number;
    line = line.substr(0, line.find('#'));
    if (line.find_first_not_of(" \t\r") == line.npos) return;
    Result<AclRule> rule = parse_acl_rule(line);
    if (rule)
      rules.push_back(std::move(*rule));
    else
      errors.push_back(name + ":" + std::to_string(number) + ": " + rule.error().text);
  });
}

}  // namespace fulcrum
