// SPDX-License-Identifier: MIT
// capture_tap.h - elements that write captures: the tap for a file, and their way into it.
//
// All elements and workers that name one file share its tap, and so does the next
// pipeline: a change of pipeline neither cuts nor empties the file.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "fulcrum/args.h"
#include "port/capture_log.h"
#include "port/packet_tap.h"
#include "port/pcap_file.h"

namespace fulcrum {

// Owns: one worker's lane, which it closes at its end.
class CaptureTap {
 public:
  CaptureTap() = default;
  ~CaptureTap() {
    if (lane_) lane_->close();
  }
  CaptureTap(const CaptureTap&) = delete;
  CaptureTap& operator=(const CaptureTap&) = delete;

  // `file` is the argument that names it, and where refusals point.
  void open(ArgReader& args, const Arg& file, TapStyle style, Setup& setup) {
    if (file.text.empty()) return args.error(file.pos, "the name of the capture file is empty");
    std::error_code ignored;
    const std::string path = std::filesystem::weakly_canonical(setup.resolve_path(file.text), ignored).string();
    if (std::string why = CaptureLog::refusal(path); !why.empty()) return args.error(file.pos, std::move(why));
    const std::string key = "capture:" + path;
    tap_ = std::static_pointer_cast<PacketTap>(setup.shared(key, [&]() -> std::shared_ptr<void> {
      if (std::shared_ptr<void> before = setup.inherited(key)) return before;
      return std::make_shared<PacketTap>(std::make_unique<CaptureLog>(path, setup.live()));
    }));
    lane_ = tap_->lane(std::move(style), kRingBytes, !setup.live());
  }

  // Context: data path; open() succeeded.
  bool put(const Batch& b, unsigned i) noexcept { return lane_->put(b, i); }
  // Packets that were taken, but could not be written.
  std::uint64_t failed() const noexcept { return lane_ ? lane_->failed() : 0; }

 private:
  static constexpr std::size_t kRingBytes = 4 << 20;
  std::shared_ptr<PacketTap> tap_;
  std::shared_ptr<TapLane> lane_;
};

}  // namespace fulcrum
