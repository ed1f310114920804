// SPDX-License-Identifier: MIT
// lexer.h - text of a Click configuration -> tokens, and arguments in parentheses.
//
// Two modes: next() reads the language, arguments() reads what stands in
// `Class( … )`, where words are free-form up to a comma or parenthesis and may hold
// variables: $name or ${name}, which stand as they are in '…' only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fulcrum/element.h"
#include "pipeline/ast.h"
#include "pipeline/diagnostics.h"

namespace fulcrum {

enum class TokenKind : std::uint8_t {
  kEnd,
  kWord,  // name of an element, a class or a statement
  kNumber,
  kColonColon,   // ::
  kArrow,        // ->
  kDoubleArrow,  // =>
  kComma,
  kSemicolon,
  kOpen,  // (
  kClose,
  kOpenBracket,  // [
  kCloseBracket,
  kOpenBrace,  // {
  kCloseBrace,
  kBar,        // |
  kDoubleBar,  // ||
  kVariable,   // $name; text is the name
  kOther,      // a character that means nothing here
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  SourcePos pos;
};

class Lexer {
 public:
  // `text` must outlive the lexer. Errors: to `diag`.
  Lexer(std::string_view text, Diagnostics& diag) : text_(text), diag_(diag) {}

  Token next();
  // On from where `other`, a lexer of the same text, is.
  void go_to(const Lexer& other) {
    at_ = other.at_;
    line_start_ = other.line_start_;
    line_ = other.line_;
  }
  // Reads behind `(` up to and including the matching `)`.
  std::vector<ArgText> arguments(SourcePos open);

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  SourcePos pos() const { return {line_, static_cast<int>(at_ - line_start_) + 1}; }
  void advance(std::size_t n = 1);
  bool skip_blank();  // one run of blanks or one comment
  bool skip_comment();
  Token word();
  Token number();
  Token other();
  Token symbol(TokenKind kind, std::size_t length);

  std::size_t name_length(std::size_t ahead) const;  // of the variable's name that stands there

  // arguments.cc
  bool argument_ends() const;
  ArgWord argument_word();
  void take_character(ArgWord& word);
  bool variable(ArgWord& word);
  void quoted(ArgWord& word);
  void escape(ArgWord& word);
  bool simple_escape(ArgWord& word, char c);
  void bare(ArgWord& word);

  std::string_view text_;
  Diagnostics& diag_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
};

}  // namespace fulcrum
