// SPDX-License-Identifier: MIT
// lpm_test.cc - the flat table against a plain longest-prefix search, on every
// instruction set this CPU has.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <string>

#include "device/testing.h"
#include "fulcrum/isa.h"
#include "kernel.h"
#include "lpm_build.h"

namespace fulcrum::route {
namespace {

struct Variant {
  const char* name;
  KernelFn run;
  bool supported;
};

std::vector<Variant> variants() {
  const CpuCode& c = kLookupKernel.cpu;
  return {{"v2", c.v2, true},
          {"v3", c.v3, isa_supported(Isa::kV3)},
          {"v4", c.v4, isa_supported(Isa::kV4)},
          {"knl", c.knl, isa_supported(Isa::kKnl)}};
}

using Address = std::array<std::uint8_t, 16>;

// Longest prefix by trying each length in turn.
class Naive {
 public:
  explicit Naive(const std::vector<RouteEntry>& routes) {
    for (const RouteEntry& r : routes) {
      Address a;
      std::memcpy(a.data(), r.prefix.addr, 16);
      by_length_[r.prefix.v6][r.prefix.length][masked(a, r.prefix.length)] = r.next_hop;
    }
  }
  std::uint32_t find(const Address& a, bool v6) const {
    for (auto at = by_length_[v6].rbegin(); at != by_length_[v6].rend(); ++at)
      if (auto hit = at->second.find(masked(a, at->first)); hit != at->second.end()) return hit->second;
    return 0;
  }

 private:
  static Address masked(Address a, unsigned length) {
    for (unsigned bit = length; bit < 128; ++bit) a[bit / 8] &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
    return a;
  }
  std::map<unsigned, std::map<Address, std::uint32_t>> by_length_[2];
};

// Headers packed one behind the other, with guard-free ends: sanitizers see any
// read past them.
struct Packets {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint32_t> offset, length;
  void add(const Address& a, bool v6) {
    std::uint8_t header[40] = {};
    header[0] = v6 ? 0x60 : 0x45;
    std::memcpy(header + (v6 ? 24 : 16), a.data(), v6 ? 16 : 4);
    add_raw(header, v6 ? 40 : 20);
  }
  void add_raw(const std::uint8_t* from, std::uint32_t n) {
    offset.push_back(static_cast<std::uint32_t>(bytes.size()));
    length.push_back(n);
    bytes.insert(bytes.end(), from, from + n);
  }
  std::vector<std::uint32_t> run(KernelFn f, const void* table) const {
    return testing::run_on_ranges(f, bytes.data(), offset, length, table);
  }
};

void expect_same(const std::vector<RouteEntry>& routes, const std::vector<std::pair<Address, bool>>& asked) {
  constexpr std::uint32_t kTag = 77;
  const LpmTable table = build_lpm(routes, kTag);
  const Naive naive(routes);
  Packets packets;
  for (const auto& [a, v6] : asked) packets.add(a, v6);
  for (const Variant& v : variants()) {
    if (!v.supported) {
      std::printf("# kernel variant %s: this CPU lacks it, not run\n", v.name);
      continue;
    }
    const auto result = packets.run(v.run, table.data());
    for (std::size_t k = 0; k < asked.size(); ++k) {
      const std::uint32_t want = naive.find(asked[k].first, asked[k].second);
      ASSERT_EQ(result[k], want ? kTag << LPM_TAG_SHIFT | want : 0) << v.name << " item " << k;
    }
  }
}

RouteEntry entry(const Address& a, unsigned length, bool v6, std::uint32_t next_hop) {
  RouteEntry e{};
  std::memcpy(e.prefix.addr, a.data(), v6 ? 16 : 4);
  e.prefix.length = static_cast<std::uint8_t>(length);
  e.prefix.v6 = v6;
  e.next_hop = next_hop;
  return e;
}

class Lpm : public ::testing::Test {
 protected:
  Lpm() { RecordProperty("seed", std::to_string(seed_)); }
  Address address(bool v6, unsigned spread) {
    Address a{};
    for (unsigned i = 0; i < (v6 ? 16u : 4u); ++i) a[i] = static_cast<std::uint8_t>(random_() % spread);
    return a;
  }
  // Routes nest: few byte values, all lengths.
  std::vector<RouteEntry> routes(unsigned count, unsigned spread) {
    std::vector<RouteEntry> out;
    for (unsigned i = 0; i < count; ++i) {
      const bool v6 = random_() % 2;
      Address a = address(v6, spread);
      const unsigned length = random_() % (v6 ? 129 : 33);
      for (unsigned bit = length; bit < 128; ++bit) a[bit / 8] &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
      out.push_back(entry(a, length, v6, random_() % 5 ? 1 + random_() % 200 : 0));
    }
    return out;
  }
  unsigned seed_ = std::random_device{}();
  std::mt19937 random_{seed_};
};

TEST_F(Lpm, EqualsPlainSearchOnRandomTables) {
  for (unsigned count : {0u, 1u, 3u, 50u, 257u, 3000u, 60000u}) {
    for (unsigned spread : {2u, 7u, 256u}) {
      SCOPED_TRACE("seed " + std::to_string(seed_) + " routes " + std::to_string(count));
      const auto table = routes(count, spread);
      std::vector<std::pair<Address, bool>> asked;
      for (unsigned i = 0; i < 1000; ++i) {
        const bool v6 = random_() % 2;
        Address a = address(v6, spread);
        if (count && i % 2) {  // next to an existing prefix
          const RoutePrefix& p = table[random_() % count].prefix;
          std::memcpy(a.data(), p.addr, p.v6 ? 16 : 4);
          a[random_() % (p.v6 ? 16 : 4)] ^= static_cast<std::uint8_t>(random_() % 4);
          asked.emplace_back(a, p.v6);
        } else {
          asked.emplace_back(a, v6);
        }
      }
      expect_same(table, asked);
    }
  }
}

TEST_F(Lpm, GarbageAndShortHeadersHaveNoRoute) {
  const Address zero{};
  const LpmTable table = build_lpm(std::vector{entry(zero, 0, false, 1), entry(zero, 0, true, 2)}, 1);
  for (const Variant& v : variants()) {
    if (!v.supported) continue;
    for (unsigned version = 0; version < 16; ++version)
      for (std::uint32_t n = 0; n <= 40; ++n) {
        const std::vector<std::uint8_t> bytes(n, static_cast<std::uint8_t>(version << 4 | 5));
        Packets p;
        p.add_raw(bytes.data(), n);
        const std::uint32_t want = version == 4 && n >= 20 ? 1 : version == 6 && n >= 40 ? 2 : 0;
        ASSERT_EQ(p.run(v.run, table.data())[0], want ? 1u << LPM_TAG_SHIFT | want : 0)
            << v.name << " " << version << " " << n;
      }
    Packets p;
    p.add(zero, false);
    ASSERT_EQ(p.run(v.run, nullptr)[0], 0u) << "no table yet";
  }
}

std::vector<RouteEntry> read_table(const std::string& path, bool v6) {
  std::vector<RouteEntry> out;
  gzFile file = gzopen(path.c_str(), "rb");
  char line[128];
  while (file && gzgets(file, line, sizeof line)) {
    char* slash = std::strchr(line, '/');
    if (!slash) continue;
    *slash = 0;
    Address a{};
    if (inet_pton(v6 ? AF_INET6 : AF_INET, line, a.data()) != 1) continue;
    out.push_back(entry(a, static_cast<unsigned>(std::atoi(slash + 1)), v6, 1 + out.size() % 1000));
  }
  if (file) gzclose(file);
  return out;
}

TEST_F(Lpm, EqualsPlainSearchOnRealTables) {
  const char* data = std::getenv("FULCRUM_DATA");
  const std::string folder = std::string(data ? data : "../shared/data") + "/routes/";
  auto table = read_table(folder + "v4-full-tier1-2024.txt.gz", false);
  const auto v6 = read_table(folder + "v6-full-tier1-2024.txt.gz", true);
  if (table.empty() || v6.empty()) GTEST_SKIP() << "no route tables in " << folder << " (set FULCRUM_DATA)";
  table.insert(table.end(), v6.begin(), v6.end());
  const auto start = std::chrono::steady_clock::now();
  const LpmTable built = build_lpm(table, 1);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("# %zu routes: %.2f s, %.1f MiB\n", table.size(), took.count(),
              static_cast<double>(built.bytes()) / (1 << 20));
  EXPECT_LT(built.bytes(), 24u << 20);
  SCOPED_TRACE("seed " + std::to_string(seed_));
  std::vector<std::pair<Address, bool>> asked;
  for (unsigned i = 0; i < 50000; ++i) {
    const RoutePrefix& p = table[random_() % table.size()].prefix;
    Address a{};
    std::memcpy(a.data(), p.addr, p.v6 ? 16 : 4);
    for (unsigned bit = p.length; bit < (p.v6 ? 128u : 32u); ++bit)
      if (random_() % 2) a[bit / 8] ^= static_cast<std::uint8_t>(0x80 >> bit % 8);
    if (i % 8 == 0) a = address(p.v6, 256);
    asked.emplace_back(a, p.v6);
  }
  expect_same(table, asked);
}

}  // namespace
}  // namespace fulcrum::route
