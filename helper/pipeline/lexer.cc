// SPDX-License-Identifier: MIT
// lexer.cc - text of a Click configuration -> tokens, and arguments in parentheses.
#include "pipeline/lexer.h"

#include <algorithm>

namespace fulcrum {
namespace {

// ASCII on purpose: the locale must not change what a configuration means.
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// KEYWORD in front of a value: capitals, digits and underscores.
bool is_keyword(std::string_view word) {
  return !word.empty() && is_upper(word[0]) &&
         std::all_of(word.begin(), word.end(), [](char c) { return is_upper(c) || is_digit(c) || c == '_'; });
}

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
  if (c == '$' && is_alpha(peek(1))) {
    std::size_t n = 1;
    while (is_alpha(peek(n)) || is_digit(peek(n))) ++n;
    return symbol(TokenKind::kVariable, n);
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
      return symbol(TokenKind::kOther, 1);
  }
}

bool Lexer::argument_ends() const { return at_end() || peek() == ',' || peek() == ')'; }

// \n \t \r \0 \\ \" \xNN; a backslash at the end of a line joins it to the next.
void Lexer::escape(std::string& out) {
  const SourcePos start = pos();
  advance();
  const char c = peek();
  advance();
  switch (c) {
    case 'n':
      out += '\n';
      return;
    case 't':
      out += '\t';
      return;
    case 'r':
      out += '\r';
      return;
    case '0':
      out += '\0';
      return;
    case '\n':
      return;
    case '\\':
    case '"':
    case '\'':
      out += c;
      return;
    case 'x':
      break;
    default:
      diag_.error(start, std::string("unknown escape '\\") + (c >= ' ' ? c : '?') + "' in a string",
                  {"\\n", "\\t", "\\r", "\\0", "\\\"", "\\\\", "\\xNN"});
      return;
  }
  const int high = hex_value(peek());
  const int low = hex_value(peek(1));
  if (high < 0 || low < 0) {
    diag_.error(start, "'\\x' wants two hexadecimal digits, as in \\x0a");
    return;
  }
  out += static_cast<char>(high * 16 + low);
  advance(2);
}

// "…" with escapes, '…' as it stands.
void Lexer::quoted(std::string& out) {
  const SourcePos start = pos();
  const char quote = peek();
  advance();
  while (!at_end() && peek() != quote) {
    if (quote == '"' && peek() == '\\') {
      escape(out);
    } else {
      out += peek();
      advance();
    }
  }
  if (at_end()) diag_.error(start, std::string("string is not closed: ") + quote + " is missing");
  advance();
}

// A free-form word; parentheses inside it must match.
void Lexer::bare_piece(std::string& out) {
  int depth = 0;
  while (!at_end() && !is_blank(peek())) {
    const char c = peek();
    if (depth == 0 && (c == ',' || c == ')')) return;
    if (c == '(') ++depth;
    if (c == ')') --depth;
    out += c;
    advance();
  }
}

Lexer::Piece Lexer::piece() {
  Piece p;
  p.pos = pos();
  if (peek() == '"' || peek() == '\'') {
    p.quoted = true;
    quoted(p.text);
  } else {
    if (peek() == '$') diag_.error(pos(), "$parameters are not supported yet: write the value");
    bare_piece(p.text);
  }
  return p;
}

Arg Lexer::make_arg(std::vector<Piece>& pieces) {
  Arg arg;
  std::size_t first = 0;
  if (pieces.size() > 1 && !pieces[0].quoted && is_keyword(pieces[0].text)) {
    arg.keyword = pieces[0].text;
    first = 1;
  }
  arg.pos = pieces[first].pos;
  arg.quoted = pieces.size() - first == 1 && pieces[first].quoted;
  for (std::size_t i = first; i < pieces.size(); ++i) arg.text += (i > first ? " " : "") + pieces[i].text;
  return arg;
}

std::vector<Arg> Lexer::arguments(SourcePos open) {
  std::vector<Arg> args;
  std::vector<Piece> pieces;
  for (;;) {
    while (skip_blank()) {
    }
    if (!argument_ends()) {
      pieces.push_back(piece());
      continue;
    }
    const bool comma = peek() == ',';
    if (!pieces.empty())
      args.push_back(make_arg(pieces));
    else if (comma)
      diag_.error(pos(), "argument is empty: nothing stands before this ','");
    pieces.clear();
    if (at_end()) {
      diag_.error(open, "'(' is not closed: ')' is missing");
      return args;
    }
    advance();
    if (!comma) return args;
  }
}

}  // namespace fulcrum
