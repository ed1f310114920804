// SPDX-License-Identifier: MIT
// capture_log.h - packets -> a capture file that others take turns with.
//
// The file has always the same name; when it is full it becomes NAME.1, what was
// that NAME.2, and so on: the oldest goes. A file that is there when the first
// packet comes is moved on in the same way. Nothing is written before that packet.
//
// Format: pcap with nanoseconds, Ethernet.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "port/async_file.h"
#include "port/packet_tap.h"

namespace fulcrum {

class CaptureLog final : public TapSink {
 public:
  // `live`: times are CLOCK_MONOTONIC and become times of day; else they are already.
  CaptureLog(std::string path, bool live) : path_(std::move(path)), live_(live) {}

  void joined() noexcept override { retry_.store(true, std::memory_order_relaxed); }
  bool packet(const TapStyle& style, const TapRecord& r, const std::uint8_t* bytes) noexcept override;
  void idle() noexcept override;

  // Empty, or why no file of that name could be written.
  static std::string refusal(const std::string& path);

 private:
  bool open(const TapStyle& style) noexcept;
  void follow_clock() noexcept;
  void fail(const std::string& why) noexcept;

  const std::string path_;
  const bool live_;
  std::unique_ptr<AsyncFile> file_;
  std::uint64_t offset_ns_ = 0;  // from packets' time to that of day
  bool failed_ = false;
  std::atomic<bool> retry_{false};  // once, where it failed
};

}  // namespace fulcrum
