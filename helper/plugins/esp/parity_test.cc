// SPDX-License-Identifier: MIT
// parity_test.cc - ipsec-mb and every build of the kernels: the same packets, ways out and reasons.
#include <gtest/gtest.h>

#include <random>

#include "fulcrum/range.h"
#include "plugins/esp/form_testing.h"

namespace fulcrum::esp::testing {
namespace {

std::string hex(std::mt19937_64& random, std::size_t bytes) {
  std::string out;
  char two[3];
  for (std::size_t i = 0; i < bytes; ++i) {
    std::snprintf(two, sizeof two, "%02x", static_cast<unsigned>(random() & 255));
    out += two;
  }
  return out;
}

// Every suite over both families, with and without ESN; SA n takes 10.n.0.0/16 and 2001:db8:n::/48.
std::string random_sas(std::mt19937_64& random) {
  std::string text;
  unsigned n = 0;
  for (const char* alg : {"aes-gcm-128", "aes-gcm-256", "aes-ctr-128-hmac-sha1", "aes-ctr-256-hmac-sha1"})
    for (bool v6 : {false, true})
      for (bool esn : {false, true}) {
        const std::string name = alg;
        const bool wide = name.find("256") != name.npos, ctr = name.find("ctr") != name.npos;
        text += "sa spi " + std::to_string(1000 + n) +
                (v6 ? " src 2001:db8::1 dst 2001:db8::2" : " src 192.0.2.1 dst 192.0.2.2");
        text += " alg " + name + " key " + hex(random, wide ? 36 : 20) + (ctr ? " auth " + hex(random, 20) : "");
        text += std::string(esn ? " esn" : "") + " sel 10." + std::to_string(n) +
                ".0.0/16 sel 2001:db8:" + std::to_string(n) + "::/48\n";
        ++n;
      }
  return text;
}

Frame random_datagram(std::mt19937_64& random) {
  const bool v6 = random() & 1, vlan = random() % 5 == 0;
  const std::size_t l3 = vlan ? 18 : 14, header = v6 ? 40 : 20, payload = random() % 1501;
  Frame f(l3 + header + payload + (random() % 3 == 0 ? random() % 30 : 0));
  for (auto& b : f) b = static_cast<std::uint8_t>(random());
  f[0] &= 0xfe;
  if (vlan) f[12] = 0x81, f[13] = 0;
  f[l3 - 2] = v6 ? 0x86 : 0x08, f[l3 - 1] = v6 ? 0xdd : 0;
  std::uint8_t* h = &f[l3];
  const auto n = static_cast<std::uint8_t>(random() % 17);  // one more than there are SAs
  const std::size_t length = v6 ? payload : header + payload;
  h[0] = static_cast<std::uint8_t>(v6 ? 0x60 | (h[0] & 15) : 0x45);
  h[v6 ? 4 : 2] = static_cast<std::uint8_t>(length >> 8), h[v6 ? 5 : 3] = static_cast<std::uint8_t>(length);
  if (v6) {
    h[6] = 17;
    const std::uint8_t prefix[6] = {0x20, 0x01, 0x0d, 0xb8, 0, n};
    // as text in hex the group is decimal digits
    const unsigned group = (n / 10u) << 4 | n % 10u;
    std::copy(prefix, prefix + 6, h + 24);
    h[28] = 0, h[29] = static_cast<std::uint8_t>(group);
  } else {
    h[6] &= 0x40, h[7] = 0, h[9] = 17, h[16] = 10, h[17] = n;
  }
  if (random() % 20 == 0) f.resize(l3 + random() % (f.size() - l3));                     // cut
  if (random() % 40 == 0 && f.size() > l3) f[l3] = static_cast<std::uint8_t>(random());  // another version
  return f;
}

void damage(std::mt19937_64& random, std::vector<Frame>& frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    Frame& f = frames[i];
    if (f.empty()) continue;
    switch (random() % 8) {
      case 0:
        f[14 + random() % (f.size() - 14)] ^= static_cast<std::uint8_t>(1 << random() % 8);
        break;
      case 1:
        f.resize(random() % f.size() + 1);
        break;
      case 2:
        if (i) f = frames[random() % i];
        break;
      case 3:
        f.resize(f.size() + random() % 40);
        break;
      default:
        break;
    }
  }
}

void expect_same(const Outcome& want, const Outcome& got, const std::string& form) {
  ASSERT_EQ(want.what.size(), got.what.size());
  for (std::size_t i = 0; i < want.what.size(); ++i) {
    ASSERT_EQ(want.what[i], got.what[i]) << form << " packet " << i;
    ASSERT_EQ(want.frame[i], got.frame[i]) << form << " packet " << i << " " << want.what[i];
  }
}

std::mt19937_64 seeded() {
  const char* set = std::getenv("FULCRUM_TEST_SEED");
  const std::uint64_t seed = set ? std::strtoull(set, nullptr, 0) : std::random_device{}();
  std::printf("FULCRUM_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return std::mt19937_64(seed);
}

TEST(EspParity, EveryFormMakesAndOpensTheSamePackets) {
  std::mt19937_64 random = seeded();
  const TestFile sas(random_sas(random));
  std::vector<std::unique_ptr<FormRun<EspEncap>>> encap;
  std::vector<std::unique_ptr<FormRun<EspDecap>>> decap;
  for (const Form& f : forms()) {
    encap.push_back(std::make_unique<FormRun<EspEncap>>(f, sas.path));
    decap.push_back(std::make_unique<FormRun<EspDecap>>(f, sas.path));
    ASSERT_EQ(encap.back()->errors + decap.back()->errors, "");
  }
  for (int round = 0; round < 40; ++round) {
    std::vector<Frame> clear;
    for (std::size_t n = 1 + random() % 64; n; --n) clear.push_back(random_datagram(random));
    const auto misalign = static_cast<unsigned>(random() % 64);
    const Outcome sealed = encap[0]->run(clear, misalign);
    for (std::size_t f = 1; f < encap.size(); ++f)
      expect_same(sealed, encap[f]->run(clear, misalign + static_cast<unsigned>(f)), encap[f]->form.name);
    std::vector<Frame> wire;
    for (const Frame& f : sealed.frame)
      if (f.size() >= 34) wire.push_back(f);
    damage(random, wire);
    const Outcome opened = decap[0]->run(wire, misalign);
    for (std::size_t f = 1; f < decap.size(); ++f)
      expect_same(opened, decap[f]->run(wire, misalign + static_cast<unsigned>(f)), decap[f]->form.name);
  }
  // All of it happened.
  for (const char* name : {"sealed", "no_sa", "malformed"}) EXPECT_GT(encap[0]->counter(name), 0u) << name;
  for (const char* name : {"opened", "malformed", "auth_failed", "replayed"})
    EXPECT_GT(decap[0]->counter(name), 0u) << name;
}

TEST(EspParity, WhatGoesInComesOut) {
  std::mt19937_64 random = seeded();
  const TestFile sas(random_sas(random));
  for (const Form& f : forms()) {
    FormRun<EspEncap> encap(f, sas.path);
    FormRun<EspDecap> decap(f, sas.path);
    std::vector<Frame> clear;
    for (unsigned n = 0; n < 64; ++n) clear.push_back(random_datagram(random));
    const Outcome sealed = encap.run(clear);
    std::vector<Frame> wire, want;
    for (unsigned i = 0; i < 64; ++i) {
      if (!(sealed.out[0] >> i & 1)) continue;
      wire.push_back(sealed.frame[i]);
      FormBatch one({clear[i]});
      const ByteRange r = packet_range(one.batch, 0, PacketRange::kDatagram, 0);
      const std::uint8_t* h = one.batch.l3(0);  // IPv6 length 0: ESP carries no jumbograms
      const bool no_payload = h[0] >> 4 == 6 && !(h[4] | h[5]);
      clear[i].resize(r.offset + (no_payload ? 40 : r.length));
      want.push_back(clear[i]);
    }
    const Outcome opened = decap.run(wire);
    ASSERT_GT(wire.size(), 30u);
    for (std::size_t k = 0; k < wire.size(); ++k) {
      EXPECT_EQ(opened.what[k].substr(0, 6), "0 none") << f.name;
      EXPECT_EQ(opened.frame[k], want[k]) << f.name << " packet " << k;
    }
    const Outcome again = decap.run(wire);
    for (const std::string& what : again.what) EXPECT_EQ(what.substr(0, 18), "dropped esp_replay") << f.name;
  }
}

}  // namespace
}  // namespace fulcrum::esp::testing
