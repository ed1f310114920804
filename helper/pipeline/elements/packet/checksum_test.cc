// SPDX-License-Identifier: MIT
// checksum_test.cc - include/fulcrum/checksum.h against the plain sum, word by word.
#include "fulcrum/checksum.h"

#include <gtest/gtest.h>

#include <random>

#include "pipeline/testing.h"

namespace fulcrum {
namespace {

using testing::Bytes;

// RFC 1071 as its section 1 words it: network order, an odd byte padded. Not complemented.
std::uint32_t plain_sum(const Bytes& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 ? bytes[i] : std::uint32_t{bytes[i]} << 8;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

std::uint16_t network(std::uint16_t memory) { return checksum_word(memory); }

class Checksum : public ::testing::Test {
 protected:
  Checksum() { std::printf("seed %u\n", seed_); }
  Bytes bytes(std::size_t count) {
    Bytes b(count);
    const bool high = random_() % 4 == 0;  // carries at every step
    for (auto& byte : b) byte = high ? 0xff : static_cast<std::uint8_t>(random_());
    return b;
  }
  const unsigned seed_ = std::random_device{}();
  std::mt19937 random_{seed_};
};

TEST_F(Checksum, ExampleOfRfc1071) {
  const Bytes data = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};  // section 3
  EXPECT_EQ(network(checksum_fold(checksum_add(0, data.data(), data.size()))), 0xddf2);
}

TEST_F(Checksum, IsThePlainSumAtEveryLength) {
  for (std::size_t count = 0; count < 300; ++count) {
    const Bytes data = bytes(count);
    EXPECT_EQ(network(checksum_fold(checksum_add(0, data.data(), count))), plain_sum(data)) << count;
  }
  const Bytes most(65535, 0xff);
  EXPECT_EQ(network(checksum_fold(checksum_add(0, most.data(), most.size()))), plain_sum(most));
}

TEST_F(Checksum, GoesOnAtAnEvenPlace) {
  for (int round = 0; round < 1000; ++round) {
    const Bytes data = bytes(2 + random_() % 200);
    const std::size_t cut = random_() % (data.size() / 2 + 1) * 2;
    const std::uint64_t first = checksum_add(0, data.data(), cut);
    EXPECT_EQ(network(checksum_fold(checksum_add(first, data.data() + cut, data.size() - cut))), plain_sum(data));
  }
}

TEST_F(Checksum, StoredItMakesTheSumAllOnes) {
  for (int round = 0; round < 1000; ++round) {
    Bytes data = bytes(2 + random_() % 200);
    store_checksum(data.data(), 0);
    store_checksum(data.data(), checksum_of(checksum_add(0, data.data(), data.size())));
    EXPECT_EQ(checksum_fold(checksum_add(0, data.data(), data.size())), 0xffff);
  }
}

// RFC 1624 section 4: the case that RFC 1141 gets wrong.
TEST_F(Checksum, ExampleOfRfc1624) {
  std::uint8_t field[2] = {0xdd, 0x2f};
  const std::uint8_t before[2] = {0x55, 0x55}, after[2] = {0x32, 0x85};
  checksum_update(field, checksum_delta(before, after, 2));
  EXPECT_EQ(field[0], 0x00);
  EXPECT_EQ(field[1], 0x00);
}

TEST_F(Checksum, UpdateIsAsGoodAsANewSum) {
  for (int round = 0; round < 5000; ++round) {
    Bytes data = bytes(2 + 2 * (1 + random_() % 40));
    data[2] |= 1;  // a sum of nothing but zeros has two names
    store_checksum(data.data(), 0);
    store_checksum(data.data(), checksum_of(checksum_add(0, data.data(), data.size())));
    const std::size_t at = 2 + 2 * (random_() % (data.size() / 2 - 1));
    const std::size_t span = 2 * (random_() % ((data.size() - at) / 2 + 1));
    Bytes now = bytes(span);
    if (at == 2 && span) now[0] |= 1;
    const std::uint16_t delta = checksum_delta(data.data() + at, now.data(), span);
    std::copy(now.begin(), now.end(), data.begin() + static_cast<std::ptrdiff_t>(at));
    checksum_update(data.data(), delta);
    EXPECT_EQ(checksum_fold(checksum_add(0, data.data(), data.size())), 0xffff) << round;
  }
}

TEST_F(Checksum, TwoDeltasAreOne) {
  for (int round = 0; round < 1000; ++round) {
    const Bytes before = bytes(8), after = bytes(8);
    std::uint8_t one[2] = {static_cast<std::uint8_t>(random_()), 0x5a}, other[2] = {one[0], 0x5a};
    const std::uint16_t low = checksum_delta(before.data(), after.data(), 4);
    const std::uint16_t high = checksum_delta(before.data() + 4, after.data() + 4, 4);
    checksum_update(one, checksum_delta(low, high));
    checksum_update(other, checksum_delta(before.data(), after.data(), 8));
    EXPECT_EQ(load_checksum(one), load_checksum(other));
  }
}

TEST_F(Checksum, UdpWithoutStaysWithoutAndZeroIsAllOnes) {
  std::uint8_t none[2] = {0, 0};
  checksum_update_udp(none, 0x1234);
  EXPECT_EQ(load_checksum(none), 0);
  std::uint8_t field[2] = {0x12, 0x34};
  checksum_update_udp(field, checksum_word(0x1234));  // ~(~0x1234 + 0x1234) = 0
  EXPECT_EQ(load_checksum(field), 0xffff);
}

TEST_F(Checksum, PseudoHeadersAsWritten) {
  const Bytes four = testing::udp4(), six = testing::udp6();
  Bytes words(four.begin() + 26, four.begin() + 34);
  words.insert(words.end(), {0, 17, 0, 30});
  EXPECT_EQ(network(checksum_fold(pseudo_header4(&four[14], 17, 30))), plain_sum(words));
  words.assign(six.begin() + 22, six.begin() + 54);
  words.insert(words.end(), {0, 1, 0x11, 0x70, 0, 0, 0, 58});
  EXPECT_EQ(network(checksum_fold(pseudo_header6(&six[14], 58, 70000))), plain_sum(words));
}

}  // namespace
}  // namespace fulcrum
