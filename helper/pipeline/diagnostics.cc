// SPDX-License-Identifier: MIT
// diagnostics.cc - errors of one configuration file -> text with line, caret and choices.
#include "pipeline/diagnostics.h"

#include <algorithm>
#include <cctype>
#include <tuple>

#include "pipeline/source_line.h"

namespace fulcrum {
namespace {

constexpr std::size_t kMaxShown = 100;  // a hostile file must not fill the terminal

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// Levenshtein distance, letters of either case alike.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t up = row[j];
      std::size_t replace = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      row[j] = std::min({row[j - 1] + 1, up + 1, replace});
      diagonal = up;
    }
  }
  return row[b.size()];
}

}  // namespace

void Diagnostics::set_source(std::string file_name, std::string source) {
  file_name_ = std::move(file_name);
  source_ = std::move(source);
}

void Diagnostics::error(SourcePos pos, std::string text, std::vector<std::string> choices, std::vector<Note> notes) {
  add({pos, std::move(text), std::move(choices), std::move(notes), false});
}

void Diagnostics::warning(SourcePos pos, std::string text, std::vector<Note> notes) {
  add({pos, std::move(text), {}, std::move(notes), true});
}

void Diagnostics::add(Diagnostic d) {
  const bool full = all_.size() >= kMaxShown;
  // An error is never hidden behind warnings: ok() has to tell.
  if (full && (d.is_warning || errors_ >= kMaxShown)) return;
  for (const Diagnostic& known : all_)
    if (known.pos.line == d.pos.line && known.pos.column == d.pos.column && known.text == d.text) return;
  errors_ += !d.is_warning;
  all_.push_back(std::move(d));
}

std::string_view Diagnostics::line(int number) const {
  std::string_view rest = source_;
  for (int i = 1; i < number; ++i) {
    std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  std::string_view line = rest.substr(0, rest.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string Diagnostics::format(const Diagnostic& d) const {
  std::string out = file_name_;
  if (d.pos.line > 0) out += ":" + std::to_string(d.pos.line) + ":" + std::to_string(d.pos.column);
  out += std::string(d.is_warning ? ": warning: " : ": error: ") + printable(d.text) + "\n";
  if (d.pos.line > 0) out += line_with_caret(line(d.pos.line), d.pos.column);
  if (!d.choices.empty()) {
    out += "  valid: ";
    for (std::size_t i = 0; i < d.choices.size(); ++i) out += (i ? ", " : "") + printable(d.choices[i]);
    out += "\n";
  }
  for (const Note& n : d.notes)
    out += "  " + printable(n.text) + " at line " + std::to_string(n.pos.line) + " column " +
           std::to_string(n.pos.column) + "\n";
  return out;
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> all = all_;
  std::stable_sort(all.begin(), all.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.pos.line, a.pos.column) < std::tie(b.pos.line, b.pos.column);
  });
  return all;
}

std::string Diagnostics::text() const {
  std::string out;
  for (const Diagnostic& d : sorted()) out += format(d);
  if (errors_ == kMaxShown)
    out += file_name_ + ": error: more than " + std::to_string(kMaxShown) + " errors, the rest is not shown\n";
  return out;
}

std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& known, std::size_t limit) {
  std::vector<std::pair<std::size_t, std::string>> near;
  const std::size_t allowed = std::max<std::size_t>(2, word.size() / 3);
  for (const std::string& name : known) {
    if (word.size() > 64) break;
    std::size_t d = distance(word, name);
    if (d <= allowed) near.emplace_back(d, name);
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> names;
  for (auto& [d, name] : near)
    if (names.size() < limit) names.push_back(std::move(name));
  return names;
}

}  // namespace fulcrum
