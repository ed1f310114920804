// SPDX-License-Identifier: MIT
// regex_data_test.cc - published expressions and texts: kernel, Hyperscan and PCRE2
// give one answer, and what is refused is counted.
//
// $FULCRUM_DATA/regex: Hyperscan's collider cases, OWASP CRS, ANMLZoo Dotstar.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>

#include "fulcrum/text_file.h"
#include "regex_judges.h"
#include "regex_positions.h"

namespace fulcrum::ids {
namespace {

std::string data_folder() {
  const char* data = std::getenv("FULCRUM_DATA");
  return std::string(data ? data : "../shared/data") + "/regex/";
}

unsigned seed() {
  const char* given = std::getenv("FULCRUM_TEST_SEED");
  const unsigned seed = given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
  std::printf("# seed %u\n", seed);
  return seed;
}

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> out;
  if (const auto text = read_text(path)) for_each_line(*text, [&](std::string_view line) { out.emplace_back(line); });
  return out;
}

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(folder, gone)) out.push_back(entry.path().string());
  std::ranges::sort(out);
  return out;
}

#define SKIP_WITHOUT(path) \
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << (path) << " (set FULCRUM_DATA)"

// What became of expressions.
struct Tally {
  unsigned taken = 0, not_by_hyperscan = 0, texts = 0, matched = 0;
  std::map<std::string, unsigned> refused;  // by reason, numbers left out
  void refuse(std::string why) {
    std::erase_if(why, [](char c) { return c >= '0' && c <= '9'; });
    ++refused[why];
  }
  void print(const char* what) const {
    unsigned sum = 0;
    for (const auto& [why, count] : refused) sum += count;
    std::printf("# %s: %u taken (%u of them not by Hyperscan), %u refused; %u texts, %u matched\n", what, taken,
                not_by_hyperscan, sum, texts, matched);
    for (const auto& [why, count] : refused) std::printf("#   %u: %s\n", count, why.c_str());
  }
};

// One expression alone: all judges on `texts`.
void judge(Regex expression, const std::vector<std::string>& texts, Tally& tally) {
  const RegexTable table = build_regex({&expression, 1});
  if (!table.errors.empty()) return tally.refuse(table.errors[0].substr(expression.where.size() + 2));
  ++tally.taken;
  std::string why;
  const auto scanned = search_by_hyperscan({&expression, 1}, texts, why);
  tally.not_by_hyperscan += !scanned;
  const Pcre pcre(expression);
  EXPECT_TRUE(pcre.compiled()) << expression.where << " " << expression.text;
  if (!pcre.compiled()) return;
  const auto by_kernel = search_by_kernel(table, texts);
  for (std::size_t t = 0; t < texts.size(); ++t) {
    if (texts[t].empty()) continue;  // a payload of no bytes is not searched
    const std::optional<bool> want = pcre.matches(texts[t]);
    for (const KernelVariant& v : by_kernel) {
      if (want) {
        EXPECT_EQ(v.results[t], *want) << v.name << ", PCRE2: " << expression.where << " on \"" << texts[t] << "\"";
      }
      if (scanned) {
        EXPECT_EQ(v.results[t], (*scanned)[t])
            << v.name << ", Hyperscan: " << expression.where << " on \"" << texts[t] << "\"";
      }
    }
    ++tally.texts;
    tally.matched += want.value_or(false);
  }
}

// ID:/RE/FLAGS of Hyperscan's files; nothing: needs what only Hyperscan has (UTF-8, distances …).
std::optional<std::string> plain_line(const std::string& line) {
  const std::size_t close = line.rfind('/');
  if (line.empty() || line[0] == '#' || close == line.npos) return std::nullopt;
  std::string flags = line.substr(close + 1);
  flags.erase(std::ranges::find(flags, ' '), flags.end());
  if (flags.find_first_of("8WPCE{Q") != flags.npos) return std::nullopt;
  std::erase_if(flags, [](char c) { return c == 'O' || c == 'H' || c == 'V' || c == 'L'; });  // how matches are told
  return line.substr(0, close + 1) + flags;
}

// "te\x78t" behind ID=.
std::string corpus_text(std::string_view quoted) {
  std::string out;
  for (std::size_t k = 0; k < quoted.size(); ++k) {
    if (quoted[k] != '\\' || k + 1 == quoted.size()) {
      out += quoted[k];
      continue;
    }
    const char c = quoted[++k];
    if (c == 'x' && k + 2 < quoted.size()) {
      out += static_cast<char>(std::strtoul(std::string(quoted.substr(k + 1, 2)).c_str(), nullptr, 16));
      k += 2;
    } else {
      out += c == 'n'   ? '\n'
             : c == 't' ? '\t'
             : c == 'r' ? '\r'
             : c == 'f' ? '\f'
             : c == 'a' ? '\a'
             : c == 'e' ? '\x1b'
                        : c;
    }
  }
  return out;
}

std::map<std::string, std::vector<std::string>> corpora(const std::string& folder) {
  std::map<std::string, std::vector<std::string>> out;
  for (const std::string& file : files_in(folder))
    for (const std::string& line : lines_of(file)) {
      const std::size_t open = line.find("=\""), close = line.rfind('"');
      if (open != line.npos && close > open + 1)
        out[line.substr(0, open)].push_back(corpus_text(std::string_view(line).substr(open + 2, close - open - 2)));
    }
  return out;
}

TEST(RegexData, HyperscanCases) {
  const std::string folder = data_folder() + "hyperscan/";
  SKIP_WITHOUT(folder);
  const auto texts = corpora(folder + "corpora");
  Tally tally;
  for (const std::string& file : files_in(folder + "pcre"))
    for (const std::string& line : lines_of(file)) {
      const auto plain = plain_line(line);
      if (!plain) continue;
      RegexLine parsed = parse_regex_line(*plain);
      if (!parsed.error.empty()) {
        tally.refuse(parsed.error);
        continue;
      }
      parsed.regex.where = line;
      const auto own = texts.find(line.substr(0, line.find(':')));
      judge(std::move(parsed.regex), own == texts.end() ? std::vector<std::string>{"a"} : own->second, tally);
    }
  tally.print("hyperscan/pcre");
  EXPECT_GT(tally.taken, 1000u);
}

// Each is refused, or is an expression that PCRE2 takes as well.
TEST(RegexData, BadExpressions) {
  const std::string path = data_folder() + "hyperscan/bad_patterns.txt";
  SKIP_WITHOUT(path);
  Tally tally;
  for (const std::string& whole : lines_of(path)) {
    const std::size_t comment = whole.rfind(" #");
    const std::string line = whole.substr(0, comment);
    const auto plain = plain_line(line);
    for (const std::string& shape : {plain.value_or(""), line.substr(0, line.rfind('/') + 1)}) {
      RegexLine parsed = parse_regex_line(shape);
      parsed.regex.where = line;
      if (parsed.error.empty())
        judge(std::move(parsed.regex), {"foobar 141 ", "\n", "a\nb"}, tally);
      else
        tally.refuse(parsed.error);
    }
  }
  tally.print("hyperscan/bad_patterns.txt");
  EXPECT_FALSE(tally.refused.empty());
}

TEST(RegexData, CoreRuleSet) {
  const std::string folder = data_folder() + "crs/";
  SKIP_WITHOUT(folder);
  std::vector<std::string> texts{"GET / HTTP/1.1", "/etc/passwd", "<script>alert(1)</script>", "1' or '1'='1\n"};
  for (const std::string& file : files_in(folder + "data")) {
    const auto lines = lines_of(file);
    for (std::size_t k = 0; k < lines.size(); k += 40) texts.push_back("x=" + lines[k] + "(;`");
  }
  std::mt19937 random(seed());
  Tally tally;
  for (const std::string& line : lines_of(folder + "rx.tsv")) {
    const std::string text = line.substr(line.rfind('\t') + 1);
    if (text == "regex" && line.starts_with("rule_id")) continue;
    RegexLine parsed = parse_regex_line("/" + text + "/s");
    parsed.regex.where = line.substr(0, line.find('\t'));
    if (!parsed.error.empty()) {
      tally.refuse(parsed.error);
      continue;
    }
    std::vector<std::string> own = texts;
    for (int k = 0; k < 12; ++k) own.push_back("x " + sample_text(parsed.regex.tree, random));
    judge(std::move(parsed.regex), own, tally);
  }
  tally.print("crs/rx.tsv");
  EXPECT_GT(tally.taken, 200u);
}

std::vector<Regex> dotstar_expressions(const std::string& path, std::size_t most) {
  std::vector<Regex> out;
  std::string before;
  for (const std::string& line : lines_of(path)) {
    // Every fourth gets a .* inside, which is what makes automata large.
    RegexLine parsed = parse_regex_line("/" + (out.size() % 4 ? line : before + ".*" + line) + "/s");
    before = line;
    if (!parsed.error.empty() || !make_positions(parsed.regex.tree).problem.empty()) continue;
    parsed.regex.where = "dotstar " + std::to_string(out.size());
    out.push_back(std::move(parsed.regex));
    if (out.size() == most) break;
  }
  return out;
}

// Hundreds at once, over a trace with matches strewn in.
TEST(RegexData, Dotstar) {
  const std::string folder = data_folder() + "dotstar/";
  SKIP_WITHOUT(folder);
  const std::vector<Regex> expressions = dotstar_expressions(folder + "backdoor_dotstar.1chip.regex", 300);
  const auto trace = read_text(folder + "backdoor_1MB.input");
  ASSERT_TRUE(trace);
  std::mt19937 random(seed());
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < 400'000; at += 1400) {
    texts.push_back(trace->substr(at, 1400));
    if (texts.size() % 3 == 0)
      texts.back().insert(random() % 1400, sample_text(expressions[random() % expressions.size()].tree, random));
  }
  const auto start = std::chrono::steady_clock::now();
  const RegexTable table = build_regex(expressions);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  ASSERT_TRUE(table.errors.empty()) << table.errors[0];
  std::printf("# %zu expressions in %u deterministic and %u bit automata, %.1f MiB, built in %.1f s\n",
              expressions.size(), table.dfas, table.nfas, static_cast<double>(table.bytes) / (1 << 20), took.count());
  std::string why;
  const auto scanned = search_by_hyperscan(expressions, texts, why);
  ASSERT_TRUE(scanned) << why;
  EXPECT_GT(std::ranges::count_if(*scanned, [](std::uint32_t r) { return r != 0; }), 10);
  for (const KernelVariant& v : search_by_kernel(table, texts)) EXPECT_EQ(v.results, *scanned) << v.name;
}

}  // namespace
}  // namespace fulcrum::ids
