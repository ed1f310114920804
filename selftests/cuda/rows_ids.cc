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

// Letters, so that patterns begin often and end at times.
void put_letters(std::uint8_t* ip, std::uint32_t ip_bytes, std::mt19937& random) {
  const std::uint32_t headers = ip[0] >> 4 == 4 ? 28 : 48;
  for (std::uint32_t i = headers; i < ip_bytes; ++i) ip[i] = static_cast<std::uint8_t>("abcdefghABCD"[random() % 12]);
}

const RowMaker kRows([](std::vector<Row>& rows, std::mt19937& random) {
  const auto patterns = make_patterns(random);
  const KernelTable match = table_of(ids::build_match(patterns), 2);
  auto plant = [patterns](std::uint8_t* ip, std::uint32_t ip_bytes, std::mt19937& r) {
    put_letters(ip, ip_bytes, r);
    const std::string& text = patterns[r() % patterns.size()].bytes;
    if (r() % 4 == 0 && ip_bytes > 48 + text.size())
      std::memcpy(ip + ip_bytes - text.size() - r() % (ip_bytes - 47 - text.size()), text.data(), text.size());
  };
  rows.push_back({"payload_match", {{&ids::kMatchKernel}}, {match}, plant, nullptr});
  rows.push_back({"route_lookup, payload_match",
                  {route_link(), {&ids::kMatchKernel, Condition::kIfNonZero}},
                  {route_table(random), match},
                  plant,
                  nullptr});
});

}  // namespace
}  // namespace fulcrum::gpu
