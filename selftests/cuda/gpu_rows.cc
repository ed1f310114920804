// SPDX-License-Identifier: MIT
// gpu_rows.cc - a row a kernel: its table and what its packets look like, for checks on a device.
#include "gpu_rows.h"

#include <cstring>
#include <memory>

#include "fulcrum/table.h"
#include "plugins/ids/kernel.h"
#include "plugins/ids/match_build.h"
#include "plugins/route/kernel.h"
#include "plugins/route/lpm_build.h"

namespace fulcrum::gpu {
namespace {

constexpr unsigned kRoutes = 100'000;
constexpr unsigned kPatterns = 2000;

template <class Table>
KernelTable table_of(Table built, std::uint64_t identity) {
  auto owner = std::make_shared<Table>(std::move(built));
  return {owner, owner->data(), owner->bytes(), 1, identity};
}

// Random prefixes of the lengths that the Internet has.
KernelTable make_routes(std::mt19937& random) {
  std::vector<RouteEntry> routes(kRoutes);
  for (unsigned i = 0; i < kRoutes; ++i) {
    RoutePrefix& p = routes[i].prefix;
    p.v6 = i % 4 == 0;
    p.length = static_cast<std::uint8_t>(p.v6 ? 19 + random() % 46 : 8 + random() % 25);
    for (unsigned bit = 0; bit < p.length; bit += 8) p.addr[bit / 8] = static_cast<std::uint8_t>(random());
    if (p.length % 8) p.addr[p.length / 8] &= static_cast<std::uint8_t>(0xff00 >> p.length % 8);
    if (p.v6) p.addr[0] = 0x20 | (p.addr[0] & 1);
    routes[i].next_hop = 1 + static_cast<std::uint32_t>(random() % 200);
  }
  return table_of(route::build_lpm(routes, 1), 1);
}

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

}  // namespace

std::vector<Row> make_rows(std::mt19937& random) {
  const KernelTable routes = make_routes(random);
  const auto patterns = make_patterns(random);
  const KernelTable match = table_of(ids::build_match(patterns), 2);
  auto plant = [patterns](std::uint8_t* ip, std::uint32_t ip_bytes, std::mt19937& r) {
    put_letters(ip, ip_bytes, r);
    const std::string& text = patterns[r() % patterns.size()].bytes;
    if (r() % 4 == 0 && ip_bytes > 48 + text.size())
      std::memcpy(ip + ip_bytes - text.size() - r() % (ip_bytes - 47 - text.size()), text.data(), text.size());
  };
  std::vector<Row> rows(3);
  rows[0] = {"route_lookup", {{&route::kLookupKernel}}, {routes}, nullptr, nullptr};
  rows[1] = {"payload_match", {{&ids::kMatchKernel}}, {match}, plant, nullptr};
  rows[2] = {"route_lookup, payload_match",
             {{&route::kLookupKernel}, {&ids::kMatchKernel, Condition::kIfNonZero}},
             {routes, match},
             plant,
             nullptr};
  return rows;
}

}  // namespace fulcrum::gpu
