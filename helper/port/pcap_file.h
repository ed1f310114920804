// SPDX-License-Identifier: MIT
// pcap_file.h - capture files: pcap and pcapng in, classic pcap out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "fulcrum/result.h"
#include "port/output_file.h"

struct pcap;

namespace fulcrum {

struct CapturedPacket {
  const std::uint8_t* data = nullptr;
  std::uint32_t len = 0;       // bytes that are in the file
  std::uint32_t wire_len = 0;  // bytes that were on the wire
  std::uint64_t time_ns = 0;   // since 1970
};

inline constexpr std::uint32_t kMaxCapturedBytes = 262144;  // libpcap's limit for Ethernet

// Reads Ethernet captures through libpcap.
class CaptureReader {
 public:
  // Errors: not there, no capture, or a link type other than Ethernet.
  static Result<std::unique_ptr<CaptureReader>> open(const std::string& path);
  ~CaptureReader();
  CaptureReader(const CaptureReader&) = delete;
  CaptureReader& operator=(const CaptureReader&) = delete;

  // True: `p` holds a packet, valid until the next call. False: the end.
  // Errors: the file is cut or damaged, with the place.
  Result<bool> next(CapturedPacket& p);
  const std::string& path() const { return path_; }
  // Whether its times may be finer than a microsecond.
  bool nanoseconds() const { return nanoseconds_; }

 private:
  CaptureReader(std::string path, pcap* handle, bool nanoseconds)
      : path_(std::move(path)), handle_(handle), nanoseconds_(nanoseconds) {}

  std::string path_;
  pcap* handle_;
  bool nanoseconds_;
  std::uint64_t packets_ = 0;
};

// Writes an Ethernet capture, which appears at its place on commit().
class CaptureWriter {
 public:
  static Result<std::unique_ptr<CaptureWriter>> open(const std::string& path, bool nanoseconds);
  void write(const CapturedPacket& p) noexcept;
  Result<void> commit() { return file_->commit(); }

 private:
  CaptureWriter(std::unique_ptr<OutputFile> file, bool nanoseconds)
      : file_(std::move(file)), nanoseconds_(nanoseconds) {}

  std::unique_ptr<OutputFile> file_;
  bool nanoseconds_;
};

}  // namespace fulcrum
