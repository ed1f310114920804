// SPDX-License-Identifier: MIT
// regex_match.cc - arguments, and one decision for both forms.
#include "regex_match.h"

#include "fulcrum/range.h"
#include "regex_kernel.h"

namespace fulcrum::ids {
namespace {

const std::vector<std::string> kForms{"PATTERNS '/GET \\/[a-z]+/i', '/^\\x16\\x03/'", "FILE \"expressions.txt\""};

std::shared_ptr<RegexSet> make_set(const RegexList& list) {
  auto set = std::make_shared<RegexSet>();
  set->errors = list.errors;
  if (!set->errors.empty()) return set;
  set->table = build_regex(list.expressions);
  set->errors = set->table.errors;
  if (!set->errors.empty()) return set;
  auto database = ScanDatabase::compile_regex(list.expressions);
  if (database)
    set->database = *database;
  else
    set->errors.push_back(database.error().text);
  return set;
}

// PATTERNS: its own value and the ones without a keyword behind it.
std::vector<ArgError> collect(std::span<const Arg> args, RegexList& list, std::string& key) {
  std::vector<ArgError> errors;
  for (const Arg& a : args) {
    if (!a.keyword.empty() && &a != &args[0]) {
      errors.push_back({a.pos, "'" + a.keyword + "' cannot stand behind PATTERNS", kForms});
      continue;
    }
    RegexLine line = parse_regex_line(a.text);
    if (!line.error.empty()) {
      errors.push_back({a.pos, "byte " + std::to_string(line.column) + ": " + line.error, {}});
      continue;
    }
    line.regex.where = "expression " + std::to_string(list.expressions.size() + 1);
    list.expressions.push_back(std::move(line.regex));
    key += std::to_string(a.text.size()) + ":" + a.text;
  }
  return errors;
}

}  // namespace

std::vector<ArgError> RegexMatch::configure(std::span<const Arg> args, Setup& setup) {
  if (args.empty()) return {{{}, "needs to know what to search for", kForms}};
  const Arg& first = args[0];
  if (first.keyword == "PATTERNS") {
    RegexList list;
    std::string key = "ids:regex:";
    if (auto errors = collect(args, list, key); !errors.empty()) return errors;
    return use(key, first.pos, setup, [&] { return std::move(list); });
  }
  if (first.keyword != "FILE")
    return {{first.pos, "unknown argument '" + (first.keyword.empty() ? first.text : first.keyword) + "'", kForms}};
  if (args.size() > 1) return {{args[1].pos, "nothing can stand behind FILE and its value", kForms}};
  if (first.text.empty()) return {{first.pos, "FILE is empty", kForms}};
  const std::string path = setup.resolve_path(first.text);
  return use("ids:regex-file:" + path, first.pos, setup, [&] { return load_regexes(path); });
}

std::vector<ArgError> RegexMatch::use(const std::string& key, SourcePos pos, Setup& setup,
                                      const std::function<RegexList()>& list) {
  auto set = std::static_pointer_cast<RegexSet>(
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

void RegexMatch::decide(Batch& b, unsigned i, std::uint32_t result, Mask* out) noexcept {
  if (result) b.alert[i] = result;  // keeps what an earlier element found
  out[result != 0] |= Mask{1} << i;
  matched_.add(result != 0);
}

void RegexMatch::process(Batch& b, Mask in, Mask* out) noexcept {
  std::uint64_t bytes = 0;
  for_each(in, [&](unsigned i) {
    const ByteRange r = packet_range(b, i, PacketRange::kPayload, 0);
    bytes += r.length;
    decide(b, i, scanner_->lowest(b.data[i] + r.offset, r.length), out);
  });
  searched_bytes_.add(bytes);
}

const KernelDecl& RegexMatch::kernel() const noexcept { return kRegexKernel; }

// A packet without a match goes on with its bytes as they are.
Offload::Chain RegexMatch::chain() const noexcept { return {0, Condition::kIfZero}; }

KernelTable RegexMatch::table() noexcept {
  return {set_, set_->table.block.get(), set_->table.bytes, 1, reinterpret_cast<std::uintptr_t>(set_.get())};
}

void RegexMatch::finish(Batch& b, Mask in, const ItemResults& items, Mask* out) noexcept {
  std::uint64_t bytes = 0;
  for_each(in, [&](unsigned i) {
    bytes += packet_range(b, i, PacketRange::kPayload, 0).length;
    decide(b, i, items.result(i), out);
  });
  searched_bytes_.add(bytes);
}

std::vector<CounterValue> RegexMatch::counters() const {
  return {{"matched", matched_.value()}, {"searched_bytes", searched_bytes_.value()}};
}

}  // namespace fulcrum::ids
