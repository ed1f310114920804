// SPDX-License-Identifier: MIT
// payload_match.cc - arguments, and one decision for both forms.
#include "payload_match.h"

#include "fulcrum/range.h"
#include "kernel.h"

namespace fulcrum::ids {
namespace {

const std::vector<std::string> kForms{"PATTERNS \"GET /\", \"\\x00\\x01\"", "FILE \"patterns.txt\""};

std::shared_ptr<MatchSet> make_set(PatternList list) {
  auto set = std::make_shared<MatchSet>();
  set->errors = std::move(list.errors);
  if (!set->errors.empty()) return set;
  auto database = ScanDatabase::compile(list.patterns);
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

std::vector<ArgError> PayloadMatch::configure(std::span<const Arg> args, Setup& setup) {
  if (args.empty()) return {{{}, "needs to know what to search for", kForms}};
  const Arg& first = args[0];
  if (first.keyword == "PATTERNS") {
    PatternList list;
    std::string key = "ids:patterns:";
    if (auto errors = collect(args, list, key); !errors.empty()) return errors;
    return use(key, first.pos, setup, [&] { return list; });
  }
  if (first.keyword != "FILE")
    return {{first.pos, "unknown argument '" + (first.keyword.empty() ? first.text : first.keyword) + "'", kForms}};
  if (args.size() > 1) return {{args[1].pos, "nothing can stand behind FILE and its value", kForms}};
  if (first.text.empty()) return {{first.pos, "FILE is empty", kForms}};
  const std::string path = setup.resolve_path(first.text);
  return use("ids:file:" + path, first.pos, setup, [&] { return load_patterns(path); });
}

std::vector<ArgError> PayloadMatch::use(const std::string& key, SourcePos pos, Setup& setup,
                                        const std::function<PatternList()>& list) {
  auto set = std::static_pointer_cast<MatchSet>(
      setup.shared(key, [&]() -> std::shared_ptr<void> { return make_set(list()); }));
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

void PayloadMatch::process(Batch& b, Mask in, Mask* out) noexcept {
  std::uint64_t bytes = 0;
  for_each(in, [&](unsigned i) {
    const ByteRange r = packet_range(b, i, PacketRange::kPayload, 0);
    bytes += r.length;
    decide(b, i, scanner_->lowest(b.data[i] + r.offset, r.length), out);
  });
  searched_bytes_.add(bytes);
}

const KernelDecl& PayloadMatch::kernel() const noexcept { return kMatchKernel; }

// A packet without a match goes on with its bytes as they are.
Offload::Chain PayloadMatch::chain() const noexcept { return {0, Condition::kIfZero}; }

KernelTable PayloadMatch::table() noexcept {
  return {set_, set_->table.data(), set_->table.bytes(), 1, reinterpret_cast<std::uintptr_t>(set_.get())};
}

void PayloadMatch::finish(Batch& b, Mask in, const ItemResults& items, Mask* out) noexcept {
  std::uint64_t bytes = 0;
  for_each(in, [&](unsigned i) {
    bytes += packet_range(b, i, PacketRange::kPayload, 0).length;
    decide(b, i, items.result(i), out);
  });
  searched_bytes_.add(bytes);
}

std::vector<CounterValue> PayloadMatch::counters() const {
  return {{"matched", matched_.value()}, {"searched_bytes", searched_bytes_.value()}};
}

}  // namespace fulcrum::ids
