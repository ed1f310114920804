// SPDX-License-Identifier: MIT
// made_test.cc - packets that elements add: where they leave, what they are, when there is no room.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "pipeline/testing.h"
#include "port/pcap_file.h"
#include "replay/replay.h"

namespace fulcrum {
namespace {

namespace fs = std::filesystem;
using testing::Bytes;

// Adds COPIES packets behind each: the same but for the last byte, which counts up.
class Repeat final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup&) override {
    copies_ = static_cast<unsigned>(std::stoi(args[0].text));
    return {};
  }
  void process(Batch& b, Mask in, Mask* out) noexcept override {
    for_each(in, [&](unsigned i) {
      for (unsigned k = 1; k <= copies_; ++k) {
        const Made m = b.maker->make(b, i, 0, b.len[i]);
        if (!m) {
          no_room_.add(1);
          continue;
        }
        std::memcpy(m.batch->data[m.i], b.data[i], b.len[i]);
        m.batch->data[m.i][b.len[i] - 1] = static_cast<std::uint8_t>(10 * b.data[i][b.len[i] - 1] + k);
      }
    });
    out[0] = in;
  }
  std::vector<CounterValue> counters() const override { return {{"no_room", no_room_.value()}}; }

 private:
  unsigned copies_ = 0;
  Count no_room_;
};

constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, nullptr}};
const ElementClass kElements[] = {
    {"Repeat", "Repeat(COPIES)", "", 1, kOutputs, [] { return std::unique_ptr<Element>(new Repeat); }}};

class MadePackets : public ::testing::Test {
 protected:
  MadePackets() : folder_(fs::temp_directory_path() / ("fulcrum_made_" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~MadePackets() override { fs::remove_all(folder_); }

  // The last bytes of what leaves, in order.
  ReplayReport run(const std::string& middle, unsigned packets, std::size_t payload, const std::string& tier = "cpu") {
    auto writer = CaptureWriter::open(folder_ / "in.pcap", false);
    for (unsigned n = 0; n < packets; ++n) {
      Bytes f = testing::udp4(payload);
      f.back() = static_cast<std::uint8_t>(n);
      const auto bytes = static_cast<std::uint32_t>(f.size());
      (*writer)->write({f.data(), bytes, bytes, n * 1000u});
    }
    EXPECT_TRUE((*writer)->commit());
    std::ofstream(folder_ / "p.click") << "require(made_test); FromPort(x) -> " << middle << " -> ToPort(y);";
    auto r = replay({folder_ / "p.click", {folder_ / "in.pcap"}, folder_ / "out.pcap", {}, tier, folder_ / "v.jsonl"});
    EXPECT_TRUE(r) << (r ? "" : r.error().text);
    auto reader = CaptureReader::open(folder_ / "out.pcap");
    CapturedPacket p;
    for (last_.clear(); (*reader)->next(p) && p.len;) {
      EXPECT_EQ(p.len, p.wire_len);
      last_.push_back(p.data[p.len - 1]);
      p.len = 0;
    }
    return r ? *r : ReplayReport{};
  }

  fs::path folder_;
  std::vector<unsigned> last_;
};

TEST_F(MadePackets, LeaveBehindTheirOrigin) {
  const ReplayReport r = run("Repeat(2)", 3, 22);
  EXPECT_EQ(last_, (std::vector<unsigned>{0, 1, 2, 1, 11, 12, 2, 21, 22}));
  EXPECT_EQ(r.packets, 3u);
  EXPECT_EQ(r.made, 6u);
  EXPECT_EQ(r.tx, 9u);
}

TEST_F(MadePackets, MayMakeMoreThemselves) {
  run("Repeat(1) -> Repeat(1)", 2, 22);
  // 0 gets 1 from the first, and from the second both get one more.
  EXPECT_EQ(last_, (std::vector<unsigned>{0, 1, 11, 1, 1, 11, 111, 11}));
}

TEST_F(MadePackets, AreRefusedWhereThereIsNoRoomAndNothingIsLost) {
  const ReplayReport r = run("Repeat(200) -> Repeat(20)", 64, 1400);
  EXPECT_EQ(r.tx, r.packets + r.made);
  EXPECT_EQ(r.packets, 64u);
  EXPECT_LT(r.made, 64u * (201 * 21 - 1)) << "there is an end to the room";
  EXPECT_EQ(run("Repeat(1)", 64, 22).made, 64u) << "and it is free again";
}

}  // namespace
}  // namespace fulcrum

FULCRUM_PLUGIN(made_test) = {fulcrum::kPluginAbi, "made_test", "1.0", fulcrum::kElements};
