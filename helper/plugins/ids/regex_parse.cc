// SPDX-License-Identifier: MIT
// regex_parse.cc - recursive descent over alternatives, pieces and groups.
#include "regex_parse.h"

#include <cctype>
#include <cstring>
#include <set>

#include "regex_reader.h"

namespace fulcrum::ids {
namespace {

class Parser {
 public:
  Parser(std::string_view text, RegexFlags flags) : in_(text), flags_(flags) {}

  RegexParsed run() {
    if (in_.looking_at("(*")) in_.fail(0, "control verbs (*…) are not supported");
    tree_.root = alternatives();
    if (in_.ok() && !in_.at_end()) in_.fail(in_.at(), ") without (");
    return {std::move(tree_), in_.problem()};
  }

 private:
  std::uint32_t add(RegexNode node) {
    tree_.nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(tree_.nodes.size() - 1);
  }
  std::uint32_t add_list(RegexKind kind, std::vector<std::uint32_t> kids) {
    if (kids.size() == 1) return kids[0];
    RegexNode n;
    n.kind = kids.empty() ? RegexKind::kEmpty : kind;
    n.kids = std::move(kids);
    return add(std::move(n));
  }
  std::uint32_t add_bytes(const ByteSet& set) {
    RegexNode n;
    n.kind = RegexKind::kBytes;
    n.bytes = set;
    return add(std::move(n));
  }
  std::uint32_t add_byte(std::uint8_t c) {
    ByteSet set;
    set.set(c);
    return add_bytes(flags_.nocase ? both_cases(set) : set);
  }
  std::uint32_t add_assert(RegexAssert a) {
    repeatable_ = false;
    RegexNode n;
    n.kind = RegexKind::kAssert;
    n.assertion = a;
    return add(std::move(n));
  }

  // Up to ) or the end. Flags set inside end with the group.
  std::uint32_t alternatives() {
    const RegexFlags outer = flags_;
    std::vector<std::uint32_t> branches;
    do branches.push_back(sequence());
    while (in_.ok() && in_.take("|"));
    flags_ = outer;
    return add_list(RegexKind::kAlternate, std::move(branches));
  }

  std::uint32_t sequence() {
    std::vector<std::uint32_t> items;
    while (in_.ok() && !in_.at_end() && in_.peek() != '|' && in_.peek() != ')') {
      const std::size_t begin = in_.at();
      repeatable_ = true;
      const std::size_t before = items.size();
      piece(items);
      if (in_.ok()) repeat(items, begin, before);
    }
    return add_list(RegexKind::kConcat, std::move(items));
  }

  // One byte, class, group or assertion; or several literals from \Q…\E, or nothing.
  void piece(std::vector<std::uint32_t>& items) {
    const char c = in_.peek();
    if (c == '(') return group(items);
    in_.skip();
    if (c == '[') return items.push_back(add_bytes(in_.bracket(flags_.nocase)));
    if (c == '.') {
      ByteSet all = ByteSet().set();
      if (!flags_.dotall) all.reset('\n');
      return items.push_back(add_bytes(all));
    }
    if (c == '^')
      return items.push_back(add_assert(flags_.multiline ? RegexAssert::kLineStart : RegexAssert::kTextStart));
    if (c == '$')
      return items.push_back(add_assert(flags_.multiline ? RegexAssert::kLineEnd : RegexAssert::kTextEndLine));
    if (c == '\\') return escape(items);
    if (c == '*' || c == '+' || c == '?') return in_.fail(in_.at() - 1, std::string(1, c) + " has nothing to repeat");
    items.push_back(add_byte(static_cast<std::uint8_t>(c)));
  }

  void escape(std::vector<std::uint32_t>& items) {
    if (in_.take("Q")) {
      for (char c : in_.quoted()) items.push_back(add_byte(static_cast<std::uint8_t>(c)));
      return;
    }
    if (in_.take("E")) {
      repeatable_ = !items.empty();
      return;
    }
    static const std::pair<const char*, RegexAssert> kPlaces[] = {
        {"A", RegexAssert::kTextStart}, {"Z", RegexAssert::kTextEndLine}, {"z", RegexAssert::kTextEnd},
        {"b", RegexAssert::kWordEdge},  {"B", RegexAssert::kNoWordEdge},
    };
    for (const auto& [letter, place] : kPlaces)
      if (in_.take(letter)) return items.push_back(add_assert(place));
    ByteSet set;
    if (in_.type_escape(set)) return items.push_back(add_bytes(set));
    const std::uint8_t byte = in_.byte_escape(false);
    items.push_back(add_byte(byte));
  }

  // {n} {n,} {n,m}, from the {; false: a plain brace.
  bool counts(std::uint32_t& min, std::uint32_t& max) {
    std::size_t ahead = 1;
    const auto number = [&](std::uint32_t& value) {
      const std::size_t begin = ahead;
      value = 0;
      for (; in_.peek(ahead) >= '0' && in_.peek(ahead) <= '9'; ++ahead)
        if (value <= kMaxRepeat) value = value * 10 + static_cast<std::uint32_t>(in_.peek(ahead) - '0');
      return ahead > begin;
    };
    if (!number(min)) return false;
    max = min;
    if (in_.peek(ahead) == ',') {
      ++ahead;
      if (!number(max)) max = kNoLimit;
    }
    if (in_.peek(ahead) != '}') return false;
    if (min > kMaxRepeat || (max != kNoLimit && max > kMaxRepeat))
      in_.fail(in_.at(), "repeats go up to " + std::to_string(kMaxRepeat));
    else if (max < min)
      in_.fail(in_.at(), "the numbers in braces are the wrong way round");
    else
      in_.skip(ahead + 1);
    return true;
  }

  bool quantifier(std::uint32_t& min, std::uint32_t& max) {
    min = in_.looking_at("+") ? 1 : 0;
    max = in_.looking_at("?") ? 1 : kNoLimit;
    if (in_.take("*") || in_.take("+") || in_.take("?")) return true;
    return in_.looking_at("{") && counts(min, max);
  }

  void repeat(std::vector<std::uint32_t>& items, std::size_t piece_at, std::size_t before) {
    std::uint32_t min = 0, max = 0;
    const std::size_t begin = in_.at();
    if (!quantifier(min, max) || !in_.ok()) return;
    if (!repeatable_ || items.empty() || (items.size() == before && in_.text()[piece_at] == '('))
      return in_.fail(begin, "nothing to repeat: a place such as ^ or \\b, or an option, cannot be");
    if (in_.take("+")) return in_.fail(begin, "possessive repeats are not supported: an automaton does not backtrack");
    in_.take("?");
    const std::size_t behind = in_.at();
    std::uint32_t again_min = 0, again_max = 0;
    if (quantifier(again_min, again_max) && in_.ok())
      return in_.fail(behind, "a repeat of a repeat wants (?:…) around");
    RegexNode n;
    n.kind = RegexKind::kRepeat;
    n.min = min;
    n.max = max;
    n.kids = {items.back()};
    items.back() = add(std::move(n));
  }

  void group(std::vector<std::uint32_t>& items) {
    const std::size_t open = in_.at();
    in_.skip();
    if (in_.peek() == '*') return in_.fail(open, "control verbs (*…) are not supported");
    const RegexFlags outer = flags_;
    if (in_.take("?") && !group_kind(open)) return;  // a comment or (?i)
    if (!in_.ok()) return;
    if (++nesting_ > kMaxNesting) return in_.fail(open, "groups nest deeper than " + std::to_string(kMaxNesting));
    const std::uint32_t inside = alternatives();
    --nesting_;
    if (!in_.ok()) return;
    if (!in_.take(")")) return in_.fail(open, "( is not closed by )");
    flags_ = outer;
    repeatable_ = true;
    items.push_back(inside);
  }

  // Behind "(?". True: a group's inside follows.
  bool group_kind(std::size_t open) {
    if (in_.take("#")) {
      const std::size_t end = in_.find(')');
      if (end == std::string_view::npos) return in_.fail(open, "(?# is not closed by )"), false;
      in_.seek(end + 1);
      return false;
    }
    if (in_.take(":")) return true;
    if (const char* why = refused(); why) return in_.fail(open, why), false;
    if (in_.take("P<") || in_.take("<")) return name(open, '>');
    if (in_.take("'")) return name(open, '\'');
    return options(open);
  }

  const char* refused() const {
    const char c = in_.peek(), d = in_.peek(1);
    if (c == '=' || c == '!') return "look-ahead is not supported";
    if (c == '<' && (d == '=' || d == '!')) return "look-behind is not supported";
    if (c == '>') return "atomic groups are not supported: an automaton does not backtrack";
    if (c == '|') return "branch reset (?| is not supported: write (?:";
    if (c == '(') return "conditional groups are not supported";
    if (c == 'C' || c == '{' || c == '?') return "callouts and embedded code are not supported";
    if (c == 'R' || c == '&' || c == '+' || (c >= '0' && c <= '9') || (c == '-' && d >= '0' && d <= '9') ||
        (c == 'P' && d == '>'))
      return "recursion is not supported";
    if (c == 'P' && d == '=')
      return "back references are not supported: an automaton has no memory of what a group matched";
    return nullptr;
  }

  bool name(std::size_t open, char close) {
    const std::size_t begin = in_.at(), end = in_.find(close);
    const std::string_view name = end == std::string_view::npos ? "" : in_.text().substr(begin, end - begin);
    bool good = !name.empty() && name.size() <= 32 && !(name[0] >= '0' && name[0] <= '9');
    for (char c : name) good &= c == '_' || (std::isalnum(static_cast<unsigned char>(c)) && !(c & 0x80));
    if (good && !names_.emplace(name).second) return in_.fail(open, "two groups have this name"), false;
    if (!good) return in_.fail(open, "a group's name is letters, digits and _ , not a digit first"), false;
    in_.seek(end + 1);
    return true;
  }

  // (?i) (?s-m) (?i:
  bool options(std::size_t open) {
    bool on = true;
    if (in_.take("^")) flags_ = {};
    for (;;) {
      if (in_.at_end()) return in_.fail(open, "( is not closed by )"), false;
      const char c = in_.peek();
      in_.skip();
      if (c == ':') return true;
      if (c == ')') {
        repeatable_ = false;
        return false;
      }
      if (c == '-' && on)
        on = false;
      else if (c == 'i')
        flags_.nocase = on;
      else if (c == 'm')
        flags_.multiline = on;
      else if (c == 's')
        flags_.dotall = on;
      else
        return in_.fail(in_.at() - 1,
                        std::string("unknown or unsupported option '") + c + "' in (?…; known are i, m, s"),
               false;
    }
  }

  RegexReader in_;
  RegexFlags flags_;
  RegexTree tree_;
  std::set<std::string> names_;  // of groups
  unsigned nesting_ = 0;
  bool repeatable_ = true;  // may a quantifier follow the piece just read?
};

}  // namespace

RegexParsed parse_regex(std::string_view text, RegexFlags flags) { return Parser(text, flags).run(); }

}  // namespace fulcrum::ids
