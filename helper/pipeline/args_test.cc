// SPDX-License-Identifier: MIT
// args_test.cc - argument readers: what they take, what they refuse and how they say it.
#include "fulcrum/args.h"

#include <gtest/gtest.h>

#include <random>

namespace fulcrum {
namespace {

constexpr std::uint64_t kSecond = 1000000000;

template <class T>
std::string refusal(const Result<T>& r) {
  return r ? "taken" : r.error().text;
}

TEST(Units, Numbers) {
  EXPECT_EQ(*parse_number("0"), 0u);
  EXPECT_EQ(*parse_number("18446744073709551615"), ~std::uint64_t{0});
  EXPECT_EQ(*parse_number("0xFf"), 255u);
  EXPECT_EQ(*parse_number("0xffffffffffffffff"), ~std::uint64_t{0});
  EXPECT_EQ(*parse_number("64", {2, 64}), 64u);
  for (const char* bad : {"", "-1", "+1", "1.0", "1 ", " 1", "0x", "0xg", "18446744073709551616",
                          "99999999999999999999999", "0x10000000000000000", "1e3", "1k"})
    EXPECT_FALSE(parse_number(bad)) << bad;
  EXPECT_EQ(refusal(parse_number("65", {2, 64})), "'65' is not such a number: valid is a whole number from 2 to 64");
  EXPECT_FALSE(parse_number("1", {2, 64}));
}

TEST(Units, Durations) {
  EXPECT_EQ(*parse_duration("10us"), 10000u);
  EXPECT_EQ(*parse_duration("500ms"), kSecond / 2);
  EXPECT_EQ(*parse_duration("1.5s"), kSecond + kSecond / 2);
  EXPECT_EQ(*parse_duration("5min"), 300 * kSecond);
  EXPECT_EQ(*parse_duration("0ns"), 0u);
  for (const char* bad : {"", "10", "s", "1.5ns", ".5s", "1.s", "1..5s", "1m", "1 s", "-1s", "6000000h"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
  EXPECT_EQ(refusal(parse_duration("2h", {1000000, 3600 * kSecond})),
            "'2h' is not such a duration: valid is 1ms to 1h, as in 10us, 500ms, 2s, 5min or 1h");
}

TEST(Units, Sizes) {
  EXPECT_EQ(*parse_size("1500"), 1500u);
  EXPECT_EQ(*parse_size("1500B"), 1500u);
  EXPECT_EQ(*parse_size("64KiB"), 65536u);
  EXPECT_EQ(*parse_size("1.5kB"), 1500u);
  EXPECT_EQ(*parse_size("2GiB"), std::uint64_t{2} << 30);
  for (const char* bad : {"", "KiB", "1.5", "64kib", "64K", "1.5B", "99999999999GiB"})
    EXPECT_FALSE(parse_size(bad)) << bad;
  EXPECT_EQ(refusal(parse_size("32", {64, 1 << 20})),
            "'32' is not such a size: valid is 64B to 1MiB, as in 1500, 64KiB, 1MiB or 10kB");
}

TEST(Units, Rates) {
  EXPECT_EQ(*parse_rate("10kpps"), (Rate{10000, false}));
  EXPECT_EQ(*parse_rate("1.5Mpps"), (Rate{1500000, false}));
  EXPECT_EQ(*parse_rate("100Mbps"), (Rate{100000000, true}));
  EXPECT_EQ(*parse_rate("10kBps"), (Rate{80000, true}));
  for (const char* bad : {"", "10", "10k", "0pps", "1.5pps", "10Mb", "10mbps", "2000Tbps", "pps"})
    EXPECT_FALSE(parse_rate(bad)) << bad;
  EXPECT_FALSE(parse_rate("1kbps", RateOf::kPackets));
  EXPECT_FALSE(parse_rate("1kpps", RateOf::kBits));
  EXPECT_EQ(refusal(parse_rate("10", RateOf::kPackets)),
            "'10' is not such a rate: valid is 1pps to 1000Gpps, as in 10kpps or 1.5Mpps");
  EXPECT_EQ(rate_text({1500000, false}), "1500kpps");
  EXPECT_EQ(rate_text({80000, true}), "80kbps");
}

TEST(Units, Percents) {
  EXPECT_EQ(*parse_percent("12.5%"), 125u);
  EXPECT_EQ(*parse_percent("100%"), 1000u);
  for (const char* bad : {"", "%", "50", "100.1%", "0.05%", "-1%", "5 %"}) EXPECT_FALSE(parse_percent(bad)) << bad;
}

// What is written of a value is read back as that value.
TEST(Units, TextIsReadBack) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int k = 0; k < 10000; ++k) {
    std::uint64_t v = random() >> (random() % 64);
    for (std::uint64_t zeros = random() % 10; zeros && v < 1000000000; --zeros) v *= 10;
    EXPECT_EQ(*parse_duration(units::text(v, units::kDurations)), v);
    EXPECT_EQ(*parse_size(units::text(v, units::kSizes)), v);
    const Rate rate{v % 1000000000000 + 1, (random() & 1) != 0};
    EXPECT_EQ(*parse_rate(rate_text(rate)), rate);
  }
}

TEST(Address, Addresses) {
  EXPECT_EQ(address_text(*parse_address("192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(address_text(*parse_address("2001:DB8:0::1")), "2001:db8::1");
  for (const char* bad : {"", "192.0.2", "192.0.2.256", "192.0.2.1/24", "2001:db8::1::", "eth0", "1.2.3.4 "})
    EXPECT_FALSE(parse_address(bad)) << bad;
  EXPECT_FALSE(parse_address(std::string_view("1.2.3.4\0x", 9)));
  EXPECT_FALSE(parse_address("192.0.2.1", Family::kIp6));
  EXPECT_EQ(refusal(parse_address("::1", Family::kIp4)),
            "'::1' is not such an address: valid is an IPv4 address, as in 192.0.2.1");
}

TEST(Address, Prefixes) {
  EXPECT_EQ(prefix_text(*parse_prefix("10.0.0.0/8")), "10.0.0.0/8");
  EXPECT_EQ(prefix_text(*parse_prefix("0.0.0.0/0")), "0.0.0.0/0");
  EXPECT_EQ(prefix_text(*parse_prefix("10.0.0.1")), "10.0.0.1/32");
  EXPECT_EQ(prefix_text(*parse_prefix("2001:db8::/33")), "2001:db8::/33");
  EXPECT_EQ(prefix_text(*parse_prefix("2001:db8::1")), "2001:db8::1/128");
  for (const char* bad : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8/8"})
    EXPECT_FALSE(parse_prefix(bad)) << bad;
  EXPECT_EQ(refusal(parse_prefix("10.1.2.3/9")), "'10.1.2.3/9' has bits set behind its first 9: write 10.0.0.0/9");
}

TEST(Address, Ports) {
  EXPECT_EQ(*parse_ports("80"), (PortRange{80, 80}));
  EXPECT_EQ(*parse_ports("1024-65535"), (PortRange{1024, 65535}));
  for (const char* bad : {"", "-", "80-", "-80", "81-80", "65536", "80:90", "any"})
    EXPECT_FALSE(parse_ports(bad)) << bad;
}

TEST(Address, Hex) {
  const std::vector<std::uint8_t> expected = {0x0a, 0x1b, 0x2c};
  for (const char* good : {"0a1b2c", "0A:1b:2C", "0a 1b 2c", "0a1b 2c"}) EXPECT_EQ(*parse_hex(good), expected) << good;
  for (const char* bad : {"", "0", "0a1", "0a::1b", ":0a", "0a:", "zz", "0x0a"}) EXPECT_FALSE(parse_hex(bad)) << bad;
  EXPECT_FALSE(parse_hex("0a1b2c", {1, 2}));
}

TEST(Args, ReadersTellWhereAndWhat) {
  const std::vector<Arg> given = {{"BURST", "32", false, {3, 7}}, {"RATE", "10kpps", false, {3, 20}}};
  ArgReader args(given);
  EXPECT_EQ(args.size(args.keyword("BURST"), {64, 1500}, 99), 99u);
  EXPECT_EQ(args.rate(args.keyword("RATE")), (Rate{10000, false}));
  EXPECT_EQ(args.number(args.keyword("N"), {1, 2}, 7), 7u) << "not given: not checked either";
  const std::vector<ArgError> errors = args.done();
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].pos.column, 7);
  EXPECT_EQ(errors[0].text, "BURST: '32' is not such a size: valid is 64B to 1500B, as in 1500, 64KiB, 1MiB or 10kB");
}

}  // namespace
}  // namespace fulcrum
