// SPDX-License-Identifier: MIT
// full.cc - what parity has and parity_static has not: captures and large tasks.
#include <algorithm>
#include <filesystem>
#include <random>

#include "parity.h"
#include "port/pcap_file.h"

namespace fulcrum::parity {
namespace {

constexpr std::size_t kFramesEach = 40;  // of a capture, so that many have their part
constexpr std::size_t kFrames = 8000;

}  // namespace

Options default_options() {
  Options o;
  o.seed = std::random_device{}();
  o.rounds = 2;
  return o;
}

std::vector<Bytes> real_frames(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code missing;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, missing))
    if (entry.is_regular_file() && entry.file_size() < 4 << 20) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> frames;
  for (const std::string& path : paths) {
    auto file = CaptureReader::open(path);
    if (!file) continue;  // compressed, or of another link type
    CapturedPacket p;
    for (std::size_t n = 0; n < kFramesEach && frames.size() < kFrames; ++n) {
      const auto more = (*file)->next(p);
      if (!more || !*more) break;
      if (p.len >= 14 && p.len <= kMaxFrame) frames.emplace_back(p.data, p.data + p.len);
    }
  }
  return frames;
}

}  // namespace fulcrum::parity
