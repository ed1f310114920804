// SPDX-License-Identifier: MIT
// acl.cc - ACL: packets that the first rule they meet allows -> 0, denied ones -> 1.
#include "pipeline/elements/flow/acl.h"

#include <algorithm>

#include "fulcrum/args.h"
#include "fulcrum/text_file.h"
#include "manual/pipeline/elements/flow/acl.h"

namespace fulcrum {
namespace {

constexpr std::size_t kErrorsTold = 20;  // of one file

void too_many(const std::vector<AclRule>& rules, std::vector<std::string>& errors) {
  if (rules.size() > kMaxAclRules)
    errors.push_back(std::to_string(rules.size()) + " rules are too many: " + std::to_string(kMaxAclRules) +
                     " is the limit");
}

void read_file(const std::string& name, Setup& setup, std::vector<AclRule>& rules, std::vector<std::string>& errors) {
  const Result<std::string> text = read_text(setup.resolve_path(name));
  if (text)
    parse_acl_rules(*text, name, rules, errors);
  else
    errors.push_back(name + ": " + text.error().text);
}

std::string joined(const std::vector<std::string>& errors) {
  std::string text;
  for (std::size_t k = 0; k < std::min(errors.size(), kErrorsTold); ++k) text += (k ? "\n" : "") + errors[k];
  if (errors.size() > kErrorsTold) text += "\nand " + std::to_string(errors.size() - kErrorsTold) + " more";
  return text;
}

// RULEs and FILEs in the order in which they stand.
std::vector<AclRule> read_rules(ArgReader& args, Setup& setup) {
  std::vector<const Arg*> given;
  for (const char* key : {"RULE", "FILE"})
    while (const Arg* a = args.keyword(key)) given.push_back(a);
  std::sort(given.begin(), given.end());
  std::vector<AclRule> rules;
  for (const Arg* a : given) {
    std::vector<std::string> errors;
    if (a->keyword == "FILE")
      read_file(a->text, setup, rules, errors);
    else if (Result<AclRule> rule = parse_acl_rule(a->text))
      rules.push_back(std::move(*rule));
    else
      errors.push_back(rule.error().text);
    if (!errors.empty()) args.error(a->pos, joined(errors));
  }
  std::vector<std::string> errors;
  too_many(rules, errors);
  if (!errors.empty()) args.error({}, errors[0]);
  return rules;
}

}  // namespace

std::vector<ArgError> ACL::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  const Arg* fallback = args.keyword("DEFAULT");
  const bool allow = fallback && args.choice(*fallback, {{"deny", false}, {"allow", true}}, false);
  std::vector<AclRule> rules = read_rules(args, setup);
  std::vector<ArgError> errors = args.done();
  if (!errors.empty()) return errors;
  const std::string key = "ACL/" + setup.element();
  rules_ = std::static_pointer_cast<AclRules>(setup.shared(key, [&]() -> std::shared_ptr<void> {
    const auto before = std::static_pointer_cast<AclRules>(setup.inherited(key));
    return std::make_shared<AclRules>(std::move(rules), allow, before.get());
  }));
  reader_ = TableReader<AclVersion>(&rules_->table);
  slot_ = rules_->add_worker();
  return errors;
}

void ACL::process(Batch& b, Mask in, Mask* out) noexcept {
  const AclVersion* now = reader_.get();
  if (now != seen_) seen_ = now, counts_ = now->counts->slots[slot_].data();
  std::uint32_t rule[kBatchSize];
  now->table.match(b, in, rule);
  Mask allow = 0;
  for_each(in, [&](unsigned i) {
    counts_[rule[i]].add(1);
    allow |= now->allow[rule[i]] << i;
  });
  allowed_.add(static_cast<std::uint64_t>(std::popcount(allow)));
  denied_.add(static_cast<std::uint64_t>(std::popcount(in & ~allow)));
  out[0] = allow;
  out[1] = in & ~allow;
}

std::span<const HandlerSpec> ACL::handlers() const {
  static constexpr HandlerSpec kHandlers[] = {
      {"count", "N", "packets of rule N; 0 is those that met none", false},
      {"load", "FILE", "the rules of a file in place of all", true},
      {"replace", "RULE, RULE, …", "these rules in place of all", true},
      {"rules", "", "a line a rule: its number, its packets, its text", false},
  };
  return kHandlers;
}

Result<std::string> ACL::read(std::string_view handler, std::span<const Arg> args, std::span<Element* const>) {
  if (handler == "rules") return rules_->text();
  if (handler != "count") return Error{"has no such handler"};
  if (args.size() != 1) return Error{"count: wants the number of a rule, as in 'count 1'"};
  const Result<std::uint64_t> count = rules_->count(args[0].text);
  if (!count) return count.error();
  return std::to_string(*count) + "\n";
}

// The table is one for all workers: the first of them changes it.
Result<Element::Change> ACL::write(std::string_view handler, std::span<const Arg> args, Setup& setup) {
  if (handler != "load" && handler != "replace") return Error{"has no such handler"};
  if (slot_ != 0) return Change{};
  std::vector<AclRule> rules;
  std::vector<std::string> errors;
  if (handler == "load" && args.size() != 1) return Error{"load: wants the name of one file of rules"};
  if (handler == "load") read_file(args[0].text, setup, rules, errors);
  if (handler == "replace")
    for (std::size_t k = 0; k < args.size(); ++k)
      parse_acl_rules(args[k].text, "rule " + std::to_string(k + 1), rules, errors);
  too_many(rules, errors);
  if (!errors.empty()) return Error{joined(errors)};
  return Change([table = rules_, next = rules_->prepare(std::move(rules))] { table->publish(next); });
}

namespace {
constexpr OutputSpec kOutputs[] = {{"allow", Unconnected::kError, ""}, {"deny", Unconnected::kDrop, "acl_deny"}};
}
constinit const ElementClass kACLClass = {"ACL",
                                          "ACL(RULE \"rule\", … [, FILE file] [, DEFAULT deny | allow])",
                                          "splits packets by ordered rules on addresses, ports and protocol",
                                          1,
                                          kOutputs,
                                          [] { return std::unique_ptr<Element>(new ACL); },
                                          kManual};

}  // namespace fulcrum
