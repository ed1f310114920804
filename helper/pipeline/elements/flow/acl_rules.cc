// SPDX-License-Identifier: MIT
// acl_rules.cc - the rules of one ACL in all workers: versions of them, and their counts.
#include "pipeline/elements/flow/acl_rules.h"

#include <map>

namespace fulcrum {

std::uint64_t AclCounts::total(std::size_t k) const {
  std::uint64_t sum = carried[k];
  for (const std::vector<Count>& slot : slots) sum += slot[k].value();
  if (before && from[k] >= 0) sum += before->total(static_cast<std::size_t>(from[k]));
  return sum;
}

void AclCounts::fold() {
  if (!before) return;
  before->fold();
  for (std::size_t k = 0; k < carried.size(); ++k)
    if (from[k] >= 0) carried[k] += before->total(static_cast<std::size_t>(from[k]));
  before.reset();
}

AclVersion::AclVersion(std::vector<AclRule> list)
    : rules(std::move(list)), table(rules), counts(std::make_shared<AclCounts>()) {
  for (const AclRule& r : rules) allow.push_back(r.allow);
  counts->carried.resize(rules.size() + 1);
}

AclRules::AclRules(std::vector<AclRule> rules, bool allow_by_default, AclRules* before)
    : allow_by_default_(allow_by_default) {
  auto first = std::make_shared<AclVersion>(std::move(rules));
  first->allow.push_back(allow_by_default);
  if (before) {
    std::lock_guard lock(before->mutex_);
    inherit(*before->table.load().first, *first);
  }
  kept_.push_back(first);
  table.publish(std::move(first));
}

std::size_t AclRules::add_worker() {
  std::lock_guard lock(mutex_);
  const auto now = table.load().first;
  now->counts->slots.emplace_back(now->rules.size() + 1);
  return workers_++;
}

// Of several rules of one text each goes on with one, in order.
void AclRules::inherit(const AclVersion& before, const AclVersion& next) const {
  std::map<std::string_view, std::vector<std::int64_t>> known;
  for (std::size_t k = before.rules.size(); k > 0; --k)
    known[before.rules[k - 1].text].push_back(static_cast<std::int64_t>(k - 1));
  AclCounts& counts = *next.counts;
  before.counts->fold();
  counts.before = before.counts;
  for (const AclRule& r : next.rules) {
    auto at = known.find(r.text);
    const bool same = at != known.end() && !at->second.empty();
    counts.from.push_back(same ? at->second.back() : -1);
    if (same) at->second.pop_back();
  }
  counts.from.push_back(static_cast<std::int64_t>(before.rules.size()));
}

std::shared_ptr<const AclVersion> AclRules::prepare(std::vector<AclRule> rules) {
  auto next = std::make_shared<AclVersion>(std::move(rules));
  next->allow.push_back(allow_by_default_);
  std::lock_guard lock(mutex_);
  const auto now = table.load().first;
  inherit(*now, *next);
  for (std::size_t k = 0; k < workers_; ++k) next->counts->slots.emplace_back(next->rules.size() + 1);
  std::erase_if(kept_, [&](const auto& v) { return v.use_count() == 1; });
  kept_.push_back(next);
  return next;
}

std::string AclRules::text() const {
  std::lock_guard lock(mutex_);
  const auto now = table.load().first;
  std::string text;
  for (std::size_t k = 0; k < now->rules.size(); ++k)
    text += std::to_string(k + 1) + " " + std::to_string(now->counts->total(k)) + " " + now->rules[k].text + "\n";
  return text + "0 " + std::to_string(now->counts->total(now->rules.size())) + " default " +
         (allow_by_default_ ? "allow" : "deny") + "\n";
}

Result<std::uint64_t> AclRules::count(std::string_view number) const {
  std::lock_guard lock(mutex_);
  const auto now = table.load().first;
  const Result<std::uint64_t> k = parse_number(number, {0, now->rules.size()});
  if (!k) return k.error();
  return now->counts->total(*k ? *k - 1 : now->rules.size());
}

}  // namespace fulcrum
