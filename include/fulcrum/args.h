// SPDX-License-Identifier: MIT
// args.h - an element's arguments: ask for those it knows, the rest is refused.
//
//   ArgReader args(given);
//   if (const Arg* a = args.positional("a port name")) …
//   if (const Arg* a = args.keyword("ORDERING")) …
//   return args.done();
//
// Threads: set-up only.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fulcrum/element.h"

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
  // The argument with this keyword, or null. A second one is refused by done().
  const Arg* keyword(std::string_view key) {
    keywords_.emplace_back(key);
    for (std::size_t i = 0; i < args_.size(); ++i)
      if (!used_[i] && args_[i].keyword == key) return use(i);
    return nullptr;
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

// "02:00:00:00:00:01" -> six bytes; false: not an Ethernet address.
inline bool parse_mac(std::string_view text, std::uint8_t mac[6]) {
  if (text.size() != 17) return false;
  auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  for (std::size_t i = 0; i < 6; ++i) {
    const int high = digit(text[3 * i]);
    const int low = digit(text[3 * i + 1]);
    if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':')) return false;
    mac[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

}  // namespace fulcrum
