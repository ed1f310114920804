// SPDX-License-Identifier: MIT
// match_build.cc - byte classes, states breadth first, failures, rows, outputs.
#include "match_build.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <numeric>
#include <string>
#include <vector>

namespace fulcrum::ids {
namespace {

std::uint8_t fold(std::uint8_t c) { return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c + 32) : c; }

bool has_letter(const std::string& s) {
  return std::ranges::any_of(s, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
}

class Builder {
 public:
  explicit Builder(std::span<const Pattern> patterns) : patterns_(patterns) {
    folded_ = std::ranges::any_of(patterns, [](const Pattern& p) { return p.nocase; });
    make_classes();
    make_states();
    make_failures();
    make_rows();
    link_outputs();
    make_patterns();
  }

  MatchTable assemble() const;

 private:
  // Patterns of a state: a run of the sorted ones that share its path.
  struct Run {
    std::uint32_t first, end, depth;
  };

  void make_classes() {
    bool used[256] = {};
    for (const Pattern& p : patterns_)
      for (char c : p.bytes) used[normal(static_cast<std::uint8_t>(c))] = true;
    std::uint8_t class_of[256] = {};
    // 256 used bytes leave no byte for class 0, so that classes fit 8 bits.
    const bool all = std::ranges::all_of(used, [](bool u) { return u; });
    classes_ = all ? 0 : 1;
    for (unsigned c = 0; c < 256; ++c)
      if (used[c]) class_of[c] = static_cast<std::uint8_t>(classes_++);
    for (unsigned c = 0; c < 256; ++c) class_of_[c] = class_of[normal(static_cast<std::uint8_t>(c))];
  }

  std::uint8_t normal(std::uint8_t c) const { return folded_ ? fold(c) : c; }

  void make_states() {
    for (const Pattern& p : patterns_) {
      std::string classes(p.bytes.size(), 0);
      for (std::size_t i = 0; i < classes.size(); ++i)
        classes[i] = static_cast<char>(class_of_[static_cast<std::uint8_t>(p.bytes[i])]);
      words_.push_back(std::move(classes));
    }
    sorted_.resize(words_.size());
    std::iota(sorted_.begin(), sorted_.end(), 0u);
    std::ranges::stable_sort(sorted_, [this](std::uint32_t a, std::uint32_t b) { return words_[a] < words_[b]; });
    std::vector<Run> runs{{0, static_cast<std::uint32_t>(sorted_.size()), 0}};
    add_state(0);
    for (std::uint32_t s = 0; s < runs.size(); ++s) {
      const Run run = runs[s];
      std::uint32_t at = run.first;
      // Patterns that end here sort first, in the order of their numbers.
      while (at < run.end && words_[sorted_[at]].size() == run.depth) own_[s].push_back(sorted_[at++]);
      states_[s].first_child = static_cast<std::uint32_t>(states_.size());
      while (at < run.end) {
        const char c = words_[sorted_[at]][run.depth];
        std::uint32_t end = at + 1;
        while (end < run.end && words_[sorted_[end]][run.depth] == c) ++end;
        add_state(static_cast<std::uint8_t>(c));
        runs.push_back({at, end, run.depth + 1});
        ++states_[s].child_count;
        at = end;
      }
    }
  }

  void add_state(std::uint8_t label) {
    states_.push_back({0, 0, 0, MATCH_NONE});
    labels_.push_back(label);
    own_.emplace_back();
  }

  std::uint32_t child(std::uint32_t state, std::uint8_t label) const {
    const MatchState& s = states_[state];
    const auto first = labels_.begin() + s.first_child, end = first + s.child_count;
    const auto at = std::find(first, end, label);
    return at == end ? MATCH_NONE : static_cast<std::uint32_t>(at - labels_.begin());
  }

  void make_failures() {
    for (std::uint32_t s = 0; s < states_.size(); ++s)
      for (std::uint32_t k = 0; k < states_[s].child_count; ++k) {
        const std::uint32_t c = states_[s].first_child + k;
        std::uint32_t f = s, to = MATCH_NONE;
        while (f != 0 && to == MATCH_NONE) {
          f = states_[f].fail;
          to = child(f, labels_[c]);
        }
        states_[c].fail = to == MATCH_NONE ? 0 : to;
      }
  }

  void make_rows() {
    dense_states_ =
        std::clamp<std::uint32_t>(MATCH_DENSE_BYTES / (4 * classes_), 1, static_cast<std::uint32_t>(states_.size()));
    rows_.assign(std::size_t{dense_states_} * classes_, 0);
    for (std::uint32_t s = 0; s < dense_states_; ++s) {
      const auto row = rows_.begin() + static_cast<std::ptrdiff_t>(s) * classes_;
      if (s) std::copy_n(rows_.begin() + static_cast<std::ptrdiff_t>(states_[s].fail) * classes_, classes_, row);
      for (std::uint32_t k = 0; k < states_[s].child_count; ++k) {
        const std::uint32_t c = states_[s].first_child + k;
        row[labels_[c]] = c;
      }
    }
  }

  // A state's own patterns, then the list of the nearest suffix that has any:
  // that is its failure state's list, complete since failures are shallower.
  void link_outputs() {
    for (std::uint32_t s = 0; s < states_.size(); ++s) {
      std::uint32_t next = s ? states_[states_[s].fail].output : MATCH_NONE;
      for (auto p = own_[s].rbegin(); p != own_[s].rend(); ++p) {
        const std::uint32_t lowest = next == MATCH_NONE ? *p : std::min(*p, outputs_[next].lowest);
        outputs_.push_back({*p, lowest, next});
        next = static_cast<std::uint32_t>(outputs_.size() - 1);
      }
      states_[s].output = next;
    }
    for (std::uint32_t& to : rows_)
      if (states_[to].output != MATCH_NONE) to |= MATCH_OUTPUT_BIT;
  }

  void make_patterns() {
    for (const Pattern& p : patterns_) {
      const bool compare = folded_ && !p.nocase && has_letter(p.bytes);
      records_.push_back({compare ? static_cast<std::uint32_t>(text_.size()) : MATCH_NONE,
                          static_cast<std::uint32_t>(p.bytes.size())});
      if (compare) text_ += p.bytes;
    }
  }

  std::span<const Pattern> patterns_;
  bool folded_ = false;
  std::uint8_t class_of_[256] = {};
  std::uint32_t classes_ = 0;
  std::vector<std::string> words_;     // patterns in classes
  std::vector<std::uint32_t> sorted_;  // pattern numbers by word
  std::vector<MatchState> states_;
  std::vector<std::uint8_t> labels_;
  std::vector<std::vector<std::uint32_t>> own_;  // patterns that end in a state
  std::uint32_t dense_states_ = 0;
  std::vector<std::uint32_t> rows_;
  std::vector<MatchOutput> outputs_;
  std::vector<MatchPattern> records_;
  std::string text_;
};

MatchTable Builder::assemble() const {
  MatchHeader h{};
  std::size_t at = sizeof h;
  const auto place = [&at](std::uint64_t& off, std::size_t bytes) {
    off = at = (at + 63) & ~std::size_t{63};
    at += bytes;
  };
  place(h.row_off_bytes, rows_.size() * sizeof rows_[0]);
  place(h.state_off_bytes, states_.size() * sizeof states_[0]);
  place(h.label_off_bytes, labels_.size());
  place(h.output_off_bytes, outputs_.size() * sizeof outputs_[0]);
  place(h.pattern_off_bytes, records_.size() * sizeof records_[0]);
  place(h.text_off_bytes, text_.size());
  h.magic = MATCH_MAGIC;
  h.classes = classes_;
  h.states = static_cast<std::uint32_t>(states_.size());
  h.dense_states = dense_states_;
  h.patterns = static_cast<std::uint32_t>(records_.size());
  h.bytes = (at + 63) & ~std::size_t{63};
  std::memcpy(h.class_of, class_of_, sizeof class_of_);
  MatchTable t(h.bytes);
  char* base = static_cast<char*>(t.data());
  const auto put = [base](std::uint64_t off, const auto& from) {
    if (!from.empty()) std::memcpy(base + off, from.data(), from.size() * sizeof from[0]);
  };
  std::memcpy(base, &h, sizeof h);
  put(h.row_off_bytes, rows_);
  put(h.state_off_bytes, states_);
  put(h.label_off_bytes, labels_);
  put(h.output_off_bytes, outputs_);
  put(h.pattern_off_bytes, records_);
  put(h.text_off_bytes, text_);
  return t;
}

}  // namespace

MatchTable::MatchTable(std::size_t bytes) : block_(std::aligned_alloc(64, bytes)), bytes_(bytes) {
  if (!block_) throw std::bad_alloc();
  std::memset(block_.get(), 0, bytes);
}

void MatchTable::Free::operator()(void* p) const { std::free(p); }

MatchTable build_match(std::span<const Pattern> patterns) { return Builder(patterns).assemble(); }

}  // namespace fulcrum::ids
