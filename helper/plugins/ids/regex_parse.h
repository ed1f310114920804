// SPDX-License-Identifier: MIT
// regex_parse.h - text of one regular expression -> tree.
//
// Syntax and meaning are PCRE2's on bytes, for "does it match anywhere":
//
//   literals      any byte; \a \e \f \n \r \t \0oo \o{o…} \xHH \x{H…} \cX \Q…\E, \ before punctuation
//   one byte      .  \d \D \w \W \s \S \h \H \v \V \N  [a-z] [^…] [[:alpha:]] [[:^alpha:]]
//   groups        (…) (?:…) (?<name>…) (?P<name>…) (?'name'…) (?flags:…) (?flags) (?#comment)
//   repeats       * + ? {n} {n,} {n,m}; with ? behind them (lazy) they mean the same here
//   alternation   a|b|
//   places        ^ $ \A \Z \z \b \B
//   flags         i letters match either case (ASCII), m ^ and $ at lines, s dot matches newline
//
// Refused, with the reason: back references, look-ahead and look-behind, atomic
// groups and possessive repeats, recursion, conditionals, callouts, verbs,
// Unicode (\p \P \X), \C \G \K \R, and what PCRE2 takes for an error.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "regex_tree.h"

namespace fulcrum::ids {

struct RegexFlags {
  bool nocase = false;     // i
  bool multiline = false;  // m
  bool dotall = false;     // s
};

struct RegexProblem {
  std::size_t at = 0;  // byte of the expression, from 0
  std::string text;    // empty: none
};

struct RegexParsed {
  RegexTree tree;  // meaningless where there is a problem
  RegexProblem problem;
};

inline constexpr std::uint32_t kMaxRepeat = 32767;
inline constexpr unsigned kMaxNesting = 250;

RegexParsed parse_regex(std::string_view text, RegexFlags flags);

}  // namespace fulcrum::ids
