// SPDX-License-Identifier: MIT
// pcap_file_test.cc - captures written and read back; cut, foreign and odd files.
#include "port/pcap_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace fulcrum {
namespace {

namespace fs = std::filesystem;

class PcapFile : public ::testing::Test {
 protected:
  PcapFile() : folder_(fs::temp_directory_path() / ("fulcrum_pcap_" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~PcapFile() override { fs::remove_all(folder_); }

  std::string path(const char* name) const { return (folder_ / name).string(); }
  void write(const std::string& file, bool nanoseconds, unsigned packets) {
    auto writer = CaptureWriter::open(file, nanoseconds);
    ASSERT_TRUE(writer) << writer.error().text;
    for (unsigned i = 0; i < packets; ++i) (*writer)->write({bytes_, 60 + i, 1514, 1'700'000'000'123'456'789u + i});
    ASSERT_TRUE((*writer)->commit());
  }
  void spit(const std::string& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }
  std::string slurp(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {})); }

  fs::path folder_;
  std::uint8_t bytes_[256] = {1, 2, 3};
};

TEST_F(PcapFile, KeepsBytesLengthsAndNanoseconds) {
  for (bool nanoseconds : {false, true}) {
    write(path("a.pcap"), nanoseconds, 5);
    auto reader = CaptureReader::open(path("a.pcap"));
    ASSERT_TRUE(reader) << reader.error().text;
    EXPECT_EQ((*reader)->nanoseconds(), nanoseconds);
    CapturedPacket p;
    for (unsigned i = 0; i < 5; ++i) {
      auto got = (*reader)->next(p);
      ASSERT_TRUE(got && *got);
      EXPECT_EQ(p.len, 60 + i);
      EXPECT_EQ(p.wire_len, 1514u);
      EXPECT_EQ(p.time_ns, nanoseconds ? 1'700'000'000'123'456'789 + i : 1'700'000'000'123'456'000);
      EXPECT_EQ(p.data[2], 3);
    }
    auto end = (*reader)->next(p);
    ASSERT_TRUE(end);
    EXPECT_FALSE(*end);
  }
}

TEST_F(PcapFile, TellsWhereAFileIsCut) {
  write(path("a.pcap"), false, 2);
  const std::string whole = slurp(path("a.pcap"));
  for (std::size_t cut : {whole.size() - 1, whole.size() - 61, whole.size() - 70}) {
    spit(path("cut.pcap"), whole.substr(0, cut));
    auto reader = CaptureReader::open(path("cut.pcap"));
    ASSERT_TRUE(reader);
    CapturedPacket p;
    ASSERT_TRUE((*reader)->next(p));
    auto second = (*reader)->next(p);
    ASSERT_FALSE(second) << cut;
    EXPECT_NE(second.error().text.find("after packet 1"), std::string::npos) << second.error().text;
    EXPECT_NE(second.error().text.find("truncated"), std::string::npos) << second.error().text;
  }
}

TEST_F(PcapFile, RefusesWhatIsNoEthernetCapture) {
  spit(path("text"), "this is no capture file, although long enough");
  spit(path("empty"), "");
  write(path("a.pcap"), false, 1);
  std::string other = slurp(path("a.pcap"));
  other[20] = 113;  // LINUX_SLL
  spit(path("sll"), other);
  for (const auto& [name, part] : {std::pair{"text", "not a readable capture"},
                                   {"empty", "not a readable capture"},
                                   {"sll", "LINUX_SLL"},
                                   {"missing", "cannot be read"},
                                   {".", "not a readable capture"}}) {
    auto reader = CaptureReader::open(path(name));
    ASSERT_FALSE(reader) << name;
    EXPECT_NE(reader.error().text.find(part), std::string::npos) << reader.error().text;
  }
}

TEST_F(PcapFile, LeavesNothingWithoutCommit) {
  {
    auto writer = CaptureWriter::open(path("a.pcap"), false);
    ASSERT_TRUE(writer);
    (*writer)->write({bytes_, 60, 60, 0});
  }
  EXPECT_EQ(files(), 0u);
  spit(path("old"), "old");
  {
    auto file = OutputFile::open(path("old"));
    ASSERT_TRUE(file);
    (*file)->write("new", 3);
  }
  EXPECT_EQ(slurp(path("old")), "old");
  auto file = OutputFile::open(path("old"));
  (*file)->write("new", 3);
  ASSERT_TRUE((*file)->commit());
  EXPECT_EQ(slurp(path("old")), "new");
  EXPECT_EQ(files(), 1u);
}

TEST_F(PcapFile, WritesDevicesInPlaceAndReportsErrors) {
  auto null = OutputFile::open("/dev/null");
  ASSERT_TRUE(null);
  (*null)->write("x", 1);
  EXPECT_TRUE((*null)->commit());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  auto full = OutputFile::open("/dev/full");
  ASSERT_TRUE(full);
  (*full)->write("x", 1);
  EXPECT_FALSE((*full)->commit());
  EXPECT_FALSE(OutputFile::open(path("no/such/folder")));
  EXPECT_FALSE(OutputFile::open(folder_.string()));
}

}  // namespace
}  // namespace fulcrum
