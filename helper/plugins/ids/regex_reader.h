// SPDX-License-Identifier: MIT
// regex_reader.h - escapes and bracketed classes of a regular expression -> byte sets.
//
// Used by the parser only. A reader stops at its first problem: ok() is false
// from then on and everything it returns is meaningless.
#pragma once

#include <string>
#include <string_view>

#include "regex_parse.h"

namespace fulcrum::ids {

ByteSet both_cases(ByteSet set);

class RegexReader {
 public:
  explicit RegexReader(std::string_view text) : text_(text) {}
  bool ok() const { return problem_.text.empty(); }
  const RegexProblem& problem() const { return problem_; }
  bool at_end() const { return at_ >= text_.size(); }
  std::size_t at() const { return at_; }
  void seek(std::size_t at) { at_ = at; }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool looking_at(std::string_view s) const { return text_.substr(at_, s.size()) == s; }
  bool take(std::string_view s);
  void skip(std::size_t n = 1) { at_ += n; }
  std::size_t find(char c) const { return text_.find(c, at_); }
  std::string_view text() const { return text_; }
  void fail(std::size_t at, std::string why);

  // What stands behind \Q, up to \E.
  std::string_view quoted();
  // One of \d \w … (the letter is next): takes it and sets `set`.
  bool type_escape(ByteSet& set);
  // One of the escapes that name a byte, behind the backslash.
  std::uint8_t byte_escape(bool in_class);
  // […], from behind the [. Flag i is applied.
  ByteSet bracket(bool nocase);

 private:
  std::uint8_t number(std::size_t begin, unsigned base, std::size_t max_digits);
  std::uint8_t braced(std::size_t begin, unsigned base);
  std::size_t posix_end(std::size_t mark) const;
  bool posix_class(ByteSet& set);
  bool class_item(ByteSet& set, std::uint8_t& byte, bool& is_byte);
  void class_range(ByteSet& set, std::uint8_t low, bool low_is_byte, std::size_t begin);

  std::string_view text_;
  std::size_t at_ = 0;
  RegexProblem problem_;
};

}  // namespace fulcrum::ids
