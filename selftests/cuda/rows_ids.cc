// SPDX-License-Identifier: MIT
// rows_ids.cc - the ids plugin's pattern kernels, for checks on a device.
#include <cstring>

#include "gpu_rows.h"
#include "plugins/ids/kernel.h"
#include "plugins/ids/match_build.h"

namespace fulcrum::gpu {
namespace {

constexpr unsigned kPatterns = 2000;

std::vector<ids::Pattern> make_patterns(std::mt19937& random) {
  std::vector<ids::Pattern> patterns(kPatterns);
  for (ids::Pattern& p : patterns) {
    p.nocase = random() % 3 == 0;
    const unsigned length = 3 + random() % 20;
    for (unsigned i = 0; i < length; ++i) p.bytes += static_cast<char>('a' + random() % 8);
  }
  return patterns;
}

struct Patterns {
  explicit Patterns(std::mt19937& random) : list(make_patterns(random)), table(table_of(ids::build_match(list), 2)) {}
  std::vector<ids::Pattern> list;
  KernelTable table;
};
const Patterns& patterns(std::mt19937& random) {
  static const Patterns made(random);
  return made;
}

const RowMaker kRows([](std::vector<Row>& rows, std::mt19937& random) {
  const KernelTable& match = pattern_table(random);
  rows.push_back({"payload_match", {{&ids::kMatchKernel}}, {match}, plant_pattern, nullptr, nullptr});
  rows.push_back({"route_lookup, payload_match",
                  {route_link(), {&ids::kMatchKernel, Condition::kIfNonZero}},
                  {route_table(random), match},
                  plant_pattern,
                  nullptr,
                  nullptr});
});

}  // namespace

const KernelTable& pattern_table(std::mt19937& random) { return patterns(random).table; }

// Letters, so that patterns begin often; in some a whole one.
void plant_pattern(std::uint8_t* ip, std::uint32_t ip_bytes, std::mt19937& random) {
  const std::uint32_t headers = ip[0] >> 4 == 4 ? 28 : 48;
  for (std::uint32_t i = headers; i < ip_bytes; ++i) ip[i] = static_cast<std::uint8_t>("abcdefghABCD"[random() % 12]);
  const std::string& text = patterns(random).list[random() % kPatterns].bytes;
  if (random() % 4 == 0 && ip_bytes > 48 + text.size())
    std::memcpy(ip + ip_bytes - text.size() - random() % (ip_bytes - 47 - text.size()), text.data(), text.size());
}

}  // namespace fulcrum::gpu
