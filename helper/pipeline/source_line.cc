// SPDX-License-Identifier: MIT
// source_line.cc - a line of a source file and a column -> what a terminal shows, with a caret.
#include "pipeline/source_line.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace fulcrum {
namespace {

constexpr std::size_t kShownBytes = 400;   // of a line
constexpr std::size_t kBeforeBytes = 200;  // of those, in front of the caret

struct Character {
  std::size_t bytes = 1;
  char32_t code = 0;
  bool good = false;
};

// The character at the start of `text`, which is not empty. RFC 3629.
Character decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {1, first, first >= 0x20 && first != 0x7f};
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return {};
  char32_t code = first & (0x7fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  const bool shortest = code >= (bytes == 2 ? 0x80u : bytes == 3 ? 0x800u : 0x10000u);
  const bool control = code < 0xa0;  // C1
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  const bool turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);  // of direction
  if (!shortest || control || surrogate || turns || code > 0x10ffff) return {};
  return {bytes, code, true};
}

struct Range {
  char32_t first, last;
};

// What takes two places (Unicode's East Asian Wide, without unassigned gaps) or none.
constexpr Range kWide[] = {{0x1100, 0x115f},  {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97c},
                           {0xac00, 0xd7a3},  {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
                           {0xffe0, 0xffe6},  {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff},
                           {0x20000, 0x3fffd}};
constexpr Range kZero[] = {{0x300, 0x36f}, {0x1ab0, 0x1aff}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}};

std::size_t places(char32_t code) {
  const auto in = [&](const Range& r) { return code >= r.first && code <= r.last; };
  if (std::any_of(std::begin(kZero), std::end(kZero), in)) return 0;
  return std::any_of(std::begin(kWide), std::end(kWide), in) ? 2 : 1;
}

// Start of the character that byte `at` is in.
std::size_t character_start(std::string_view line, std::size_t at) {
  for (int i = 0; i < 3 && at > 0 && at < line.size() && (static_cast<unsigned char>(line[at]) & 0xc0) == 0x80; ++i)
    --at;
  return at;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character c = decode(text);
    out += c.good ? std::string(text.substr(0, c.bytes)) : "?";
    text.remove_prefix(c.bytes);
  }
  return out;
}

std::string line_with_caret(std::string_view line, int column) {
  const std::size_t caret = std::min(column > 0 ? static_cast<std::size_t>(column - 1) : 0, line.size());
  const std::size_t from =
      caret > kBeforeBytes && line.size() > kShownBytes ? character_start(line, caret - kBeforeBytes) : 0;
  const std::size_t to = character_start(line, std::min(line.size(), from + kShownBytes));
  std::string shown = from ? "…" : "", indent = from ? " " : "";
  for (std::size_t at = from; at < to;) {
    const Character c = line[at] == '\t' ? Character{1, '\t', true} : decode(line.substr(at, to - at));
    shown += c.good ? std::string(line.substr(at, c.bytes)) : "?";
    if (at < caret) indent += line[at] == '\t' ? "\t" : std::string(c.good ? places(c.code) : 1, ' ');
    at += c.bytes;
  }
  if (to < line.size()) shown += "…";
  return "  " + shown + "\n  " + indent + "^\n";
}

}  // namespace fulcrum
