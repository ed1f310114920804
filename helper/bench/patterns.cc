// SPDX-License-Identifier: MIT
// patterns.cc - a table of rule contents, or nothing -> a pattern file for PayloadMatch, and its words.
#include "bench/patterns.h"

#include <random>

#include "fulcrum/text_file.h"

namespace fulcrum {
namespace {

struct Row {
  std::string sid, content;
  bool nocase = false;
};

std::vector<std::string> cells(std::string_view line) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t tab = line.find('\t');
    out.emplace_back(line.substr(0, tab));
    if (tab == line.npos) return out;
    line.remove_prefix(tab + 1);
  }
}

// Column numbers by name; rows that are not whole are left out.
Result<std::vector<Row>> longest_of_each_rule(const std::string& table) {
  auto text = read_text(table);
  if (!text) return Error{"bench: " + table + ": " + text.error().text};
  std::vector<std::string> head;
  std::vector<Row> rows;
  for_each_line(*text, [&](std::string_view line) {
    const std::vector<std::string> cell = cells(line);
    if (head.empty()) {
      head = cell;
      return;
    }
    if (cell.size() != head.size()) return;
    Row row;
    bool wanted = true;
    for (std::size_t i = 0; i < cell.size(); ++i) {
      if (head[i] == "sid") row.sid = cell[i];
      if (head[i] == "content") row.content = cell[i];
      if (head[i] == "nocase") row.nocase = cell[i] == "1";
      if (head[i] == "negated") wanted = wanted && cell[i] != "1";
    }
    if (!wanted || row.sid.empty() || row.content.empty()) return;
    if (rows.empty() || rows.back().sid != row.sid)
      rows.push_back(std::move(row));
    else if (row.content.size() > rows.back().content.size())
      rows.back() = std::move(row);
  });
  if (rows.size() < PatternFile::kPatterns)
    return Error{"bench: " + table + ": " + std::to_string(rows.size()) +
                 " rules: needs columns sid and content, and " + std::to_string(PatternFile::kPatterns) + " rules"};
  return rows;
}

std::vector<Row> made_up() {
  static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_-./";
  std::mt19937_64 random(20000);
  std::vector<Row> rows(PatternFile::kPatterns);
  for (Row& row : rows)
    for (std::size_t n = 8 + random() % 13; n; --n) row.content += kLetters[random() % kLetters.size()];
  return rows;
}

bool is_plain(const std::string& content) {
  return content.size() >= 6 && content.find_first_of("|\\") == content.npos;
}

}  // namespace

Result<PatternFile> PatternFile::make(const std::string& table) {
  std::vector<Row> rows = made_up();
  if (!table.empty()) {
    auto read = longest_of_each_rule(table);
    if (!read) return read.error();
    rows = std::move(*read);
  }
  std::string text = "nocase\tcontent\n";
  std::vector<std::string> words;
  for (unsigned i = 0; i < kPatterns; ++i) {
    const Row& row = rows[std::size_t{i} * rows.size() / kPatterns];
    text += (row.nocase ? "1\t" : "0\t") + row.content + "\n";
    if (is_plain(row.content)) words.push_back(row.content);
  }
  auto file = TempFile::make(text);
  if (!file) return file.error();
  return PatternFile(std::move(*file), std::move(words));
}

}  // namespace fulcrum
