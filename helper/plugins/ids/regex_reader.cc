// SPDX-License-Identifier: MIT
// regex_reader.cc - escapes and bracketed classes, as PCRE2 reads them.
#include "regex_reader.h"

#include <cctype>
#include <cstring>

namespace fulcrum::ids {
namespace {

template <class Has>
ByteSet bytes_that(Has has) {
  ByteSet set;
  for (int c = 0; c < 256; ++c)
    if (has(c)) set.set(static_cast<std::size_t>(c));
  return set;
}

bool is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_word(int c) { return c < 128 && (std::isalnum(c) || c == '_'); }

struct NamedClass {
  const char* name;
  bool (*has)(int);
};

// In the C locale, whatever the program's is: no byte from 0x80 on.
const NamedClass kNamed[] = {
    {"alnum", [](int c) { return is_word(c) && c != '_'; }},
    {"alpha", [](int c) { return is_word(c) && c != '_' && !(c >= '0' && c <= '9'); }},
    {"ascii", [](int c) { return c < 128; }},
    {"blank", [](int c) { return c == ' ' || c == '\t'; }},
    {"cntrl", [](int c) { return c < 32 || c == 127; }},
    {"digit", [](int c) { return c >= '0' && c <= '9'; }},
    {"graph", [](int c) { return c > 32 && c < 127; }},
    {"lower", [](int c) { return c >= 'a' && c <= 'z'; }},
    {"print", [](int c) { return c >= 32 && c < 127; }},
    {"punct", [](int c) { return c > 32 && c < 127 && (!is_word(c) || c == '_'); }},
    {"space", is_space},
    {"upper", [](int c) { return c >= 'A' && c <= 'Z'; }},
    {"word", is_word},
    {"xdigit", [](int c) { return c < 128 && std::isxdigit(c) != 0; }},
};

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int lower = c | 0x20;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

// Why an escape of this letter is not taken, or null.
const char* refused_escape(char c) {
  switch (c) {
    case 'p':
    case 'P':
    case 'X':
      return "Unicode properties are not supported: expressions are about bytes";
    case 'g':
    case 'k':
      return "back references are not supported: an automaton has no memory of what a group matched";
    case 'R':
      return "\\R is not supported: write (?:\\r\\n|[\\n-\\r\\x85])";
    case 'K':
    case 'G':
      return "\\K and \\G are not supported: only whether it matches is asked";
    case 'C':
      return "\\C is not supported: write [\\x00-\\xff]";
    default:
      return nullptr;
  }
}

}  // namespace

ByteSet both_cases(ByteSet set) {
  for (std::size_t c = 'a'; c <= 'z'; ++c)
    if (set[c] || set[c - 32]) set.set(c).set(c - 32);
  return set;
}

void RegexReader::fail(std::size_t at, std::string why) {
  if (ok()) problem_ = {at, std::move(why)};
  at_ = text_.size();
}

bool RegexReader::take(std::string_view s) {
  if (!looking_at(s)) return false;
  at_ += s.size();
  return true;
}

std::string_view RegexReader::quoted() {
  const std::size_t begin = at_, end = text_.find("\\E", at_);
  at_ = end == text_.npos ? text_.size() : end + 2;
  return text_.substr(begin, end == text_.npos ? text_.npos : end - begin);
}

bool RegexReader::type_escape(ByteSet& set) {
  const char c = peek();
  if (at_end() || !std::strchr("dDwWsShHvVN", c)) return false;
  switch (c | 0x20) {
    case 'd':
      set = bytes_that([](int b) { return b >= '0' && b <= '9'; });
      break;
    case 'w':
      set = bytes_that(is_word);
      break;
    case 's':
      set = bytes_that(is_space);
      break;
    case 'h':
      set = bytes_that([](int b) { return b == '\t' || b == ' ' || b == 0xa0; });
      break;
    case 'v':
      set = bytes_that([](int b) { return (b >= '\n' && b <= '\r') || b == 0x85; });
      break;
    default:
      set = bytes_that([](int b) { return b == '\n'; });
  }
  if (c < 'a') set.flip();
  skip();
  return true;
}

std::uint8_t RegexReader::number(std::size_t begin, unsigned base, std::size_t max_digits) {
  unsigned value = 0;
  for (std::size_t n = 0; n < max_digits && !at_end() && digit_of(peek()) < static_cast<int>(base); ++n, skip())
    value = value * base + static_cast<unsigned>(digit_of(peek()));
  if (value > 255) fail(begin, "the value does not fit in a byte");
  return static_cast<std::uint8_t>(value);
}

// \x{…} and \o{…}, from the {.
std::uint8_t RegexReader::braced(std::size_t begin, unsigned base) {
  skip();
  const std::size_t digits = at_;
  while (peek() == '0' && digit_of(peek(1)) < static_cast<int>(base)) skip();
  const std::uint8_t value = number(begin, base, 4);
  if (ok() && (at_ == digits || !take("}")))
    fail(begin, base == 8 ? "\\o wants octal digits up to 377 in braces: \\o{101}"
                          : "\\x{ wants hexadecimal digits up to ff and a }");
  return value;
}

std::uint8_t RegexReader::byte_escape(bool in_class) {
  const std::size_t begin = at_ - 1;
  if (at_end()) return fail(begin, "\\ stands at the end"), 0;
  const char c = peek();
  static const char kLetters[] = "aefnrt", kValues[] = "\a\x1b\f\n\r\t";
  if (const char* known = std::strchr(kLetters, c); known && c) return skip(), kValues[known - kLetters];
  if (in_class && c == 'b') return skip(), '\b';
  if (c == '0' || (in_class && c >= '1' && c <= '7')) return number(begin, 8, 3);
  if (c >= '1' && c <= '9')
    return fail(begin, in_class ? "unknown escape in a class"
                                : "back references are not supported: an automaton has no memory of what a group "
                                  "matched"),
           0;
  skip();
  if (c == 'x') return peek() == '{' ? braced(begin, 16) : number(begin, 16, 2);
  if (c == 'o') return peek() == '{' ? braced(begin, 8) : (fail(begin, "\\o wants braces: \\o{101}"), 0);
  if (c == 'c') {
    const int letter = static_cast<unsigned char>(peek());
    if (letter <= 32 || letter >= 127) return fail(begin, "\\c wants a printable ASCII character behind it"), 0;
    return skip(), static_cast<std::uint8_t>(std::toupper(letter) ^ 0x40);
  }
  if (const char* why = refused_escape(c)) return fail(begin, why), 0;
  if (std::isalnum(static_cast<unsigned char>(c)) && static_cast<unsigned char>(c) < 128)
    fail(begin, std::string("unknown escape \\") + c);
  return static_cast<std::uint8_t>(c);
}

// [:name:], [.x.] and [=x=] by PCRE2's rule. `mark`: where the : . or = behind
// the [ stands. Returns where the second one is, or npos: not of this shape.
std::size_t RegexReader::posix_end(std::size_t mark) const {
  if (mark >= text_.size() || !std::strchr(":.=", text_[mark]) || !text_[mark]) return text_.npos;
  for (std::size_t k = mark + 1; k + 1 < text_.size(); ++k) {
    if (text_[k] == '\\' && (text_[k + 1] == ']' || text_[k + 1] == '\\'))
      ++k;
    else if (text_[k] == ']' || (text_[k] == '[' && text_[k + 1] == text_[mark]))
      break;
    else if (text_[k] == text_[mark] && text_[k + 1] == ']')
      return k;
  }
  return text_.npos;
}

// [:name:] inside a class.
bool RegexReader::posix_class(ByteSet& set) {
  const char kind = peek(1);
  const std::size_t end = peek() == '[' ? posix_end(at_ + 1) : text_.npos;
  if (end == text_.npos) return false;  // then [ is a plain byte
  std::string_view name = text_.substr(at_ + 2, end - at_ - 2);
  if (kind != ':') return fail(at_, "POSIX collating elements are not supported"), true;
  const bool negated = name.starts_with('^');
  if (negated) name.remove_prefix(1);
  for (const NamedClass& n : kNamed) {
    if (name != n.name) continue;
    set = bytes_that(n.has);
    if (negated) set.flip();
    at_ = end + 2;
    return true;
  }
  fail(at_, "unknown class [:" + std::string(name) + ":]");
  return true;
}

// One item of a class: a byte or a set. False: nothing (an empty \Q\E).
bool RegexReader::class_item(ByteSet& set, std::uint8_t& byte, bool& is_byte) {
  is_byte = false;
  if (posix_class(set)) return true;
  if (!take("\\")) {
    byte = static_cast<std::uint8_t>(peek());
    skip();
  } else {
    if (take("E")) return false;
    if (take("Q")) {
      for (char c : quoted()) set.set(static_cast<std::uint8_t>(c));
      return true;
    }
    if (peek() == 'N') return fail(at_ - 1, "\\N has no place in a class"), true;
    if (type_escape(set)) return true;
    byte = byte_escape(true);
  }
  is_byte = true;
  return true;
}

// The rest of LOW-HIGH, from the -.
void RegexReader::class_range(ByteSet& set, std::uint8_t low, bool low_is_byte, std::size_t begin) {
  const std::size_t dash = at_;
  skip();
  ByteSet other;
  std::uint8_t high = 0;
  bool high_is_byte = false;
  const bool taken = class_item(other, high, high_is_byte);
  if (!ok()) return;
  if (!taken || !low_is_byte || !high_is_byte)
    return fail(dash, "a range goes from one byte to another; write \\- for a plain -");
  if (high < low) return fail(begin, "the range is backwards");
  for (unsigned c = low; c <= high; ++c) set.set(c);
}

ByteSet RegexReader::bracket(bool nocase) {
  const std::size_t open = at_ - 1;
  if (posix_end(at_) != text_.npos) return fail(open, "POSIX classes stand inside a class: [[:digit:]]"), ByteSet();
  const bool negated = take("^");
  ByteSet set;
  for (bool first = true; ok(); first = false) {
    if (at_end()) return fail(open, "[ is not closed by ]"), set;
    if (peek() == ']' && !first) break;
    const std::size_t begin = at_;
    ByteSet item;
    std::uint8_t byte = 0;
    bool is_byte = false;
    if (!class_item(item, byte, is_byte)) continue;
    if (is_byte) item.set(byte);
    set |= item;
    if (ok() && peek() == '-' && !at_end() && at_ + 1 < text_.size() && peek(1) != ']')
      class_range(set, byte, is_byte, begin);
  }
  skip();
  if (nocase) set = both_cases(set);
  return negated ? ~set : set;
}

}  // namespace fulcrum::ids
