// SPDX-License-Identifier: MIT
// regex_list.cc - lines of an expression file.
#include "regex_list.h"

#include "fulcrum/text_file.h"

namespace fulcrum::ids {
namespace {

constexpr std::size_t kMaxErrors = 20;

bool set_flag(RegexFlags& flags, char c) {
  if (c == 'i') return flags.nocase = true;
  if (c == 'm') return flags.multiline = true;
  if (c == 's') return flags.dotall = true;
  return false;
}

}  // namespace

RegexLine parse_regex_line(std::string_view line) {
  RegexLine out;
  const auto fail = [&](std::size_t at, std::string why) {
    out.column = at + 1;
    out.error = std::move(why);
    return std::move(out);
  };
  std::size_t open = 0;
  while (open < line.size() && line[open] >= '0' && line[open] <= '9') ++open;
  if (open && open < line.size() && line[open] == ':')
    ++open;
  else
    open = 0;
  if (open >= line.size() || line[open] != '/') return fail(open, "wants /EXPRESSION/FLAGS or ID:/EXPRESSION/FLAGS");
  const std::size_t close = line.rfind('/');
  if (close == open) return fail(open, "the second / is missing");
  for (std::size_t k = close + 1; k < line.size(); ++k)
    if (!set_flag(out.regex.flags, line[k])) return fail(k, "unknown flag; known are i, m and s");
  const std::string_view text = line.substr(open + 1, close - open - 1);
  if (text.empty()) return fail(open, "expression is empty");
  if (text.size() > kMaxRegexBytes)
    return fail(open, "expression is longer than " + std::to_string(kMaxRegexBytes) + " bytes");
  if (const std::size_t nul = text.find('\0'); nul != text.npos)
    return fail(open + 1 + nul, "write a zero byte as \\x00");
  RegexParsed parsed = parse_regex(text, out.regex.flags);
  if (!parsed.problem.text.empty()) return fail(open + 1 + parsed.problem.at, std::move(parsed.problem.text));
  out.regex.text = text;
  out.regex.tree = std::move(parsed.tree);
  return out;
}

RegexList parse_regexes(std::string_view text, const std::string& name) {
  RegexList list;
  std::size_t errors = 0, number = 0;
  for_each_line(text, [&](std::string_view line) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line[0] == '#') return;
    RegexLine parsed = parse_regex_line(line);
    const std::string where = name + ":" + std::to_string(number);
    if (parsed.error.empty() && list.expressions.size() == kMaxRegexes) {
      parsed.column = 1;
      parsed.error = "more than " + std::to_string(kMaxRegexes) + " expressions";
    }
    if (parsed.error.empty()) {
      parsed.regex.where = where;
      list.expressions.push_back(std::move(parsed.regex));
    } else if (++errors <= kMaxErrors) {
      list.errors.push_back(where + ":" + std::to_string(parsed.column) + ": " + parsed.error);
    }
  });
  if (errors > kMaxErrors)
    list.errors.push_back(name + ": and " + std::to_string(errors - kMaxErrors) + " more errors");
  if (list.errors.empty() && list.expressions.empty()) list.errors.push_back(name + ": holds no expression");
  return list;
}

RegexList load_regexes(const std::string& path) {
  const auto text = read_text(path);
  if (!text) return {{}, {path + ": " + text.error().text}};
  return parse_regexes(*text, path);
}

}  // namespace fulcrum::ids
