// SPDX-License-Identifier: MIT
// esp_test.cc - whole packets: published ones, headers, congestion marks, numbers that run out, padding.
#include <gtest/gtest.h>

#include "plugins/esp/form_testing.h"
#include "plugins/esp/vectors_testing.h"

namespace fulcrum::esp::testing {
namespace {

const std::string kGcm = "sa spi 0x100 src 192.0.2.1 dst 192.0.2.2 alg aes-gcm-128 key " + std::string(40, 'a');

Frame ether(const Bytes& datagram) {
  Frame f(14 + datagram.size());
  f[0] = f[6] = 2;
  const bool v6 = datagram[0] >> 4 == 6;
  f[12] = v6 ? 0x86 : 0x08, f[13] = v6 ? 0xdd : 0;
  std::copy(datagram.begin(), datagram.end(), f.begin() + 14);
  return f;
}

Frame udp4(std::uint8_t tos = 0, std::uint8_t df = 0, std::size_t bytes = 60) {
  Bytes d(bytes, 0x33);
  const std::uint8_t h[20] = {
      0x45, tos, 0, static_cast<std::uint8_t>(bytes), 0, 1, df, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 1, 0, 2};
  std::copy(h, h + 20, d.begin());
  return ether(d);
}

unsigned header_sum(const Frame& f, std::size_t l3 = 14) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < 20; i += 2) sum += f[l3 + i] * 256u + f[l3 + i + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

class Esp : public ::testing::TestWithParam<Form> {};

TEST_P(Esp, OuterHeaderTakesDscpEcnAndDfFromInside) {
  const TestFile sas(kGcm + " sel 0.0.0.0/0 sel ::/0");
  FormRun<EspEncap> encap(GetParam(), sas.path);
  std::vector<Frame> clear{udp4(0xb9, 0), udp4(0, 0x40)};
  Bytes six(48, 0);
  six[0] = 0x6a, six[1] = 0x70, six[5] = 8, six[6] = 59;
  clear.push_back(ether(six));
  const Outcome o = encap.run(clear);
  ASSERT_EQ(o.out[0], 7u);
  const std::uint8_t want_tos[] = {0xb9, 0, 0xa7}, want_df[] = {0, 0x40, 0x40};
  for (std::size_t i = 0; i < 3; ++i) {
    const Frame& f = o.frame[i];
    EXPECT_EQ(header_sum(f), 0xffffu);
    EXPECT_EQ(f[15], want_tos[i]);
    EXPECT_EQ(f[20], want_df[i]);
    EXPECT_EQ(f[22], 64);
    EXPECT_EQ(f[23], 50);
    EXPECT_EQ(f[16] * 256u + f[17], f.size() - 14);
    EXPECT_EQ(f[41], i + 1) << "sequence number";
  }
}

// RFC 6040, figure 4.
TEST_P(Esp, CongestionMarksComeThroughTheTunnel) {
  const TestFile sas(kGcm + " sel 0.0.0.0/0");
  const int want[4][4] = {{0, 0, 0, -1}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};  // [inner][outer]
  for (std::uint8_t inner = 0; inner < 4; ++inner)
    for (std::uint8_t outer = 0; outer < 4; ++outer) {
      FormRun<EspEncap> encap(GetParam(), sas.path);
      FormRun<EspDecap> decap(GetParam(), sas.path);
      Frame clear = udp4(0xb8 | inner);
      const unsigned sum = header_sum(clear);
      clear[24] = static_cast<std::uint8_t>(~sum >> 8), clear[25] = static_cast<std::uint8_t>(~sum);
      Frame sealed = encap.run({clear}).frame[0];
      sealed[15] = static_cast<std::uint8_t>(0xb8 | outer);
      const Outcome o = decap.run({sealed});
      if (want[inner][outer] < 0) {
        EXPECT_EQ(o.what[0].substr(0, 9), "1 esp_ecn");
        EXPECT_EQ(o.frame[0], sealed);
        continue;
      }
      ASSERT_EQ(o.out[0], 1u);
      EXPECT_EQ(o.frame[0][15], 0xb8 | want[inner][outer]);
      EXPECT_EQ(header_sum(o.frame[0]), 0xffffu);
    }
}

TEST_P(Esp, NumbersRunOutAndNothingLeavesInClear) {
  const TestFile sas(kGcm + " sel 10.0.0.0/8");
  FormRun<EspEncap> encap(GetParam(), sas.path);
  auto* file = static_cast<SaFile*>(encap.setup.objects.begin()->second.get());
  file->database.sas.load().first->entry(0).state->sequence.start_behind(0xfffffffe);
  const Outcome o = encap.run({udp4(), udp4(), udp4()});
  EXPECT_EQ(o.out[0], 1u);
  EXPECT_EQ(o.out[1], 0u);
  EXPECT_EQ(o.what[1].substr(0, 21), "dropped seq_exhausted");
  EXPECT_EQ(encap.counter("seq_exhausted"), 2u);
  Frame other = udp4();
  other[30] = 11;
  EXPECT_EQ(encap.run({other}).what[0].substr(0, 7), "1 no_sa");
}

TEST_P(Esp, UnknownSpiLeavesAsItCame) {
  const TestFile sas(kGcm + " sel 0.0.0.0/0");
  FormRun<EspEncap> encap(GetParam(), sas.path);
  FormRun<EspDecap> decap(GetParam(), sas.path);
  Frame sealed = encap.run({udp4()}).frame[0];
  sealed[37] ^= 1;
  const Outcome o = decap.run({sealed, udp4()});
  EXPECT_EQ(o.what[0].substr(0, 13), "1 unknown_spi");
  EXPECT_EQ(o.what[1].substr(0, 15), "1 esp_malformed");
  EXPECT_EQ(o.frame[0], sealed);
}

TEST_P(Esp, OpensPublishedPackets) {
  const boost::json::value file = read_json(crypto_folder() + "esp-packets-dpdk.json");
  if (file.is_null()) GTEST_SKIP() << "no vectors in FULCRUM_DATA=" << crypto_folder();
  unsigned count = 0;
  for (const auto& v : file.as_object().at("vectors").as_array()) {
    const auto* aead = v.as_object().if_contains("aead");
    if (!aead || aead->as_string() != "AES_GCM") continue;
    ++count;
    const std::string key = text_of(v, "key");
    const Bytes plain = from_hex(text_of(v, "plain_packet"));
    Bytes sealed = from_hex(text_of(v, "protected_packet"));
    char dst[32];
    std::snprintf(dst, sizeof dst, "%u.%u.%u.%u", sealed[16], sealed[17], sealed[18], sealed[19]);
    const TestFile sas("sa spi " + std::to_string(v.as_object().at("spi").as_int64()) + " src 192.0.2.1 dst " + dst +
                       " alg aes-gcm-" + std::to_string(key.size() * 4) + " key " + key + text_of(v, "salt"));
    FormRun<EspDecap> decap(GetParam(), sas.path);
    ASSERT_EQ(decap.errors, "");
    Bytes wrong = sealed;
    wrong.back() ^= 1;
    const Outcome o = decap.run({ether(wrong), ether(sealed), ether(sealed)});
    EXPECT_EQ(o.what[0].substr(0, 17), "1 esp_auth_failed");
    EXPECT_EQ(o.frame[0], ether(wrong));
    EXPECT_EQ(o.frame[1], ether(plain)) << text_of(v, "name");
    EXPECT_EQ(o.what[2].substr(0, 18), "dropped esp_replay");
  }
  EXPECT_EQ(count, 2u);
}

INSTANTIATE_TEST_SUITE_P(Form, Esp, ::testing::ValuesIn(forms()), [](const auto& info) {
  std::string name = info.param.name;
  std::erase(name, '-');
  return name;
});

}  // namespace
}  // namespace fulcrum::esp::testing
