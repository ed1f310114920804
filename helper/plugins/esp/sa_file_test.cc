// SPDX-License-Identifier: MIT
// sa_file_test.cc - files of SAs: what is read, and what is said of mistakes.
#include "plugins/esp/sa_file.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

namespace fulcrum::esp {
namespace {

const std::string kKey(40, 'a'), kWideKey(72, 'b'), kAuth(40, 'c');

std::string first_error(const std::string& text) {
  SaStates states;
  const auto file = parse_sas(text, "sas.txt", {3, 7}, states);
  if (file->errors.empty()) return "none";
  EXPECT_EQ(file->errors[0].pos.line, 3);
  std::string all = file->errors[0].text;
  for (const std::string& c : file->errors[0].choices) all += " | " + c;
  return all;
}

std::uint32_t take(const SaFile& file, const char* address) {
  std::uint8_t bytes[16] = {};
  const bool v6 = std::string_view(address).find(':') != std::string_view::npos;
  EXPECT_EQ(inet_pton(v6 ? AF_INET6 : AF_INET, address, bytes), 1);
  return file.database.selectors.load().first->find(v6, bytes);
}

TEST(SaFile, ReadsEveryWord) {
  SaStates states;
  const auto file =
      parse_sas("# tunnels\n\nsa SPI 0x100 src 192.0.2.1 dst 192.0.2.2 alg aes-gcm-128 key 0x" + kKey +
                    " esn replay 128 sel 10.0.0.0/8 sel 10.1.0.0/16 # ours\n"
                    "sa key " +
                    kWideKey + " auth " + kAuth +
                    " spi 257 dst 2001:db8::2 src 2001:db8::1 alg AES-CTR-256-HMAC-SHA1 sel 10.1.2.3 sel ::/0\n",
                "sas.txt", {}, states);
  ASSERT_TRUE(file->errors.empty()) << file->errors[0].text;
  const auto sas = file->database.sas.load().first;
  ASSERT_EQ(sas->count(), 2u);
  const SaSpec& one = sas->entry(0).spec;
  EXPECT_EQ(one.spi, 256u);
  EXPECT_EQ(one.suite, ESP_GCM);
  EXPECT_EQ(one.key, std::vector<std::uint8_t>(16, 0xaa));
  EXPECT_EQ(one.salt, 0xaaaaaaaau);
  EXPECT_TRUE(one.esn);
  EXPECT_EQ(one.replay_pkts, 128u);
  const SaSpec& two = sas->entry(1).spec;
  EXPECT_TRUE(two.outer_v6);
  EXPECT_EQ(two.suite, ESP_CTR_SHA1);
  EXPECT_EQ(two.key.size(), 32u);
  EXPECT_EQ(two.auth, std::vector<std::uint8_t>(20, 0xcc));
  EXPECT_EQ(two.replay_pkts, 64u);
  EXPECT_EQ(sas->find(256, false, one.dst.data()), 0u);
  EXPECT_EQ(sas->find(257, true, two.dst.data()), 1u);
  EXPECT_EQ(sas->find(257, false, two.dst.data()), sas->count());
  EXPECT_EQ(sas->find(256, false, one.src.data()), sas->count());
}

TEST(SaFile, LongestSelectorWins) {
  const std::string sa = " src 192.0.2.1 dst 192.0.2.2 alg aes-gcm-128 key " + kKey + " sel ";
  SaStates states;
  const auto file = parse_sas("sa spi 256" + sa + "10.0.0.0/8\nsa spi 257" + sa + "10.1.0.0/17\nsa spi 258" + sa +
                                  "10.1.2.3 sel 2001:db8::/32\nsa spi 259" + sa + "2001:db8:0:8000::/49\n",
                              "sas.txt", {}, states);
  ASSERT_TRUE(file->errors.empty()) << file->errors[0].text;
  EXPECT_EQ(take(*file, "10.200.1.1"), 0u);
  EXPECT_EQ(take(*file, "10.1.127.255"), 1u);
  EXPECT_EQ(take(*file, "10.1.128.0"), 0u);
  EXPECT_EQ(take(*file, "10.1.2.3"), 2u);
  EXPECT_EQ(take(*file, "11.0.0.1"), SelectorTable::kNone);
  EXPECT_EQ(take(*file, "2001:db8::1"), 2u);
  EXPECT_EQ(take(*file, "2001:db8:0:8001::1"), 3u);
  EXPECT_EQ(take(*file, "2001:db9::1"), SelectorTable::kNone);
}

TEST(SaFile, SaysWhereAndWhatIsWrong) {
  const std::string ends = "sa spi 256 src 192.0.2.1 dst 192.0.2.2 ";
  const std::string good = ends + "alg aes-gcm-128 key " + kKey;
  EXPECT_EQ(first_error(good), "none");
  EXPECT_EQ(first_error(""), "sas.txt: names no SA");
  EXPECT_EQ(first_error("# x\nsaw spi 3"), "sas.txt:2:1: 'saw' starts no line | sa");
  EXPECT_EQ(first_error("sa spi 255"), "sas.txt:1:8: '255' is not an SPI | 256 to 4294967295, such as 0x100");
  EXPECT_EQ(first_error("sa spi 4294967296").substr(0, 13), "sas.txt:1:8: ");
  EXPECT_EQ(first_error("sa src 1.2.3"), "sas.txt:1:8: '1.2.3' is not an address | 192.0.2.1 | 2001:db8::1");
  EXPECT_EQ(first_error(good + " mode tunnel").substr(0, 34),
            "sas.txt:1:" + std::to_string(good.size() + 2) + ": 'mode' is not known");
  EXPECT_EQ(first_error(good + " esn esn"),
            "sas.txt:1:" + std::to_string(good.size() + 6) + ": 'esn' stands here twice");
  EXPECT_EQ(first_error(good + " sel"), "sas.txt:1:" + std::to_string(good.size() + 2) + ": 'sel' needs a value");
  EXPECT_EQ(first_error(ends + "alg des key 00"),
            "sas.txt:1:44: 'des' is not an algorithm | aes-gcm-128 | aes-gcm-256 | aes-ctr-128-hmac-sha1 | "
            "aes-ctr-256-hmac-sha1");
  EXPECT_EQ(first_error(ends + "alg aes-gcm-256 key " + kKey),
            "sas.txt:1:60: this key has 20 bytes | 36 bytes: 32 of AES and 4 of salt");
  EXPECT_EQ(first_error(ends + "alg aes-gcm-128 key " + kKey + "f"),
            "sas.txt:1:60: the value of 'key' is not hex, two digits a byte");
  EXPECT_EQ(first_error(ends + "alg aes-ctr-128-hmac-sha1 key " + kKey),
            "sas.txt:1:1: HMAC-SHA1 needs a key of its own | auth and 20 bytes in hex");
  EXPECT_EQ(first_error(good + " auth " + kAuth).substr(13), ": AES-GCM authenticates by itself | no 'auth'");
  EXPECT_EQ(first_error("sa spi 256 src 192.0.2.1 dst ::1 alg aes-gcm-128 key " + kKey),
            "sas.txt:1:30: 'src' and 'dst' are of different families | both IPv4 | both IPv6");
  EXPECT_EQ(first_error("sa spi 256 src 192.0.2.1 alg aes-gcm-128 key " + kKey),
            "sas.txt:1:1: this SA has no 'dst' | dst");
  EXPECT_EQ(first_error(good + " replay 31").substr(13), ": '31' is not a size of the replay window | 32 to 65536");
  EXPECT_EQ(first_error(good + " sel 10.0.0.1/8").substr(13),
            ": '10.0.0.1/8' has bits set behind its length | 10.0.0.0/8 | 2001:db8::/32");
  EXPECT_EQ(first_error(good + " sel 10.0.0.0/33").substr(13),
            ": '10.0.0.0/33' is not a prefix | 10.0.0.0/8 | 2001:db8::/32");
  EXPECT_EQ(first_error(good + "\n" + good), "sas.txt:2:8: line 1 has the same SPI and destination");
  EXPECT_EQ(first_error(good + " sel 10.0.0.0/8\nsa spi 257" + good.substr(10) + " sel 10.0.0.0/8").substr(0, 12),
            "sas.txt:2:10");
  SaStates states;
  EXPECT_NE(load_sa_file("/nonexistent/sas", {1, 1}, states)->errors[0].text.find("cannot be read"), std::string::npos);
}

TEST(SaFile, ManyErrorsAreCut) {
  std::string text;
  for (int n = 0; n < 50; ++n) text += "no\n";
  SaStates states;
  const auto file = parse_sas(text, "sas.txt", {}, states);
  ASSERT_EQ(file->errors.size(), 21u);
  EXPECT_EQ(file->errors.back().text, "sas.txt: and 30 more errors");
}

TEST(SaFile, AnSaThatComesAgainGoesOn) {
  SaStates states;
  const std::string line = "sa spi 256 src 192.0.2.1 dst 192.0.2.2 alg aes-gcm-128 key 0x" + kKey;
  const auto first = parse_sas(line, "a", {}, states), again = parse_sas(line + " sel 10.0.0.0/8", "b", {}, states);
  ASSERT_TRUE(first->errors.empty() && again->errors.empty());
  const auto state = [](const auto& file) { return file->database.sas.load().first->entry(0).state; };
  EXPECT_EQ(state(first), state(again));
  const auto other = parse_sas("sa spi 257" + line.substr(10), "c", {}, states);
  EXPECT_NE(state(first), state(other));
  ASSERT_EQ(parse_sas(line + " esn", "d", {}, states)->errors.size(), 1u);
}

}  // namespace
}  // namespace fulcrum::esp
