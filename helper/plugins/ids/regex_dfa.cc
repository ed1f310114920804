// SPDX-License-Identifier: MIT
// regex_dfa.cc - subset construction that forgets expressions that cannot win.
//
// Only the lowest expression is asked for. So a state that follows a match of
// expression e holds positions of lower expressions only, which keeps the number
// of states down and lets the walk end when none is left.
#include "regex_dfa.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>

namespace fulcrum::ids {
namespace {

using Word = std::uint64_t;

class Subset {
 public:
  Subset(std::span<const RegexMember> members, std::uint32_t max_states, std::size_t max_bytes)
      : members_(members), max_states_(max_states), max_bytes_(max_bytes) {
    std::size_t n = 0;
    for (const RegexMember& m : members) {
      first_.push_back(n);
      n += m.positions->size();
    }
    words_ = (n + 63) / 64;
    first_.push_back(n);
  }

  std::optional<RegexDfa> run() {
    out_.classes = byte_classes(members_);
    number_positions();
    std::vector<Word> set(words_ + 1, 0);
    for (std::size_t m = 0; m < members_.size(); ++m) set[first_[m] / 64] |= Word{1} << first_[m] % 64;
    cut_at_match(set);
    state_of(set);
    for (std::size_t s = 0; s < out_.info.size(); ++s)
      if (!expand(s)) return std::nullopt;
    mark_events();
    return std::move(out_);
  }

 private:
  // Positions of all members in one row of bits.
  void number_positions() {
    const std::size_t n = first_.back();
    next_.assign(n * words_, 0);
    reads_.assign(out_.classes.count * words_, 0);
    match_.assign(words_, 0);
    match_end_.assign(words_, 0);
    for (std::size_t m = 0; m < members_.size(); ++m) {
      const std::size_t base = first_[m];
      const auto& at = *members_[m].positions;
      for (std::size_t p = 0; p < at.size(); ++p) {
        const std::size_t bit = base + p;
        at[p].next.each([&](std::uint32_t q) { set_bit(&next_[bit * words_], base + q); });
        for (std::uint32_t c = 0; c < out_.classes.count; ++c)
          if (at[p].bytes[out_.classes.sample[c]]) set_bit(&reads_[c * words_], bit);
        if (at[p].match) set_bit(match_.data(), bit);
        if (at[p].match_end) set_bit(match_end_.data(), bit);
      }
    }
  }

  static void set_bit(Word* words, std::size_t bit) { words[bit / 64] |= Word{1} << bit % 64; }

  // Index of the lowest member with a position in a & b, or the number of members.
  std::size_t lowest(const Word* a, const std::vector<Word>& b) const {
    for (std::size_t k = 0; k < words_; ++k) {
      const Word both = a[k] & b[k];
      if (!both) continue;
      const std::size_t bit = k * 64 + static_cast<unsigned>(__builtin_ctzll(both));
      return static_cast<std::size_t>(std::ranges::upper_bound(first_, bit) - first_.begin()) - 1;
    }
    return members_.size();
  }

  // Word behind the set: expression that was just found, from 1.
  void cut_at_match(std::vector<Word>& set) const {
    const std::size_t m = lowest(set.data(), match_);
    set[words_] = 0;
    if (m == members_.size()) return;
    set[words_] = members_[m].number + 1;
    const std::size_t keep = first_[m];
    for (std::size_t k = 0; k < words_; ++k) {
      if (k * 64 >= keep)
        set[k] = 0;
      else if (keep - k * 64 < 64)
        set[k] &= (Word{1} << (keep - k * 64)) - 1;
    }
  }

  std::uint32_t state_of(const std::vector<Word>& set) {
    std::string key(reinterpret_cast<const char*>(set.data()), set.size() * sizeof(Word));
    const auto [found, fresh] = known_.emplace(std::move(key), static_cast<std::uint32_t>(out_.info.size()));
    if (!fresh) return found->second;
    sets_.push_back(&found->first);
    fu_regex_info info{static_cast<std::uint32_t>(set[words_]), 0};
    const std::size_t end = lowest(set.data(), match_end_);
    if (end < members_.size()) info.match_end = members_[end].number + 1;
    if (std::all_of(set.begin(), set.begin() + static_cast<std::ptrdiff_t>(words_), [](Word w) { return w == 0; }))
      info.match |= FU_REGEX_DEAD;
    out_.info.push_back(info);
    return found->second;
  }

  bool expand(std::size_t s) {
    const auto* set = reinterpret_cast<const Word*>(sets_[s]->data());
    std::vector<Word> follow(words_, 0), next(words_ + 1);
    for (std::size_t k = 0; k < words_; ++k)
      for (Word w = set[k]; w; w &= w - 1) {
        const Word* row = &next_[(k * 64 + static_cast<unsigned>(__builtin_ctzll(w))) * words_];
        for (std::size_t v = 0; v < words_; ++v) follow[v] |= row[v];
      }
    for (std::uint32_t c = 0; c < out_.classes.count; ++c) {
      for (std::size_t v = 0; v < words_; ++v) next[v] = follow[v] & reads_[c * words_ + v];
      cut_at_match(next);
      out_.rows.push_back(static_cast<std::uint16_t>(state_of(next)));
      if (out_.info.size() > max_states_) return false;
    }
    return out_.info.size() * out_.classes.count * 2 <= max_bytes_;
  }

  void mark_events() {
    for (std::uint16_t& next : out_.rows)
      if (out_.info[next].match) next |= FU_REGEX_EVENT;
  }

  const std::span<const RegexMember> members_;
  const std::uint32_t max_states_;
  const std::size_t max_bytes_;
  std::vector<std::size_t> first_;  // position bit of each member; last: of all
  std::size_t words_ = 0;
  std::vector<Word> next_, reads_, match_, match_end_;
  std::unordered_map<std::string, std::uint32_t> known_;
  std::vector<const std::string*> sets_;
  RegexDfa out_;
};

}  // namespace

ByteClasses byte_classes(std::span<const RegexMember> members) {
  std::array<std::uint32_t, 256> of{};
  std::uint32_t count = 1;
  std::unordered_map<ByteSet, bool> seen;
  for (const RegexMember& m : members)
    for (const Position& p : *m.positions) {
      if (count == 256 || !seen.emplace(p.bytes, true).second) continue;
      std::map<std::pair<std::uint32_t, bool>, std::uint32_t> split;
      for (unsigned b = 0; b < 256; ++b) {
        const auto [found, fresh] = split.emplace(std::pair(of[b], p.bytes[b]), split.size());
        of[b] = found->second;
      }
      count = static_cast<std::uint32_t>(split.size());
    }
  ByteClasses out;
  out.count = count;
  out.sample.resize(count);
  for (unsigned b = 256; b-- > 0;) {
    out.of[b] = static_cast<std::uint8_t>(of[b]);
    out.sample[of[b]] = static_cast<std::uint8_t>(b);
  }
  return out;
}

std::optional<RegexDfa> make_dfa(std::span<const RegexMember> members, std::uint32_t max_states,
                                 std::size_t max_bytes) {
  return Subset(members, std::min(max_states, FU_REGEX_MAX_STATES), max_bytes).run();
}

}  // namespace fulcrum::ids
