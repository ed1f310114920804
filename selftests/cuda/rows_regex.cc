// SPDX-License-Identifier: MIT
// rows_regex.cc - the ids plugin's expression kernel, for checks on a device.
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "gpu_rows.h"
#include "plugins/ids/regex_build.h"
#include "plugins/ids/regex_kernel.h"
#include "plugins/ids/regex_list.h"

namespace fulcrum::gpu {
namespace {

// Of both kinds of automaton: small deterministic ones, and counts that are only sets of bits.
constexpr const char* kExpressions =
    "/^abc/\n/ab+c?d/i\n/(abc|bcd|cde)[a-d]{2,5}e/\n/[^a]bca$/\n/a.{30,90}hh/s\n/gh(a|b).{0,40}gh[c-f]+a/s\n";

KernelTable make_table() {
  const ids::RegexList list = ids::parse_regexes(kExpressions, "expressions");
  auto built = std::make_shared<ids::RegexTable>(ids::build_regex(list.expressions));
  for (const std::vector<std::string>* errors : {&list.errors, &std::as_const(built->errors)})
    if (!errors->empty()) {
      std::fprintf(stderr, "rows_regex.cc: %s\n", errors->front().c_str());
      std::exit(1);
    }
  return {built, built->block.get(), built->bytes, 1, 3};
}

const RowMaker kRows([](std::vector<Row>& rows, std::mt19937&) {
  rows.push_back({"regex_match", {{&ids::kRegexKernel}}, {make_table()}, plant_pattern, nullptr, nullptr});
});

}  // namespace
}  // namespace fulcrum::gpu
