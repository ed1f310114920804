// SPDX-License-Identifier: MIT
// acl_rules.h - the rules of one ACL in all workers: versions of them, and their counts.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fulcrum/count.h"
#include "fulcrum/table.h"
#include "pipeline/elements/flow/acl_table.h"

namespace fulcrum {

// Packets by rule; the last entry is those that met none.
// Threads: a slot's counts its worker; all else control, under AclRules's lock.
struct AclCounts {
  std::deque<std::vector<Count>> slots;  // by worker; entries stay where they are
  std::vector<std::uint64_t> carried;    // of rules of the same text before
  std::shared_ptr<AclCounts> before;     // not yet in carried: may still count
  std::vector<std::int64_t> from;        // entry of `before` that goes on here; -1: none
  std::uint64_t total(std::size_t k) const;
  void fold();  // `before` counts no more
};

struct AclVersion {
  explicit AclVersion(std::vector<AclRule> list);

  std::vector<AclRule> rules;
  AclTable table;
  std::vector<Mask> allow;  // by rule, 0 or 1
  std::shared_ptr<AclCounts> counts;
};

// Threads: control; workers read `table`.
class AclRules {
 public:
  AclRules(std::vector<AclRule> rules, bool allow_by_default, AclRules* before);
  // One more worker, before any runs.
  std::size_t add_worker();
  // A version that goes on with the counts of the present one. publish() it: quick.
  std::shared_ptr<const AclVersion> prepare(std::vector<AclRule> rules);
  void publish(std::shared_ptr<const AclVersion> next) { table.publish(std::move(next)); }
  std::string text() const;
  // Number 0 is the default, the first rule 1.
  Result<std::uint64_t> count(std::string_view number) const;

  VersionedTable<AclVersion> table;

 private:
  void inherit(const AclVersion& before, const AclVersion& next) const;

  mutable std::mutex mutex_;
  bool allow_by_default_;
  std::size_t workers_ = 0;
  // So that no worker is the last to let go of a version, and has to free it.
  std::vector<std::shared_ptr<const AclVersion>> kept_;
};

}  // namespace fulcrum
