// SPDX-License-Identifier: MIT
// pieces_test.cc - AES, GCM, counter mode and HMAC-SHA1 against published vectors, on every instruction set here.
#include <gtest/gtest.h>

#include "plugins/esp/pieces_testing.h"
#include "plugins/esp/vectors_testing.h"

namespace fulcrum::esp::testing {
namespace {

class Pieces : public ::testing::TestWithParam<PieceSet (*)()> {
 protected:
  void SetUp() override {
    set_ = GetParam()();
    if (!set_.supported) GTEST_SKIP() << "this CPU has no " << set_.name;
  }

  struct Gcm {
    Bytes text, tag;
  };
  // Where the ESP profile has no place for it (IV, AAD, tag length), there is no case.
  static bool fits(const Bytes& key, const Bytes& iv, const Bytes& aad, std::size_t tag_bytes) {
    return (key.size() == 16 || key.size() == 32) && iv.size() == 12 && aad.size() <= 16 && tag_bytes == 16;
  }
  Gcm gcm(const Bytes& key, Bytes iv, Bytes aad, const Bytes& text, bool opens) const {
    const auto sa = gcm_sa(key);
    Gcm r{Bytes(text.size()), Bytes(16)};
    const auto aad_bytes = static_cast<std::uint32_t>(aad.size());
    iv.resize(16), iv[15] = 1;
    aad.resize(16);
    set_.gcm(constants(), sa->sa, iv.data(), aad.data(), aad_bytes, text.data(), r.text.data(),
             static_cast<std::uint32_t>(text.size()), opens, r.tag.data());
    return r;
  }
  // Both ways; `valid`: the tag is the right one.
  void check_gcm(const Bytes& key, const Bytes& iv, const Bytes& aad, const Bytes& plain, const Bytes& sealed,
                 const Bytes& tag, bool valid, const std::string& what) const {
    const Gcm opened = gcm(key, iv, aad, sealed, true);
    EXPECT_EQ(opened.tag == tag, valid) << set_.name << " " << what;
    if (!valid) return;
    EXPECT_EQ(to_hex(opened.text), to_hex(plain)) << set_.name << " " << what;
    const Gcm made = gcm(key, iv, aad, plain, false);
    EXPECT_EQ(to_hex(made.text), to_hex(sealed)) << set_.name << " " << what;
    EXPECT_EQ(to_hex(made.tag), to_hex(tag)) << set_.name << " " << what;
  }
  Bytes ctr(const Bytes& key, const Bytes& first, const Bytes& text) const {
    const auto sa = gcm_sa(key);
    Bytes out(text.size());
    set_.ctr(constants(), sa->sa, first.data(), text.data(), out.data(), static_cast<std::uint32_t>(text.size()));
    return out;
  }
  Bytes hmac(const Bytes& key, const Bytes& message) const {
    const auto sa = hmac_sa(key);
    const esp_sa* p = &sa->sa;
    std::uint8_t digest[1][20];
    set_.hmac(&p, &message, 1, digest);
    return {digest[0], digest[0] + 20};
  }

  PieceSet set_{};
};

// NIST "The Galois/Counter Mode of Operation", test cases 1 to 4 and 13 to 15 (McGrew, Viega).
TEST_P(Pieces, GcmOfItsSpecification) {
  const std::string text =
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
      "ba"
      "637b391aafd255";
  const Bytes key128 = from_hex("feffe9928665731c6d6a8f9467308308"), iv = from_hex("cafebabefacedbaddecaf888");
  const Bytes zero12(12), zero16(16), zero32(32);
  check_gcm(zero16, zero12, {}, {}, {}, from_hex("58e2fccefa7e3061367f1d57a4e7455a"), true, "case 1");
  check_gcm(zero16, zero12, {}, zero16, from_hex("0388dace60b6a392f328c2b971b2fe78"),
            from_hex("ab6e47d42cec13bdf53a67b21257bddf"), true, "case 2");
  check_gcm(key128, iv, {}, from_hex(text),
            from_hex("42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051"
                     "ba30b396a0aac97"
                     "3d58e091473f5985"),
            from_hex("4d5c2af327cd64a62cf35abd2ba6fab4"), true, "case 3");
  check_gcm(zero32, zero12, {}, {}, {}, from_hex("530f8afbc74536b9a963b4f1c4cb738b"), true, "case 13");
  check_gcm(zero32, zero12, {}, zero16, from_hex("cea7403d4d606b6e074ec5d3baf39d18"),
            from_hex("d0d1c8a799996bf0265b98b5d48ab919"), true, "case 14");
  check_gcm(zero32, zero12, {}, zero16, from_hex("cea7403d4d606b6e074ec5d3baf39d18"),
            from_hex("d0d1c8a799996bf0265b98b5d48ab918"), false, "case 14 with a wrong bit");
}

TEST_P(Pieces, CounterModeOfRfc3686) {
  EXPECT_EQ(to_hex(ctr(from_hex("ae6852f8121067cc4bf7a5765577f39e"), from_hex("00000030000000000000000000000001"),
                       from_hex("53696e676c6520626c6f636b206d7367"))),
            "e4095d4fb7a7b3792d6175a3261311b8");
  EXPECT_EQ(to_hex(ctr(from_hex("7691be035e5020a8ac6e618529f9a0dc"), from_hex("00e0017b27777f3f4a1786f000000001"),
                       from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"))),
            "c1cf48a89f2ffdd9cf4652e9efdb72d74540a42bde6d7836d59a5ceaaef3105325b2072f");
}

TEST_P(Pieces, HmacOfRfc2202) {
  EXPECT_EQ(to_hex(hmac(Bytes(20, 0x0b), from_hex("4869205468657265"))), "b617318655057264e28bc0b6fb378c8ef146be00");
  EXPECT_EQ(to_hex(hmac(Bytes(20, 0xaa), Bytes(50, 0xdd))), "125d7342b9ac11cd91a39af48aa17b4f63f175d3");
}

TEST_P(Pieces, HmacOfManyMessagesAtOnce) {
  std::vector<std::unique_ptr<TestSa>> held;
  std::vector<const esp_sa*> sa;
  std::vector<Bytes> message;
  for (std::uint32_t n = 0; n < 300; ++n) {
    held.push_back(hmac_sa(Bytes(20, static_cast<std::uint8_t>(n))));
    sa.push_back(&held.back()->sa);
    message.emplace_back(n * 7 % 300, static_cast<std::uint8_t>(n + 1));
  }
  std::vector<std::uint8_t[20]> digest(sa.size()), portable(sa.size());
  set_.hmac(sa.data(), message.data(), 300, digest.data());
  pieces_v2().hmac(sa.data(), message.data(), 300, portable.data());
  for (std::size_t n = 0; n < sa.size(); ++n)
    ASSERT_EQ(to_hex(Bytes(digest[n], digest[n] + 20)), to_hex(Bytes(portable[n], portable[n] + 20))) << n;
}

TEST_P(Pieces, GcmOfWycheproof) {
  const boost::json::value file = read_json(crypto_folder() + "wycheproof/aes_gcm_test.json");
  if (file.is_null()) GTEST_SKIP() << "no vectors in FULCRUM_DATA=" << crypto_folder();
  unsigned valid = 0, invalid = 0;
  for (const auto& group : file.as_object().at("testGroups").as_array())
    for (const auto& t : group.as_object().at("tests").as_array()) {
      const Bytes key = from_hex(text_of(t, "key")), iv = from_hex(text_of(t, "iv")), aad = from_hex(text_of(t, "aad"));
      const Bytes tag = from_hex(text_of(t, "tag"));
      if (!fits(key, iv, aad, tag.size())) continue;
      const bool is_valid = text_of(t, "result") == "valid";
      ++(is_valid ? valid : invalid);
      check_gcm(key, iv, aad, from_hex(text_of(t, "msg")), from_hex(text_of(t, "ct")), tag, is_valid,
                text_of(t, "comment"));
    }
  EXPECT_GT(valid, 50u);
  EXPECT_GT(invalid, 20u);
}

TEST_P(Pieces, HmacOfWycheproof) {
  const boost::json::value file = read_json(crypto_folder() + "wycheproof/hmac_sha1_test.json");
  if (file.is_null()) GTEST_SKIP() << "no vectors in FULCRUM_DATA=" << crypto_folder();
  unsigned valid = 0, invalid = 0;
  for (const auto& group : file.as_object().at("testGroups").as_array())
    for (const auto& t : group.as_object().at("tests").as_array()) {
      const Bytes key = from_hex(text_of(t, "key")), tag = from_hex(text_of(t, "tag"));
      if (key.size() > 64 || tag.size() > 20) continue;
      const bool is_valid = text_of(t, "result") == "valid";
      ++(is_valid ? valid : invalid);
      Bytes got = hmac(key, from_hex(text_of(t, "msg")));
      got.resize(tag.size());
      EXPECT_EQ(got == tag, is_valid) << set_.name << " " << text_of(t, "comment");
    }
  EXPECT_GT(valid, 50u);
  EXPECT_GT(invalid, 50u);
}

TEST_P(Pieces, GcmOfNist) {
  unsigned count = 0, refused = 0;
  for (const char* name : {"gcmEncryptExtIV128", "gcmEncryptExtIV256", "gcmDecrypt128", "gcmDecrypt256"}) {
    const std::string text = read_text(crypto_folder() + "nist-cavp/" + name + ".rsp.gz");
    if (text.empty()) GTEST_SKIP() << "no vectors in FULCRUM_DATA=" << crypto_folder();
    for_each_case(text, [&](const Case& c) {
      if (!c.count("Key") || !c.count("Tag")) return;
      const Bytes key = from_hex(c.at("Key")), iv = from_hex(c.at("IV")), aad = from_hex(c.at("AAD"));
      const Bytes tag = from_hex(c.at("Tag"));
      if (!fits(key, iv, aad, tag.size())) return;
      const bool fails = c.count("FAIL");
      ++count, refused += fails;
      check_gcm(key, iv, aad, fails ? Bytes() : from_hex(c.at("PT")), from_hex(c.at("CT")), tag, !fails, name);
    });
  }
  EXPECT_GT(count, 400u);
  EXPECT_GT(refused, 50u);
}

TEST_P(Pieces, CounterModeOfTheRfcFiles) {
  unsigned count = 0;
  for (const char* name : {"rfc3686-aes-128-ctr.txt", "rfc3686-aes-256-ctr.txt"}) {
    const std::string text = read_text(crypto_folder() + "rfc/" + name);
    if (text.empty()) GTEST_SKIP() << "no vectors in FULCRUM_DATA=" << crypto_folder();
    for_each_case(text + "\n\n", [&](const Case& c) {
      if (!c.count("KEY")) return;
      ++count;
      EXPECT_EQ(ctr(from_hex(c.at("KEY")), from_hex(c.at("IV")), from_hex(c.at("PLAINTEXT"))),
                from_hex(c.at("CIPHERTEXT")));
    });
  }
  EXPECT_GE(count, 6u);
}

INSTANTIATE_TEST_SUITE_P(Isa, Pieces,
                         ::testing::Values(pieces_v2, pieces_v3, pieces_v3_shani, pieces_v4, pieces_v4_vaes),
                         [](const auto& info) {
                           std::string name = info.param().name;
                           std::erase_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
                           return name;
                         });

}  // namespace
}  // namespace fulcrum::esp::testing
