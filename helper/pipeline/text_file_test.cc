// SPDX-License-Identifier: MIT
// text_file_test.cc - whole files and single lines.
#include "fulcrum/text_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace fulcrum {
namespace {

std::vector<std::string> lines(std::string_view text) {
  std::vector<std::string> out;
  for_each_line(text, [&](std::string_view line) { out.emplace_back(line); });
  return out;
}

TEST(TextFile, GivesEachLineOnce) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(lines(""), Lines());
  EXPECT_EQ(lines("\n"), Lines({""}));
  EXPECT_EQ(lines("a\n\nb"), Lines({"a", "", "b"}));
  EXPECT_EQ(lines("a\nb\n"), Lines({"a", "b"}));
}

TEST(TextFile, ReadsAllOrSaysWhyNot) {
  const std::string path = std::string(testing::TempDir()) + "text_file_test." + std::to_string(getpid());
  std::string text(200'000, 'x');  // more than one read
  text[100'000] = 0;
  std::ofstream(path, std::ios::binary) << text;
  const auto read = read_text(path);
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(*read, text);
  std::filesystem::remove(path);
  EXPECT_EQ(read_text(path).error().text, "cannot be read: No such file or directory");
  EXPECT_EQ(read_text(testing::TempDir()).error().text, "cannot be read: Is a directory");
}

}  // namespace
}  // namespace fulcrum
