// SPDX-License-Identifier: MIT
// regex_program.h - tree -> steps with repeats unrolled (Thompson, CACM 1968).
//
// Built back to front: a step knows what follows it.
#pragma once

#include <cstdint>
#include <vector>

#include "regex_tree.h"

namespace fulcrum::ids {

enum class StepKind : std::uint8_t { kMatch, kBytes, kAssert, kSplit };

struct RegexStep {
  StepKind kind = StepKind::kMatch;
  RegexAssert assertion{};
  std::uint32_t node = 0;  // kBytes: of the tree
  std::uint32_t next = 0;
  std::uint32_t other = 0;  // kSplit
};

class RegexProgram {
 public:
  RegexProgram(const RegexTree& tree, std::uint32_t max_steps) : tree_(tree), max_steps_(max_steps) {
    step_.push_back({});
    entry_ = emit(tree.root, 0);
  }
  bool too_large() const { return too_large_; }
  std::uint32_t entry() const { return entry_; }
  const std::vector<RegexStep>& steps() const { return step_; }

 private:
  std::uint32_t add(RegexStep s) {
    step_.push_back(s);
    return static_cast<std::uint32_t>(step_.size() - 1);
  }

  std::uint32_t emit(std::uint32_t node, std::uint32_t next) {
    // Repeats of nothing add no step, so the calls are bounded as well.
    if (step_.size() > max_steps_ || ++calls_ > 16u * max_steps_) too_large_ = true;
    if (too_large_) return 0;
    const RegexNode& n = tree_.nodes[node];
    switch (n.kind) {
      case RegexKind::kEmpty:
        return next;
      case RegexKind::kBytes:
        return add({StepKind::kBytes, {}, node, next, 0});
      case RegexKind::kAssert:
        return add({StepKind::kAssert, n.assertion, 0, next, 0});
      case RegexKind::kConcat:
        for (std::size_t k = n.kids.size(); k-- > 0;) next = emit(n.kids[k], next);
        return next;
      case RegexKind::kAlternate:
        return emit_branches(n, next);
      case RegexKind::kRepeat:
        return emit_repeat(n, next);
    }
    return next;
  }

  std::uint32_t emit_branches(const RegexNode& n, std::uint32_t next) {
    std::uint32_t entry = emit(n.kids.back(), next);
    for (std::size_t k = n.kids.size() - 1; k-- > 0;) {
      const std::uint32_t branch = emit(n.kids[k], next);
      entry = add({StepKind::kSplit, {}, 0, branch, entry});
    }
    return entry;
  }

  // x{2,4} as xx(x(x)?)?, x{2,} as xxx*.
  std::uint32_t emit_repeat(const RegexNode& n, std::uint32_t next) {
    const std::uint32_t behind = next;
    if (n.max == kNoLimit) {
      const std::uint32_t loop = add({StepKind::kSplit, {}, 0, 0, behind});
      const std::uint32_t body = emit(n.kids[0], loop);
      step_[loop].next = body;
      next = loop;
    } else {
      for (std::uint32_t k = n.min; k < n.max && !too_large_; ++k) {
        const std::uint32_t body = emit(n.kids[0], next);
        next = add({StepKind::kSplit, {}, 0, body, behind});
      }
    }
    for (std::uint32_t k = 0; k < n.min && !too_large_; ++k) next = emit(n.kids[0], next);
    return next;
  }

  const RegexTree& tree_;
  const std::uint32_t max_steps_;
  std::uint32_t calls_ = 0;
  bool too_large_ = false;
  std::vector<RegexStep> step_;  // 0: match
  std::uint32_t entry_ = 0;
};

}  // namespace fulcrum::ids
