// SPDX-License-Identifier: MIT
// payload_match.cc - arguments, and one decision for both forms.
#include "payload_match.h"

#include <algorithm>

#include "kernel.h"

namespace fulcrum::ids {
namespace {

const std::vector<std::string> kForms{"PATTERNS \"GET /\", \"\\x00\\x01\"", "FILE \"patterns.txt\"",
                                      "…, MATCHES lowest", "…, MATCHES all"};

std::shared_ptr<MatchSet> make_set(PatternList list, bool every) {
  auto set = std::make_shared<MatchSet>();
  set->errors = std::move(list.errors);
  if (!set->errors.empty()) return set;
  auto database = ScanDatabase::compile(list.patterns, every);
  if (!database) {
    set->errors.push_back(database.error().text);
    return set;
  }
  set->database = *database;
  set->table = build_match(list.patterns);
  return set;
}

// PATTERNS: its own value and the ones without a keyword behind it.
std::vector<ArgError> collect(std::span<const Arg> args, PatternList& list, std::string& key) {
  std::vector<ArgError> errors;
  for (const Arg& a : args) {
    if (!a.keyword.empty() && &a != &args[0]) {
      errors.push_back({a.pos, "'" + a.keyword + "' cannot stand behind PATTERNS", kForms});
    } else if (a.text.empty()) {
      errors.push_back({a.pos, "pattern is empty", {"\"GET /\""}});
    } else if (a.text.size() > kMaxPatternBytes) {
      errors.push_back({a.pos, "pattern is longer than " + std::to_string(kMaxPatternBytes) + " bytes", {}});
    } else {
      list.patterns.push_back({a.text, false});
      key += std::to_string(a.text.size()) + ":" + a.text;
    }
  }
  return errors;
}

}  // namespace

// MATCHES lowest|all, the last argument, if it is there.
std::vector<ArgError> PayloadMatch::take_matches(std::span<const Arg>& args) {
  if (args.empty() || args.back().keyword != "MATCHES") return {};
  const Arg& last = args.back();
  if (last.text != "lowest" && last.text != "all")
    return {{last.pos, "'" + last.text + "' is not a value of MATCHES", {"lowest", "all"}}};
  if (last.text == "all") list_.emplace();
  args = args.first(args.size() - 1);
  return {};
}

std::vector<ArgError> PayloadMatch::configure(std::span<const Arg> args, Setup& setup) {
  if (auto errors = take_matches(args); !errors.empty()) return errors;
  if (args.empty()) return {{{}, "needs to know what to search for", kForms}};
  const Arg& first = args[0];
  if (first.keyword == "PATTERNS") {
    PatternList list;
    std::string key = std::string(list_ ? "ids:all" : "ids") + ":patterns:";
    if (auto errors = collect(args, list, key); !errors.empty()) return errors;
    return use(key, first.pos, setup, [&] { return list; });
  }
  if (first.keyword != "FILE")
    return {{first.pos, "unknown argument '" + (first.keyword.empty() ? first.text : first.keyword) + "'", kForms}};
  if (args.size() > 1) return {{args[1].pos, "nothing can stand behind FILE and its value", kForms}};
  if (first.text.empty()) return {{first.pos, "FILE is empty", kForms}};
  const std::string path = setup.resolve_path(first.text);
  return use(std::string(list_ ? "ids:all" : "ids") + ":file:" + path, first.pos, setup,
             [&] { return load_patterns(path); });
}

std::vector<ArgError> PayloadMatch::use(const std::string& key, SourcePos pos, Setup& setup,
                                        const std::function<PatternList()>& list) {
  auto set = std::static_pointer_cast<MatchSet>(
      setup.shared(key, [&]() -> std::shared_ptr<void> { return make_set(list(), list_.has_value()); }));
  std::vector<ArgError> errors;
  for (const std::string& e : set->errors) errors.push_back({pos, e, {}});
  if (!errors.empty()) return errors;
  auto scanner = Scanner::open(set->database);
  if (!scanner) return {{pos, scanner.error().text, {}}};
  scanner_.emplace(std::move(*scanner));
  set_ = std::move(set);
  return {};
}

void PayloadMatch::decide(Batch& b, unsigned i, std::uint32_t result, Mask* out) noexcept {
  if (result) b.alert[i] = result;  // keeps what an earlier element found
  out[result != 0] |= Mask{1} << i;
  matched_.add(result != 0);
}

// Result of packet i on the cpu; with MATCHES all, its list too.
std::uint32_t PayloadMatch::search(Batch& b, unsigned i, ByteRange payload) noexcept {
  const std::uint8_t* data = b.data[i] + payload.offset;
  if (!list_) return scanner_->lowest(data, payload.length);
  const std::span<PatternMatch> room = list_->room();
  const std::size_t found = scanner_->all(data, payload.length, room);
  const std::size_t listed = std::min(found, room.size());
  list_->keep(i, listed);
  matches_.add(found);
  unlisted_.add(found - listed);
  if (found > listed) return scanner_->lowest(data, payload.length);
  std::uint32_t lowest = ~0u;
  for (const PatternMatch& m : room.first(listed)) lowest = std::min(lowest, m.pattern);
  return lowest + 1;
}

void PayloadMatch::process(Batch& b, Mask in, Mask* out) noexcept {
  std::uint64_t bytes = 0;
  if (list_) list_->clear();
  for_each(in, [&](unsigned i) {
    const ByteRange r = packet_range(b, i, PacketRange::kPayload, 0);
    bytes += r.length;
    decide(b, i, search(b, i, r), out);
  });
  searched_bytes_.add(bytes);
}

const KernelDecl& PayloadMatch::kernel() const noexcept { return list_ ? kMatchAllKernel : kMatchKernel; }

// A packet without a match goes on with its bytes as they are.
Offload::Chain PayloadMatch::chain() const noexcept { return {0, Condition::kIfZero}; }

KernelTable PayloadMatch::table() noexcept {
  return {set_, set_->table.data(), set_->table.bytes(), 1, reinterpret_cast<std::uintptr_t>(set_.get())};
}

// Result of packet i with MATCHES all, and its list.
std::uint32_t PayloadMatch::take_columns(Batch& b, unsigned i, ByteRange payload, const ItemResults& items) noexcept {
  const std::uint32_t* column = items.columns(i);
  const std::uint32_t count = column[0];
  if (count > MATCH_LISTED || count > list_->room().size()) {
    searched_again_.add(1);
    return search(b, i, payload);
  }
  const std::span<PatternMatch> room = list_->room();
  for (std::uint32_t k = 0; k < count; ++k) room[k] = {column[2 + 2 * k], column[1 + 2 * k]};
  list_->keep(i, count);
  matches_.add(count);
  return items.result(i);
}

void PayloadMatch::finish(Batch& b, Mask in, const ItemResults& items, Mask* out) noexcept {
  std::uint64_t bytes = 0;
  if (list_) list_->clear();
  for_each(in, [&](unsigned i) {
    const ByteRange r = packet_range(b, i, PacketRange::kPayload, 0);
    bytes += r.length;
    decide(b, i, list_ ? take_columns(b, i, r, items) : items.result(i), out);
  });
  searched_bytes_.add(bytes);
}

std::vector<CounterValue> PayloadMatch::counters() const {
  std::vector<CounterValue> out{{"matched", matched_.value()}, {"searched_bytes", searched_bytes_.value()}};
  if (list_) {
    out.push_back({"matches", matches_.value()});
    out.push_back({"searched_again", searched_again_.value()});
    out.push_back({"unlisted", unlisted_.value()});
  }
  return out;
}

}  // namespace fulcrum::ids
