// SPDX-License-Identifier: MIT
// payload_match_test.cc - PayloadMatch: arguments, range, and one answer by
// process() and by kernel and finish().
#include "payload_match.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "device/testing.h"
#include "ids_testing.h"

namespace fulcrum::ids {
namespace {

Mask matched_by_both(PayloadMatch& element, Frames& frames) {
  Batch other = frames.b;
  const Mask in = frames.b.all();
  Mask by_cpu[2] = {}, by_device[2] = {};
  element.process(frames.b, in, by_cpu);
  testing::OffloadRun(element, other, in).finish(element, other, by_device);
  EXPECT_EQ(by_cpu[0], by_device[0]);
  EXPECT_EQ(by_cpu[1], by_device[1]);
  EXPECT_EQ(by_cpu[0] | by_cpu[1], in);
  EXPECT_EQ(std::memcmp(frames.b.alert, other.alert, 4 * other.count), 0);
  return by_cpu[1];
}

TEST(PayloadMatch, SearchesPayloadsOnly) {
  TestSetup setup;
  PayloadMatch element;
  const std::vector<Arg> args{{"PATTERNS", "GET /", true, {1, 1}}, {"", std::string("\0\1", 2), true, {1, 2}}};
  ASSERT_TRUE(element.configure(args, setup).empty());
  Frames f;
  f.add("GET /index");
  f.add("get /index");
  f.add(std::string_view("a\0\1b", 4));
  f.add(std::string_view("\0\1 GET /", 8));
  f.add("nothing", "GET /");
  f.add("GET /", "", false);
  f.add("");
  EXPECT_EQ(matched_by_both(element, f), Mask{0b0001101});
  EXPECT_EQ(f.b.alert[0], 1u);
  EXPECT_EQ(f.b.alert[2], 2u);
  EXPECT_EQ(f.b.alert[3], 1u) << "the lowest number";
  EXPECT_EQ(f.b.alert[1], 0u);
}

TEST(PayloadMatch, RefusesWrongArguments) {
  TestSetup setup;
  const auto errors = [&](std::vector<Arg> args) { return PayloadMatch().configure(args, setup).size(); };
  EXPECT_EQ(errors({}), 1u);
  EXPECT_EQ(errors({{"PATTERN", "x", true, {}}}), 1u);
  EXPECT_EQ(errors({{"", "x", true, {}}}), 1u);
  EXPECT_EQ(errors({{"PATTERNS", "", true, {}}, {"", "", true, {}}}), 2u) << "all errors in one go";
  EXPECT_EQ(errors({{"PATTERNS", "x", true, {}}, {"FILE", "y", true, {}}}), 1u);
  EXPECT_EQ(errors({{"FILE", "/nonexistent", true, {}}}), 1u);
  EXPECT_EQ(errors({{"FILE", "/nonexistent", true, {}}, {"", "x", true, {}}}), 1u);
}

}  // namespace
}  // namespace fulcrum::ids
