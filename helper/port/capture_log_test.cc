// SPDX-License-Identifier: MIT
// capture_log_test.cc - copies of packets reach the file: in turn, over two lanes, and counted when the disk is full.
#include "port/capture_log.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "port/pcap_file.h"

namespace fulcrum {
namespace {

namespace fs = std::filesystem;

class CaptureLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char made[] = "/tmp/capture_log_XXXXXX";
    ASSERT_NE(mkdtemp(made), nullptr);
    folder = made;
  }
  void TearDown() override { fs::remove_all(folder); }

  // One packet of `bytes`, numbered in its first bytes and its time.
  void put(TapLane& lane, std::uint32_t number, std::uint32_t bytes) {
    static Batch b;
    std::vector<std::uint8_t> frame(bytes, 0x5a);
    std::memcpy(&frame[14], &number, 4);
    b.count = 1, b.data[0] = frame.data(), b.len[0] = bytes;
    b.l3_off[0] = 14, b.l4_off[0] = 0, b.proto[0] = b.flags[0] = 0;
    b.rx_ns[0] = 0, b.now_ns = 1'700'000'000'000'000'000 + number;
    b.reset_results(0);
    ASSERT_TRUE(lane.put(b, 0));
  }
  // Numbers of all packets of a file.
  std::vector<std::uint32_t> numbers(const std::string& name) {
    std::vector<std::uint32_t> all;
    auto reader = CaptureReader::open(folder + "/" + name);
    EXPECT_TRUE(reader) << (reader ? "" : reader.error().text);
    CapturedPacket p;
    while (reader && *(*reader)->next(p)) {
      std::uint32_t n;
      std::memcpy(&n, p.data + 14, 4);
      EXPECT_EQ(p.time_ns, 1'700'000'000'000'000'000 + n);
      all.push_back(n);
    }
    return all;
  }
  std::unique_ptr<PacketTap> tap(const std::string& name) {
    return std::make_unique<PacketTap>(std::make_unique<CaptureLog>(folder + "/" + name, false));
  }

  std::string folder;
};

TEST_F(CaptureLogTest, LosesNothingOverTwoLanes) {
  {
    auto t = tap("x.pcap");
    auto a = t->lane({}, 1 << 20, true), b = t->lane({}, 1 << 20, true);
    for (std::uint32_t n = 0; n < 1000; ++n) put(n % 3 ? *a : *b, n, 60 + n % 1400);
    a->close(), b->close();
  }
  std::vector<std::uint32_t> seen = numbers("x.pcap"), all(1000);
  for (std::uint32_t n = 0; n < 1000; ++n) all[n] = n;
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, all);
}

TEST_F(CaptureLogTest, LosslessOutgrowsItsRing) {
  {
    auto t = tap("x.pcap");
    auto lane = t->lane({}, 64 << 10, true);
    for (std::uint32_t n = 0; n < 2000; ++n) put(*lane, n, 1000);
  }
  const std::vector<std::uint32_t> seen = numbers("x.pcap");
  ASSERT_EQ(seen.size(), 2000u);
  for (std::uint32_t n = 0; n < 2000; ++n) ASSERT_EQ(seen[n], n);
}

TEST_F(CaptureLogTest, FilesTakeTurns) {
  TapStyle style;
  style.max_file_bytes = 24 + 10 * 116, style.files = 3;
  {
    auto t = tap("x.pcap");
    auto lane = t->lane(style, 1 << 20, true);
    for (std::uint32_t n = 0; n < 45; ++n) put(*lane, n, 100);
  }
  EXPECT_EQ(numbers("x.pcap"), (std::vector<std::uint32_t>{40, 41, 42, 43, 44}));
  EXPECT_EQ(numbers("x.pcap.1").front(), 30u);
  EXPECT_EQ(numbers("x.pcap.2").front(), 20u);
  EXPECT_EQ(numbers("x.pcap.2").size(), 10u);
  EXPECT_FALSE(fs::exists(folder + "/x.pcap.3"));
  // What is there is kept as a full one would be.
  {
    auto t = tap("x.pcap");
    put(*t->lane(style, 1 << 20, true), 99, 100);
  }
  EXPECT_EQ(numbers("x.pcap"), std::vector<std::uint32_t>{99});
  EXPECT_EQ(numbers("x.pcap.1").front(), 40u);
  EXPECT_EQ(numbers("x.pcap.2").front(), 30u);
}

TEST_F(CaptureLogTest, WithoutPacketsThereIsNoFile) {
  { auto lane = tap("x.pcap")->lane({}, 1 << 20, true); }
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(CaptureLogTest, ANextLaneGoesOnWithTheFile) {
  auto t = tap("x.pcap");
  auto before = t->lane({}, 1 << 20, true);
  put(*before, 1, 60);
  auto after = t->lane({}, 1 << 20, true);
  before->close();
  put(*after, 2, 60);
  t.reset();
  EXPECT_EQ(numbers("x.pcap"), (std::vector<std::uint32_t>{1, 2}));
}

TEST_F(CaptureLogTest, AFullRingOfAnInterfaceLosesAndSaysSo) {
  TapLane lane({}, 4096, false);  // nobody takes anything out
  Batch b;
  std::uint8_t frame[500] = {};
  b.data[0] = frame, b.len[0] = sizeof frame, b.rx_ns[0] = 0, b.now_ns = 1;
  b.l3_off[0] = b.l4_off[0] = 0, b.proto[0] = b.flags[0] = 0;
  b.reset_results(0);
  unsigned taken = 0;
  for (unsigned n = 0; n < 20; ++n) taken += lane.put(b, 0);
  EXPECT_GT(taken, 0u);
  EXPECT_LT(taken, 20u);
}

TEST_F(CaptureLogTest, AWriteThatFailsIsCounted) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  fs::create_symlink("/dev/full", folder + "/x.pcap");
  auto t = tap("x.pcap");
  TapStyle style;
  auto lane = t->lane(style, 1 << 20, true);
  for (unsigned tries = 0; !lane->failed() && tries < 5000; ++tries) {
    put(*lane, tries, 1000);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_GT(lane->failed(), 0u);
}

TEST_F(CaptureLogTest, RefusesWhatIsNoPlaceForAFile) {
  EXPECT_EQ(CaptureLog::refusal(folder + "/x.pcap"), "");
  EXPECT_NE(CaptureLog::refusal(folder), "");
  EXPECT_NE(CaptureLog::refusal(folder + "/none/x.pcap"), "");
  EXPECT_NE(CaptureLog::refusal("/dev/null"), "");
}

TEST_F(CaptureLogTest, BothWaysOfWritingGiveTheSameBytes) {
  std::vector<std::uint8_t> data(3'000'001);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i * 2654435761u >> 13);
  for (const auto way : {AsyncFile::Way::kUring, AsyncFile::Way::kDirect}) {
    const std::string path = folder + "/bytes";
    {
      auto file = AsyncFile::open(path, way);
      ASSERT_TRUE(file);
      EXPECT_TRUE(way == AsyncFile::Way::kUring || !(*file)->uses_uring());
      for (std::size_t at = 0, part = 1; at < data.size(); at += part, part = part * 3 % 300'007) {
        (*file)->append(&data[at], std::min(part, data.size() - at));
        if (part % 7 == 0) (*file)->flush();
      }
      EXPECT_EQ((*file)->finish(), 0);
      EXPECT_EQ((*file)->size_bytes(), data.size());
    }
    std::ifstream in(path, std::ios::binary);
    const std::vector<std::uint8_t> back{std::istreambuf_iterator<char>(in), {}};
    EXPECT_TRUE(back == data);
  }
}

}  // namespace
}  // namespace fulcrum
