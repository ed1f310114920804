// SPDX-License-Identifier: MIT
// regex_build.cc - which expressions share an automaton, and of which kind.
//
// An expression whose own deterministic automaton is small shares one with as
// many neighbours as the budget lets in: each group is one walk over the payload.
// The others share sets of bits. What fits in neither is refused.
#include "regex_build.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <variant>

#include "regex_dfa.h"
#include "regex_nfa.h"

namespace fulcrum::ids {
namespace {

constexpr std::size_t kGroupPositions = 8192;
constexpr std::uint32_t kNfaBits = FU_REGEX_MAX_WORDS * 64 - 1;
constexpr std::size_t kFirstGuess = 16;

struct Group {
  std::uint32_t lowest;
  std::variant<RegexDfa, RegexNfa> automaton;
};

class Groups {
 public:
  Groups(std::span<const Regex> expressions, const RegexBudget& budget)
      : expressions_(expressions), budget_(budget), positions_(expressions.size()) {}

  std::vector<Group> run(std::vector<std::string>& errors) {
    for (std::uint32_t k = 0; k < expressions_.size(); ++k)
      if (std::string wrong = sort_in(k); !wrong.empty()) errors.push_back(expressions_[k].where + ": " + wrong);
    if (!errors.empty()) return {};
    pack_dfas();
    pack_nfas();
    std::ranges::sort(groups_, {}, &Group::lowest);
    return std::move(groups_);
  }

 private:
  // Empty: fine; else why the expression is refused.
  std::string sort_in(std::uint32_t k) {
    RegexPositions p = make_positions(expressions_[k].tree);
    if (!p.problem.empty()) return p.problem;
    positions_[k] = std::move(p.at);
    const RegexMember member{k, &positions_[k]};
    if (make_dfa({&member, 1}, budget_.alone_states, budget_.alone_bytes)) {
      small_.push_back(member);
      return {};
    }
    const std::uint32_t bits = nfa_bits(positions_[k]);
    if (bits > kNfaBits)
      return "too large: " + std::to_string(bits) + " places where a byte is read (at most " +
             std::to_string(kNfaBits) + "), and a deterministic automaton passes " +
             std::to_string(budget_.alone_states) + " states or " + std::to_string(budget_.alone_bytes / 1024) +
             " KiB; shorten repeats such as {n,m}";
    large_.push_back(member);
    return {};
  }

  std::optional<RegexDfa> try_group(std::span<const RegexMember> members) const {
    if (members.size() == 1) return make_dfa(members, budget_.alone_states, budget_.alone_bytes);
    std::size_t positions = 0;
    for (const RegexMember& m : members) positions += m.positions->size();
    if (positions > kGroupPositions) return std::nullopt;
    return make_dfa(members, budget_.group_states, budget_.group_bytes);
  }

  // Each group starts with as many as the one before took: neighbours are alike.
  void pack_dfas() {
    std::size_t guess = kFirstGuess;
    for (std::span<const RegexMember> rest(small_); !rest.empty(); rest = rest.subspan(guess)) {
      guess = std::min(guess, rest.size());
      std::optional<RegexDfa> dfa = try_group(rest.first(guess));
      if (dfa) {
        while (guess < rest.size()) {
          const std::size_t more = std::min(guess * 2, rest.size());
          auto larger = try_group(rest.first(more));
          if (!larger) break;
          dfa = std::move(larger);
          guess = more;
        }
      } else {
        while (!dfa) dfa = try_group(rest.first(guess = (guess + 1) / 2));
      }
      groups_.push_back({rest[0].number, std::move(*dfa)});
    }
  }

  void pack_nfas() {
    for (std::size_t first = 0; first < large_.size();) {
      std::uint32_t bits = 0;
      std::size_t end = first;
      while (end < large_.size() && bits + nfa_bits(*large_[end].positions) <= kNfaBits)
        bits += nfa_bits(*large_[end++].positions);
      groups_.push_back({large_[first].number, make_nfa(std::span(large_).subspan(first, end - first))});
      first = end;
    }
  }

  std::span<const Regex> expressions_;
  const RegexBudget& budget_;
  std::vector<std::vector<Position>> positions_;
  std::vector<RegexMember> small_, large_;
  std::vector<Group> groups_;
};

// Parts one behind the other, each at a multiple of 64 bytes.
class Block {
 public:
  template <class T>
  std::uint32_t append(const T* data, std::size_t count) {
    const std::size_t at = bytes_.size();
    bytes_.resize((at + count * sizeof(T) + 63) / 64 * 64);
    if (count) std::memcpy(&bytes_[at], data, count * sizeof(T));
    return static_cast<std::uint32_t>(at / 64);
  }
  template <class T>
  std::uint32_t append(const std::vector<T>& v) {
    return append(v.data(), v.size());
  }
  std::vector<std::uint8_t>& bytes() { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

fu_regex_group write_group(Block& block, const Group& g) {
  fu_regex_group out{};
  out.lowest = g.lowest;
  const auto common = [&](const auto& a) {
    out.class_at = block.append(a.classes.of.data(), 256);
    out.classes = a.classes.count;
    out.states = static_cast<std::uint32_t>(a.info.size());
    out.rows_at = block.append(a.rows);
    out.info_at = block.append(a.info);
  };
  if (const auto* dfa = std::get_if<RegexDfa>(&g.automaton)) {
    out.kind = FU_REGEX_DFA;
    common(*dfa);
  } else {
    const auto& nfa = std::get<RegexNfa>(g.automaton);
    out.kind = FU_REGEX_NFA;
    common(nfa);
    out.words = nfa.words;
    out.reads_at = block.append(nfa.reads);
    out.masks_at = block.append(nfa.masks);
  }
  return out;
}

}  // namespace

void RegexTable::Free::operator()(void* block) const { std::free(block); }

RegexTable build_regex(std::span<const Regex> expressions, const RegexBudget& budget) {
  RegexTable table;
  std::vector<Group> groups = Groups(expressions, budget).run(table.errors);
  if (!table.errors.empty()) return table;
  Block block;
  fu_regex_head head{FU_REGEX_MAGIC, static_cast<fu_u32>(groups.size()), 0, static_cast<fu_u32>(expressions.size())};
  block.append(&head, 1);
  std::vector<fu_regex_group> index(groups.size());
  head.group_at = block.append(index);
  for (std::size_t k = 0; k < groups.size(); ++k) {
    index[k] = write_group(block, groups[k]);
    ++(index[k].kind == FU_REGEX_DFA ? table.dfas : table.nfas);
    groups[k].automaton = RegexDfa();  // its memory is not needed twice
  }
  std::memcpy(block.bytes().data(), &head, sizeof head);
  std::memcpy(&block.bytes()[std::size_t{head.group_at} * 64], index.data(), index.size() * sizeof index[0]);
  table.bytes = block.bytes().size();
  table.block.reset(std::aligned_alloc(64, table.bytes));
  if (!table.block) {
    table.errors.push_back("no memory for an automaton of " + std::to_string(table.bytes) + " bytes");
    return table;
  }
  std::memcpy(table.block.get(), block.bytes().data(), table.bytes);
  return table;
}

}  // namespace fulcrum::ids
