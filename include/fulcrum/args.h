// SPDX-License-Identifier: MIT
// args.h - an element's arguments: ask for those it knows, the rest is refused.
//
//   ArgReader args(given);
//   if (const Arg* a = args.positional("a port name")) …
//   if (const Arg* a = args.keyword("ORDERING")) …
//   burst_ = args.size(args.keyword("BURST"), {64, 1 << 20}, 1500);
//   return args.done();
//
// Threads: set-up only.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fulcrum/address.h"
#include "fulcrum/element.h"
#include "fulcrum/units.h"

namespace fulcrum {

class ArgReader {
 public:
  explicit ArgReader(std::span<const Arg> args) : args_(args), used_(args.size(), false) {}

  // The next argument without keyword, or null.
  const Arg* positional() {
    for (std::size_t i = 0; i < args_.size(); ++i)
      if (!used_[i] && args_[i].keyword.empty()) return use(i);
    return nullptr;
  }
  // Same, and an error that says what is missing when there is none.
  const Arg* positional(std::string_view what) {
    const Arg* a = positional();
    if (!a) error({}, std::string(what) + " is missing");
    return a;
  }
  // The next argument with this keyword, or null. One nobody asks for is refused by done().
  const Arg* keyword(std::string_view key) {
    if (std::find(keywords_.begin(), keywords_.end(), key) == keywords_.end()) keywords_.emplace_back(key);
    for (std::size_t i = 0; i < args_.size(); ++i)
      if (!used_[i] && args_[i].keyword == key) return use(i);
    return nullptr;
  }
  // All arguments with this keyword, where it may be repeated.
  std::vector<const Arg*> keywords(std::string_view key) {
    std::vector<const Arg*> all;
    keywords_.emplace_back(key);
    for (std::size_t i = 0; i < args_.size(); ++i)
      if (!used_[i] && args_[i].keyword == key) all.push_back(use(i));
    return all;
  }
  // The value that the word of `a` names; an unknown word is an error.
  template <class T>
  T choice(const Arg& a, std::initializer_list<std::pair<const char*, T>> values, T fallback) {
    std::vector<std::string> choices;
    for (const auto& [name, value] : values) {
      if (a.text == name) return value;
      choices.emplace_back(name);
    }
    error(a.pos, a.keyword + " cannot be '" + a.text + "'", std::move(choices));
    return fallback;
  }
  // What units.h and address.h read from `a`, or `fallback`: where a is null (it was
  // not given) and, with an error that says what is valid, where they refuse it.
  std::uint64_t number(const Arg* a, Limits limits, std::uint64_t fallback = 0) {
    return a ? value(*a, parse_number(a->text, limits), fallback) : fallback;
  }
  std::uint64_t duration_ns(const Arg* a, Limits limits_ns, std::uint64_t fallback_ns = 0) {
    return a ? value(*a, parse_duration(a->text, limits_ns), fallback_ns) : fallback_ns;
  }
  std::uint64_t size(const Arg* a, Limits limits_bytes, std::uint64_t fallback_bytes = 0) {
    return a ? value(*a, parse_size(a->text, limits_bytes), fallback_bytes) : fallback_bytes;
  }
  std::uint32_t permille(const Arg* a, std::uint32_t fallback = 0) {
    return a ? value(*a, parse_percent(a->text), fallback) : fallback;
  }
  Rate rate(const Arg* a, RateOf of = RateOf::kAny, Rate fallback = {}) {
    return a ? value(*a, parse_rate(a->text, of), fallback) : fallback;
  }
  IpAddress address(const Arg* a, Family family = Family::kAny, IpAddress fallback = {}) {
    return a ? value(*a, parse_address(a->text, family), fallback) : fallback;
  }
  IpPrefix prefix(const Arg* a, Family family = Family::kAny, IpPrefix fallback = {}) {
    return a ? value(*a, parse_prefix(a->text, family), fallback) : fallback;
  }
  PortRange ports(const Arg* a, PortRange fallback = {}) {
    return a ? value(*a, parse_ports(a->text), fallback) : fallback;
  }
  std::vector<std::uint8_t> hex(const Arg* a, Limits limits_bytes = {1, 65535}) {
    return a ? value(*a, parse_hex(a->text, limits_bytes), std::vector<std::uint8_t>{}) : std::vector<std::uint8_t>{};
  }
  // Any other reader's answer.
  template <class T>
  T value(const Arg& a, Result<T> read, T fallback) {
    if (read) return std::move(*read);
    error(a.pos, (a.keyword.empty() ? "" : a.keyword + ": ") + read.error().text);
    return fallback;
  }
  void error(SourcePos pos, std::string text, std::vector<std::string> choices = {}) {
    errors_.push_back({pos, std::move(text), std::move(choices)});
  }
  // All errors, those for arguments that nobody asked for included.
  std::vector<ArgError> done() {
    for (std::size_t i = 0; i < args_.size(); ++i)
      if (!used_[i]) refuse(args_[i]);
    return std::move(errors_);
  }

 private:
  const Arg* use(std::size_t i) {
    used_[i] = true;
    return &args_[i];
  }
  void refuse(const Arg& a) {
    if (a.keyword.empty()) return error(a.pos, "unexpected argument '" + a.text + "'", keywords_);
    for (const std::string& known : keywords_)
      if (known == a.keyword) return error(a.pos, a.keyword + " is given twice");
    error(a.pos, "unknown keyword '" + a.keyword + "'", keywords_);
  }

  std::span<const Arg> args_;
  std::vector<bool> used_;
  std::vector<std::string> keywords_;
  std::vector<ArgError> errors_;
};

}  // namespace fulcrum
