// SPDX-License-Identifier: MIT
// rows_route.cc - the route plugin's kernels, for checks on a device.
#include "fulcrum/table.h"
#include "gpu_rows.h"
#include "plugins/route/kernel.h"
#include "plugins/route/lpm_build.h"

namespace fulcrum::gpu {
namespace {

constexpr unsigned kRoutes = 100'000;

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

const RowMaker kRows([](std::vector<Row>& rows, std::mt19937& random) {
  rows.push_back({"route_lookup", {route_link()}, {route_table(random)}, nullptr, nullptr, nullptr});
});

}  // namespace

ChainLink route_link() { return {&route::kLookupKernel}; }

const KernelTable& route_table(std::mt19937& random) {
  static const KernelTable table = make_routes(random);
  return table;
}

}  // namespace fulcrum::gpu
