// SPDX-License-Identifier: MIT
// lexer.cc - text of a Click configuration -> tokens, and arguments in parentheses.
#include "pipeline/lexer.h"

namespace fulcrum {
namespace {

// ASCII on purpose: the locale must not change what a configuration means.
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@'; }
}  // namespace

void Lexer::advance(std::size_t n) {
  for (; n && !at_end(); --n, ++at_) {
    if (text_[at_] == '\n') {
      ++line_;
      line_start_ = at_ + 1;
    }
  }
}

bool Lexer::skip_comment() {
  if (peek() != '/') return false;
  if (peek(1) == '/') {
    while (!at_end() && peek() != '\n') advance();
    return true;
  }
  if (peek(1) != '*') return false;
  const SourcePos start = pos();
  advance(2);
  while (!at_end() && !(peek() == '*' && peek(1) == '/')) advance();
  if (at_end()) diag_.error(start, "comment is not closed: '*/' is missing");
  advance(2);
  return true;
}

bool Lexer::skip_blank() {
  if (at_end()) return false;
  if (!is_blank(peek())) return skip_comment();
  while (!at_end() && is_blank(peek())) advance();
  return true;
}

Token Lexer::symbol(TokenKind kind, std::size_t length) {
  Token t{kind, std::string(text_.substr(at_, length)), pos()};
  advance(length);
  return t;
}

Token Lexer::word() {
  std::size_t n = 0;
  while (is_alpha(peek(n)) || is_digit(peek(n))) ++n;
  return symbol(TokenKind::kWord, n);
}

Token Lexer::number() {
  std::size_t n = 0;
  while (is_digit(peek(n))) ++n;
  return symbol(TokenKind::kNumber, n);
}

// A whole character of UTF-8, so that a message can show it.
Token Lexer::other() {
  std::size_t n = 1;
  while (n < 4 && (static_cast<unsigned char>(peek(n)) & 0xc0) == 0x80) ++n;
  return symbol(TokenKind::kOther, n);
}

std::size_t Lexer::name_length(std::size_t ahead) const {
  if (is_digit(peek(ahead)) || peek(ahead) == '@') return 0;
  std::size_t n = 0;
  while ((is_alpha(peek(ahead + n)) && peek(ahead + n) != '@') || is_digit(peek(ahead + n))) ++n;
  return n;
}

Token Lexer::next() {
  while (skip_blank()) {
  }
  if (at_end()) return {TokenKind::kEnd, "end of file", pos()};
  const char c = peek();
  if (is_alpha(c)) return word();
  if (is_digit(c)) return number();
  if (c == ':' && peek(1) == ':') return symbol(TokenKind::kColonColon, 2);
  if (c == '-' && peek(1) == '>') return symbol(TokenKind::kArrow, 2);
  if (c == '=' && peek(1) == '>') return symbol(TokenKind::kDoubleArrow, 2);
  if (c == '|' && peek(1) == '|') return symbol(TokenKind::kDoubleBar, 2);
  if (c == '$' && name_length(1)) {
    Token t = symbol(TokenKind::kVariable, 1 + name_length(1));
    t.text.erase(0, 1);
    return t;
  }
  switch (c) {
    case ',':
      return symbol(TokenKind::kComma, 1);
    case ';':
      return symbol(TokenKind::kSemicolon, 1);
    case '(':
      return symbol(TokenKind::kOpen, 1);
    case ')':
      return symbol(TokenKind::kClose, 1);
    case '[':
      return symbol(TokenKind::kOpenBracket, 1);
    case ']':
      return symbol(TokenKind::kCloseBracket, 1);
    case '{':
      return symbol(TokenKind::kOpenBrace, 1);
    case '}':
      return symbol(TokenKind::kCloseBrace, 1);
    case '|':
      return symbol(TokenKind::kBar, 1);
    default:
      return other();
  }
}

}  // namespace fulcrum
