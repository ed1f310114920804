// SPDX-License-Identifier: MIT
// regex_positions.cc - which positions follow which, assertions decided by context.
#include "regex_positions.h"

#include <algorithm>
#include <array>
#include <map>

#include "regex_program.h"

namespace fulcrum::ids {
namespace {

// What stands before or after a place in the text.
enum class Beside : std::uint8_t { kEdge, kNewline, kWord, kOther };  // kEdge: start before, end after

struct Context {
  Beside before, after;
};

// What can be reached from a step without reading a byte. `final`: a $ in front
// of a newline was passed, so that this newline has to be the last byte.
struct Reached {
  std::vector<std::uint32_t> bytes, final_bytes;  // steps that read
  bool match = false, final_match = false;
};

class Closure {
 public:
  explicit Closure(const RegexProgram& program) : program_(program), seen_(program.steps().size() * 2) {}

  Reached from(std::uint32_t step, Context c) {
    Reached out;
    ++round_;
    visit(step, false);
    while (!todo_.empty()) {
      const auto [at, final] = todo_.back();
      todo_.pop_back();
      take(at, final, c, out);
    }
    return out;
  }

 private:
  void visit(std::uint32_t step, bool final) {
    std::uint32_t& seen = seen_[step * 2 + final];
    if (seen == round_) return;
    seen = round_;
    todo_.push_back({step, final});
  }

  void take(std::uint32_t at, bool final, Context c, Reached& out) {
    const RegexStep& s = program_.steps()[at];
    if (s.kind == StepKind::kMatch) {
      (final ? out.final_match : out.match) = true;
    } else if (s.kind == StepKind::kBytes) {
      (final ? out.final_bytes : out.bytes).push_back(at);
    } else if (s.kind == StepKind::kSplit) {
      visit(s.other, final);
      visit(s.next, final);
    } else if (s.assertion == RegexAssert::kTextEndLine && c.after == Beside::kNewline) {
      visit(s.next, true);
    } else if (holds(s.assertion, c)) {
      visit(s.next, final);
    }
  }

  static bool holds(RegexAssert a, Context c) {
    const bool start = c.before == Beside::kEdge, end = c.after == Beside::kEdge;
    const bool edge = (c.before == Beside::kWord) != (c.after == Beside::kWord);
    switch (a) {
      case RegexAssert::kTextStart:
        return start;
      case RegexAssert::kTextEnd:
      case RegexAssert::kTextEndLine:
        return end;
      case RegexAssert::kLineStart:
        return start || (c.before == Beside::kNewline && !end);
      case RegexAssert::kLineEnd:
        return end || c.after == Beside::kNewline;
      case RegexAssert::kWordEdge:
        return edge;
      case RegexAssert::kNoWordEdge:
        return !edge;
    }
    return false;
  }

  const RegexProgram& program_;
  std::vector<std::uint32_t> seen_;
  std::uint32_t round_ = 0;
  std::vector<std::pair<std::uint32_t, bool>> todo_;
};

class Positions {
 public:
  explicit Positions(const RegexTree& tree) : tree_(tree), program_(tree, kMaxPositions * 3), closure_(program_) {}

  RegexPositions run() {
    if (program_.too_large()) return {{}, too_large()};
    find_kinds();
    at_.emplace_back();
    for (const Kind& k : kinds_) skip_.push_back(add(k.bytes));
    for (std::uint32_t s = 0; s < program_.steps().size() && at_.size() <= kMaxPositions; ++s) split(s);
    last_newline_ = add(ByteSet().set('\n'));
    at_[last_newline_].match_end = true;
    const std::size_t most = at_.size() + 8;  // and what follow() adds for bytes behind a match
    if (most > kMaxPositions) return {{}, too_large()};
    next_.assign(most, Bits(most));
    connect();
    for (std::size_t k = 0; k < at_.size(); ++k) at_[k].next = std::move(next_[k]);
    reduce_positions(at_);
    if (at_.size() < 2 && !at_[0].match) return {{}, "can never match"};
    return {std::move(at_), {}};
  }

 private:
  struct Kind {
    Beside beside;
    ByteSet bytes;
  };

  static std::string too_large() {
    return "too large: more than " + std::to_string(kMaxPositions) + " places where a byte is read, repeats unrolled";
  }

  std::uint32_t add(const ByteSet& bytes) {
    Position p;
    p.bytes = bytes;
    at_.push_back(std::move(p));
    return static_cast<std::uint32_t>(at_.size() - 1);
  }

  // The kinds of bytes that some assertion tells apart.
  void find_kinds() {
    bool lines = false, words = false;
    for (const RegexNode& n : tree_.nodes) {
      if (n.kind != RegexKind::kAssert) continue;
      words |= n.assertion == RegexAssert::kWordEdge || n.assertion == RegexAssert::kNoWordEdge;
      lines |= n.assertion == RegexAssert::kTextEndLine || n.assertion == RegexAssert::kLineStart ||
               n.assertion == RegexAssert::kLineEnd;
    }
    ByteSet newline, word, other;
    if (lines) newline.set('\n');
    for (unsigned c = 0; c < 128 && words; ++c)
      if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_') word.set(c);
    other = ~(newline | word);
    for (const Kind& k : {Kind{Beside::kNewline, newline}, {Beside::kWord, word}, {Beside::kOther, other}})
      if (k.bytes.any()) kinds_.push_back(k);
    position_of_.resize(kinds_.size());
  }

  void split(std::uint32_t step) {
    const RegexStep& s = program_.steps()[step];
    if (s.kind != StepKind::kBytes) return;
    for (std::size_t k = 0; k < kinds_.size(); ++k) {
      const ByteSet bytes = tree_.nodes[s.node].bytes & kinds_[k].bytes;
      if (bytes.any()) position_of_[k][step] = add(bytes);
    }
  }

  void connect() {
    for (std::uint32_t p : skip_) next_[0].set(p);
    follow(0, program_.entry(), Beside::kEdge);
    for (std::size_t k = 0; k < kinds_.size(); ++k) {
      for (std::uint32_t p : skip_) next_[skip_[k]].set(p);
      follow(skip_[k], program_.entry(), kinds_[k].beside);
      for (const auto& [step, p] : position_of_[k]) follow(p, program_.steps()[step].next, kinds_[k].beside);
    }
  }

  // From position p on goes `step`.
  void follow(std::uint32_t p, std::uint32_t step, Beside before) {
    at_[p].match_end = closure_.from(step, {before, Beside::kEdge}).match;
    ByteSet match_before;
    for (std::size_t k = 0; k < kinds_.size(); ++k) {
      const Reached r = closure_.from(step, {before, kinds_[k].beside});
      for (std::uint32_t s : r.bytes)
        if (const auto to = position_of_[k].find(s); to != position_of_[k].end()) next_[p].set(to->second);
      if (r.match) match_before |= kinds_[k].bytes;
      if (r.final_match || ends_behind(r.final_bytes)) next_[p].set(last_newline_);
    }
    if (match_before.all() && at_[p].match_end)
      at_[p].match = true;
    else if (match_before.any())
      next_[p].set(behind(match_before));
  }

  // Is the text's last newline, read by one of these steps, the end of a match?
  bool ends_behind(const std::vector<std::uint32_t>& steps) {
    return std::ranges::any_of(steps, [&](std::uint32_t s) {
      return tree_.nodes[program_.steps()[s].node].bytes['\n'] &&
             closure_.from(program_.steps()[s].next, {Beside::kNewline, Beside::kEdge}).match;
    });
  }

  // The position that reads the byte behind a match.
  std::uint32_t behind(const ByteSet& bytes) {
    const auto [found, fresh] = behind_.emplace(bytes.to_string(), 0);
    if (fresh) {
      found->second = add(bytes);
      at_[found->second].match = true;
    }
    return found->second;
  }

  const RegexTree& tree_;
  const RegexProgram program_;
  Closure closure_;
  std::vector<Kind> kinds_;
  std::vector<Position> at_;
  std::vector<Bits> next_;
  std::vector<std::uint32_t> skip_;                                  // by kind: in front of the match
  std::vector<std::map<std::uint32_t, std::uint32_t>> position_of_;  // by kind and step
  std::map<std::string, std::uint32_t> behind_;                      // by set of bytes
  std::uint32_t last_newline_ = 0;
};

}  // namespace

RegexPositions make_positions(const RegexTree& tree) { return Positions(tree).run(); }

}  // namespace fulcrum::ids
