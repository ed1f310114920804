// SPDX-License-Identifier: MIT
// arguments.cc - what stands in `Class( … )` -> words of text and variables.
#include "pipeline/lexer.h"

namespace fulcrum {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f'; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append(ArgWord& word, char c, SourcePos pos) {
  if (word.parts.empty() || word.parts.back().variable) word.parts.push_back({"", false, pos});
  word.parts.back().text += c;
}

}  // namespace

bool Lexer::argument_ends() const { return at_end() || peek() == ',' || peek() == ')'; }

void Lexer::take_character(ArgWord& word) {
  append(word, peek(), pos());
  advance();
}

// $name or ${name}; false: a '$' that stands for itself.
bool Lexer::variable(ArgWord& word) {
  if (peek() != '$') return false;
  const bool braces = peek(1) == '{';
  const SourcePos start = pos();
  const std::size_t skip = braces ? 2 : 1, length = name_length(skip);
  if (braces && (!length || peek(skip + length) != '}')) {
    diag_.error(start, "'${' wants the name of a variable and '}'", {"${name}"});
    advance(skip + length);
    return true;
  }
  if (!length) return false;
  word.parts.push_back({std::string(text_.substr(at_ + skip, length)), true, start});
  advance(skip + length + braces);
  return true;
}

bool Lexer::simple_escape(ArgWord& word, char c) {
  switch (c) {
    case 'n':
      append(word, '\n', pos());
      return true;
    case 't':
      append(word, '\t', pos());
      return true;
    case 'r':
      append(word, '\r', pos());
      return true;
    case '0':
      append(word, '\0', pos());
      return true;
    case '\n':
      return true;
    case '\\':
    case '"':
    case '\'':
    case '$':
      append(word, c, pos());
      return true;
    default:
      return false;
  }
}

// \n \t \r \0 \\ \" \$ \xNN; a backslash at the end of a line joins it to the next.
void Lexer::escape(ArgWord& word) {
  const SourcePos start = pos();
  advance();
  if (at_end()) return;
  const char c = peek();
  advance();
  if (simple_escape(word, c)) return;
  if (c != 'x') {
    const bool shown = c >= ' ' && c < 0x7f;
    diag_.error(start, std::string("unknown escape '\\") + (shown ? c : '?') + "' in a string",
                {"\\n", "\\t", "\\r", "\\0", "\\\"", "\\\\", "\\$", "\\xNN"});
    return;
  }
  const int high = hex_value(peek());
  const int low = hex_value(peek(1));
  if (high < 0 || low < 0) {
    diag_.error(start, "'\\x' wants two hexadecimal digits, as in \\x0a");
    return;
  }
  append(word, static_cast<char>(high * 16 + low), start);
  advance(2);
}

// "…" with escapes and variables, '…' as it stands.
void Lexer::quoted(ArgWord& word) {
  const SourcePos start = pos();
  const char quote = peek();
  word.quoted = true;
  advance();
  while (!at_end() && peek() != quote) {
    if (quote == '"' && peek() == '\\')
      escape(word);
    else if (quote == '\'' || !variable(word))
      take_character(word);
  }
  if (at_end()) diag_.error(start, std::string("string is not closed: ") + quote + " is missing");
  advance();
}

// A free-form word; parentheses inside it must match.
void Lexer::bare(ArgWord& word) {
  int depth = 0;
  while (!at_end() && !is_blank(peek())) {
    const char c = peek();
    if (depth == 0 && (c == ',' || c == ')')) return;
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (!variable(word)) take_character(word);
  }
}

ArgWord Lexer::argument_word() {
  ArgWord word;
  word.pos = pos();
  if (peek() == '"' || peek() == '\'')
    quoted(word);
  else
    bare(word);
  return word;
}

std::vector<ArgText> Lexer::arguments(SourcePos open) {
  std::vector<ArgText> args;
  ArgText words;
  for (;;) {
    while (skip_blank()) {
    }
    if (!argument_ends()) {
      words.push_back(argument_word());
      continue;
    }
    const bool comma = peek() == ',';
    if (!words.empty())
      args.push_back(std::move(words));
    else if (comma)
      diag_.error(pos(), "argument is empty: nothing stands before this ','");
    words.clear();
    if (at_end()) {
      diag_.error(open, "'(' is not closed: ')' is missing");
      return args;
    }
    advance();
    if (!comma) return args;
  }
}

}  // namespace fulcrum
