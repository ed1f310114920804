// SPDX-License-Identifier: MIT
// regex_judges_test.cc - kernel variants, Hyperscan and PCRE2 behind one face.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "regex_judges.h"

#include <pcre2.h>

#include <algorithm>
#include <cstdio>

#include "base/cpu.h"
#include "regex_kernel.h"
#include "scanner.h"

namespace fulcrum::ids {
namespace {

struct Variant {
  const char* name;
  Isa isa;
  KernelFn run;
};
const Variant kVariants[] = {{"v2", Isa::kV2, regex_match_v2},
                             {"v3", Isa::kV3, regex_match_v3},
                             {"knl", Isa::kKnl, regex_match_knl},
                             {"v4", Isa::kV4, regex_match_v4}};

void append_sample(const RegexTree& tree, std::uint32_t node, std::mt19937& random, std::string& out) {
  const RegexNode& n = tree.nodes[node];
  if (n.kind == RegexKind::kBytes && n.bytes.any()) {
    std::size_t byte = random() % 256;
    while (!n.bytes[byte]) byte = (byte + 1) % 256;
    out += static_cast<char>(byte);
  } else if (n.kind == RegexKind::kConcat) {
    for (std::uint32_t kid : n.kids) append_sample(tree, kid, random, out);
  } else if (n.kind == RegexKind::kAlternate) {
    append_sample(tree, n.kids[random() % n.kids.size()], random, out);
  } else if (n.kind == RegexKind::kRepeat) {
    const std::uint32_t times = n.min + static_cast<std::uint32_t>(random() % (std::min(n.max - n.min, 3u) + 1));
    for (std::uint32_t k = 0; k < times && out.size() < 10000; ++k) append_sample(tree, n.kids[0], random, out);
  }
}

constexpr std::uint32_t kRecord = 8;  // bytes of a range record; an out record takes one as well

}  // namespace

std::vector<KernelVariant> search_by_kernel(const RegexTable& table, std::span<const std::string> texts) {
  const auto count = static_cast<std::uint32_t>(texts.size());
  std::string bytes;
  std::vector<std::uint32_t> image(std::size_t{count} * 4, 0xdeadbeef);  // ranges, then out records
  for (std::uint32_t k = 0; k < count; ++k) {
    image[2 * k] = static_cast<std::uint32_t>(bytes.size());
    image[2 * k + 1] = static_cast<std::uint32_t>(texts[k].size());
    bytes += texts[k];
  }
  fu_task task{};
  task.stage.source = FU_READ_FRAMES;
  task.stage.out_off = count * kRecord;
  task.stage.out_stride = kRecord;
  task.frames = reinterpret_cast<const fu_u8*>(bytes.data());
  task.image = reinterpret_cast<fu_u8*>(image.data());
  task.table = static_cast<const fu_u8*>(table.block.get());
  std::vector<KernelVariant> out;
  for (const Variant& v : kVariants) {
    if (!isa_supported(v.isa)) {
      std::printf("# kernel variant %s: this CPU lacks it, not run\n", v.name);
      continue;
    }
    v.run(task, 0, count);
    RegexResults& results = out.emplace_back(v.name).results;
    for (std::uint32_t k = 0; k < count; ++k) results.push_back(image[2 * (count + k)]);
    std::fill(image.begin() + 2 * count, image.end(), 0xdeadbeef);
  }
  return out;
}

std::optional<RegexResults> search_by_hyperscan(std::span<const Regex> expressions, std::span<const std::string> texts,
                                                std::string& why) {
  auto database = ScanDatabase::compile_regex(expressions);
  if (!database) return why = database.error().text, std::nullopt;
  auto scanner = Scanner::open(*database);
  if (!scanner) return why = scanner.error().text, std::nullopt;
  RegexResults out;
  for (const std::string& t : texts)
    out.push_back(
        scanner->lowest(reinterpret_cast<const std::uint8_t*>(t.data()), static_cast<std::uint32_t>(t.size())));
  return out;
}

std::string sample_text(const RegexTree& tree, std::mt19937& random) {
  std::string out;
  append_sample(tree, tree.root, random, out);
  return out;
}

Pcre::Pcre(const Regex& expression) {
  const std::uint32_t options = (expression.flags.nocase ? PCRE2_CASELESS : 0u) |
                                (expression.flags.multiline ? PCRE2_MULTILINE : 0u) |
                                (expression.flags.dotall ? PCRE2_DOTALL : 0u);
  int error = 0;
  PCRE2_SIZE at = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.text.data()), expression.text.size(),
                                   options, &error, &at, nullptr);
  if (!code) return;
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // slower without, not wrong
  code_ = code;
  match_ = pcre2_match_data_create_from_pattern(code, nullptr);
}

Pcre::~Pcre() {
  pcre2_match_data_free(static_cast<pcre2_match_data*>(match_));
  pcre2_code_free(static_cast<pcre2_code*>(code_));
}

std::optional<bool> Pcre::matches(const std::string& text) const {
  const int rc = pcre2_match(static_cast<pcre2_code*>(code_), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0,
                             0, static_cast<pcre2_match_data*>(match_), nullptr);
  if (rc >= 0) return true;
  if (rc == PCRE2_ERROR_NOMATCH) return false;
  return std::nullopt;
}

}  // namespace fulcrum::ids
