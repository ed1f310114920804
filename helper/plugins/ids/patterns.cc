// SPDX-License-Identifier: MIT
// patterns.cc - lines of a pattern file.
#include "patterns.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "fulcrum/text_file.h"

namespace fulcrum::ids {
namespace {

constexpr std::size_t kMaxErrors = 20;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int lower = std::tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The bytes between two |; false: not pairs of hex digits.
bool append_hex(std::string_view hex, std::string& out) {
  int high = -1;
  for (char c : hex) {
    if (c == ' ' || c == '\t') {
      if (high >= 0) return false;
      continue;
    }
    const int digit = hex_digit(c);
    if (digit < 0) return false;
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<char>(high << 4 | digit));
      high = -1;
    }
  }
  return high < 0;
}

// Empty text: fine; else what is wrong.
std::string parse_content(std::string_view content, std::string& out) {
  for (std::size_t at = 0; at < content.size(); ++at) {
    const char c = content[at];
    if (c == '\\' && at + 1 < content.size() && std::strchr("\\\";:|", content[at + 1])) {
      out.push_back(content[++at]);
    } else if (c == '|') {
      const std::size_t end = content.find('|', at + 1);
      if (end == content.npos) return "a | opens hex bytes that no | closes; a plain one is written \\|";
      if (!append_hex(content.substr(at + 1, end - at - 1), out))
        return "between | and | go pairs of hex digits: |0d 0a|";
      at = end;
    } else {
      out.push_back(c);
    }
  }
  return {};
}

std::vector<std::string_view> columns_of(std::string_view line) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t tab = line.find('\t');
    out.push_back(line.substr(0, tab));
    if (tab == line.npos) return out;
    line.remove_prefix(tab + 1);
  }
}

class PatternParser {
 public:
  explicit PatternParser(const std::string& name) : name_(name) {}

  void line(std::string_view text) {
    ++line_;
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (line_ == 1 && read_column_names(text)) return;
    if (text.empty() || text[0] == '#') return;
    if (names_.empty()) return add(text, false);
    const auto columns = columns_of(text);
    if (columns.size() != names_.size())
      return fail("has " + std::to_string(columns.size()) + " columns, the first line " +
                  std::to_string(names_.size()));
    if (flag(columns, "negated", false) || !flag(columns, "enabled", true)) return;
    add(value(columns, "content"), flag(columns, "nocase", false));
  }

  PatternList finish() {
    if (errors_ > kMaxErrors)
      list_.errors.push_back(name_ + ": and " + std::to_string(errors_ - kMaxErrors) + " more errors");
    if (list_.errors.empty() && list_.patterns.empty()) list_.errors.push_back(name_ + ": holds no pattern");
    return std::move(list_);
  }

 private:
  bool read_column_names(std::string_view text) {
    const auto columns = columns_of(text);
    if (columns.size() < 2 || std::ranges::find(columns, "content") == columns.end()) return false;
    names_.assign(columns.begin(), columns.end());
    return true;
  }

  std::string_view value(const std::vector<std::string_view>& columns, const char* name) const {
    const auto at = std::ranges::find(names_, name);
    return at == names_.end() ? std::string_view() : columns[static_cast<std::size_t>(at - names_.begin())];
  }

  bool flag(const std::vector<std::string_view>& columns, const char* name, bool otherwise) const {
    const std::string_view v = value(columns, name);
    return v.empty() ? otherwise : v != "0";
  }

  void add(std::string_view content, bool nocase) {
    Pattern p{{}, nocase};
    if (const std::string wrong = parse_content(content, p.bytes); !wrong.empty()) return fail(wrong);
    if (p.bytes.empty()) return fail("pattern is empty");
    if (p.bytes.size() > kMaxPatternBytes)
      return fail("pattern is longer than " + std::to_string(kMaxPatternBytes) + " bytes");
    if (list_.patterns.size() == kMaxPatterns) return fail("more than " + std::to_string(kMaxPatterns) + " patterns");
    if (seen_.emplace(p.bytes, nocase).second) list_.patterns.push_back(std::move(p));
  }

  void fail(const std::string& what) {
    if (++errors_ <= kMaxErrors) list_.errors.push_back(name_ + ":" + std::to_string(line_) + ": " + what);
  }

  const std::string& name_;
  int line_ = 0;
  std::size_t errors_ = 0;
  std::vector<std::string> names_;  // columns; empty: plain file
  std::set<std::pair<std::string, bool>> seen_;
  PatternList list_;
};

}  // namespace

PatternList parse_patterns(std::string_view text, const std::string& name) {
  PatternParser parser(name);
  for_each_line(text, [&](std::string_view line) { parser.line(line); });
  return parser.finish();
}

PatternList load_patterns(const std::string& path) {
  const auto text = read_text(path);
  return text ? parse_patterns(*text, path) : PatternList{{}, {path + ": " + text.error().text}};
}

}  // namespace fulcrum::ids
