// SPDX-License-Identifier: MIT
// byte_patterns.cc - Click's byte patterns -> a graph of word tests, first pattern first.
#include "pipeline/elements/flow/byte_patterns.h"

#include <algorithm>
#include <map>
#include <string>

#include "fulcrum/address.h"

namespace fulcrum {
namespace {

// From here on what tests told is kept of one pattern at a time only: the graph then
// grows with the length of the patterns.
constexpr std::size_t kManyNodes = 2048;

struct Nibble {
  std::uint8_t value = 0;
  std::uint8_t mask = 0;
};

Error malformed(std::string_view word) {
  return Error{units::refusal(word, "a byte pattern",
                              "OFFSET/VALUE[%MASK], as in 12/0800, 14/4?%ff, 33/02%02 or !23/06: OFFSET from 0 to "
                              "65535, VALUE and MASK of as many hexadecimal digits, two a byte, ? for any")};
}

bool read_digits(std::string_view value, std::string_view mask, std::vector<Nibble>& out) {
  if (value.empty() || value.size() % 2 || (!mask.empty() && mask.size() != value.size())) return false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    Nibble n;
    if (value[i] != '?') {
      if (hex_digit(value[i]) < 0) return false;
      n = {static_cast<std::uint8_t>(hex_digit(value[i])), 0xf};
    }
    if (!mask.empty()) {
      if (hex_digit(mask[i]) < 0) return false;
      n.mask &= static_cast<std::uint8_t>(hex_digit(mask[i]));
    }
    n.value &= n.mask;
    out.push_back(n);
  }
  return true;
}

// Bytes from `offset` on -> words; those of which no bit counts are left out.
std::vector<WordTest> words(std::uint32_t offset, const std::vector<Nibble>& nibbles) {
  std::vector<WordTest> tests;
  for (std::size_t k = 0; k < nibbles.size(); k += 2) {
    const std::uint32_t at = offset + static_cast<std::uint32_t>(k / 2);
    const auto mask = static_cast<std::uint8_t>(nibbles[k].mask << 4 | nibbles[k + 1].mask);
    const auto value = static_cast<std::uint8_t>(nibbles[k].value << 4 | nibbles[k + 1].value);
    if (!mask) continue;
    if (tests.empty() || tests.back().offset != at / 4 * 4) tests.push_back({at / 4 * 4, 0, 0});
    reinterpret_cast<std::uint8_t*>(&tests.back().mask)[at % 4] = mask;
    reinterpret_cast<std::uint8_t*>(&tests.back().value)[at % 4] = value;
  }
  return tests;
}

Result<Clause> parse_clause(const std::string_view word) {
  std::string_view rest = word;
  Clause c;
  c.negated = rest.starts_with('!');
  if (c.negated) rest.remove_prefix(1);
  const std::size_t slash = rest.find('/');
  if (slash == rest.npos) return malformed(word);
  const Result<std::uint64_t> offset = parse_number(rest.substr(0, slash), {0, 65535});
  rest.remove_prefix(slash + 1);
  const std::size_t percent = rest.find('%');
  const std::string_view mask = percent == rest.npos ? "" : rest.substr(percent + 1);
  std::vector<Nibble> nibbles;
  if (!offset || (percent != rest.npos && mask.empty()) || !read_digits(rest.substr(0, percent), mask, nibbles))
    return malformed(word);
  c.tests = words(static_cast<std::uint32_t>(*offset), nibbles);
  if (c.negated && c.tests.empty()) return Error{"'" + std::string(word) + "' meets no packet: no bit of it counts"};
  return c;
}

enum class Known : std::uint8_t { kOpen, kTrue, kFalse };

// What `test` is worth once `told` came out as `held`.
Known implied(const WordTest& told, bool held, const WordTest& test) {
  if (told.offset != test.offset) return Known::kOpen;
  const std::uint32_t common = told.mask & test.mask;
  const bool agree = (told.value & common) == (test.value & common);
  if (held && !agree) return Known::kFalse;
  if (held && common == test.mask) return Known::kTrue;
  if (!held && agree && common == told.mask) return Known::kFalse;
  return Known::kOpen;
}

// false: the pattern cannot hold any more.
bool simplify(BytePattern& p, const WordTest& told, bool held) {
  for (std::size_t k = 0; k < p.size();) {
    Clause& c = p[k];
    bool broken = false;
    std::erase_if(c.tests, [&](const WordTest& t) {
      const Known known = implied(told, held, t);
      broken |= known == Known::kFalse;
      return known == Known::kTrue;
    });
    const bool holds = !broken && c.tests.empty();
    if (c.negated ? holds : broken) return false;
    if (c.negated ? broken : holds)
      p.erase(p.begin() + static_cast<std::ptrdiff_t>(k));
    else
      ++k;
  }
  return true;
}

}  // namespace

Result<BytePattern> parse_byte_pattern(std::string_view text) {
  BytePattern p;
  if (text == "-") return p;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    if (space != 0) {
      Result<Clause> c = parse_clause(text.substr(0, space));
      if (!c) return c.error();
      if (!c->tests.empty()) p.push_back(std::move(*c));
    }
    text.remove_prefix(space == text.npos ? text.size() : space + 1);
  }
  return p;
}

class PatternCompiler {
 public:
  PatternCompiler(PatternGraph& graph, const std::vector<BytePattern>& patterns) : graph_(graph), patterns_(patterns) {}

  struct Candidate {
    std::uint32_t answer;
    BytePattern rest;
  };
  using State = std::vector<Candidate>;

  std::int32_t compile(State state, std::uint32_t none) {
    if (state.empty()) return ~static_cast<std::int32_t>(none);
    if (state[0].rest.empty()) return ~static_cast<std::int32_t>(state[0].answer);
    const std::string key = text(state);
    if (auto known = done_.find(key); known != done_.end()) return known->second;
    const WordTest test = state[0].rest[0].tests[0];
    const auto index = static_cast<std::int32_t>(graph_.nodes_.size());
    graph_.nodes_.push_back({test, {0, 0}});
    graph_.safe_bytes_ = std::max(graph_.safe_bytes_, test.offset + 4);
    done_[key] = index;
    for (const bool held : {false, true}) {
      const std::int32_t next = compile(after(state, test, held), none);
      graph_.nodes_[static_cast<std::size_t>(index)].next[held] = next;
    }
    return index;
  }

 private:
  State after(const State& state, const WordTest& test, bool held) const {
    State next;
    const bool many = graph_.nodes_.size() > kManyNodes;
    for (const Candidate& c : state) {
      next.push_back(c);
      if (!simplify(next.back().rest, test, held)) next.pop_back();
      if (!next.empty() && next.back().rest.empty()) break;  // nothing behind it can be first
      if (many) break;
    }
    if (!many || (!next.empty() && next[0].rest.empty())) return next;
    for (std::size_t k = state[0].answer + 1; k < patterns_.size(); ++k)
      next.push_back({static_cast<std::uint32_t>(k), patterns_[k]});
    return next;
  }
  static std::string text(const State& state) {
    std::string key;
    const auto put = [&](std::uint32_t v) { key.append(reinterpret_cast<const char*>(&v), sizeof v); };
    for (const Candidate& c : state) {
      put(c.answer), put(static_cast<std::uint32_t>(c.rest.size()));
      for (const Clause& clause : c.rest) {
        put(clause.negated), put(static_cast<std::uint32_t>(clause.tests.size()));
        for (const WordTest& t : clause.tests) put(t.offset), put(t.mask), put(t.value);
      }
    }
    return key;
  }

  PatternGraph& graph_;
  const std::vector<BytePattern>& patterns_;
  std::map<std::string, std::int32_t> done_;  // node by what was left to decide
};

PatternGraph::PatternGraph(const std::vector<BytePattern>& patterns) {
  PatternCompiler::State state;
  for (const BytePattern& p : patterns) state.push_back({static_cast<std::uint32_t>(state.size()), p});
  start_ = PatternCompiler(*this, patterns).compile(std::move(state), static_cast<std::uint32_t>(patterns.size()));
}

// A test that wants bytes which are not there does not hold.
unsigned PatternGraph::match(const std::uint8_t* data, std::uint32_t len) const noexcept {
  std::int32_t at = start_;
  const bool safe = len >= safe_bytes_;
  while (at >= 0) {
    const Node& n = nodes_[static_cast<std::size_t>(at)];
    std::uint32_t word = 0;
    bool there = true;
    if (safe || n.test.offset + 4 <= len) {
      std::memcpy(&word, data + n.test.offset, 4);
    } else {
      const std::uint32_t bytes = len > n.test.offset ? len - n.test.offset : 0;
      if (bytes) std::memcpy(&word, data + n.test.offset, bytes);
      std::uint32_t present = 0;
      std::memset(&present, 0xff, bytes);
      there = (n.test.mask & ~present) == 0;
    }
    at = n.next[there && (word & n.test.mask) == n.test.value];
  }
  return static_cast<unsigned>(~at);
}

}  // namespace fulcrum
