// SPDX-License-Identifier: MIT
// traffic.h - made-up packets in frames of a UMEM-like memory -> batches, in order of arrival.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fulcrum/batch.h"
#include "fulcrum/result.h"

namespace fulcrum {

struct TrafficShape {
  std::uint32_t packet_bytes = 512;  // Ethernet frame without checksum
  unsigned frames = 16384;           // packets that differ; a multiple of kBatchSize
  std::vector<std::string> words;    // strewn into payloads, one in a packet of each 32
  std::uint64_t seed = 1;
};

// IPv4 with UDP; payloads are half text as of HTTP, half bytes of any value.
// Threads: one.
class Traffic {
 public:
  // Errors: no memory; a packet too short for its headers or too long for a frame.
  static Result<Traffic> make(const TrafficShape& shape);
  ~Traffic();
  Traffic(Traffic&& other) noexcept;
  Traffic& operator=(Traffic&&) = delete;

  unsigned batches() const noexcept { return shape_.frames / kBatchSize; }
  const TrafficShape& shape() const noexcept { return shape_; }
  const std::uint8_t* memory() const noexcept { return memory_; }
  std::uint64_t memory_bytes() const noexcept { return std::uint64_t{shape_.frames} * kFrameBytes; }

  // Fills `b` with the packets of batch `n` as a receiver does; the first is number `position` since the start.
  // Headers are written anew: an element may have changed them.
  void receive(Batch& b, unsigned n, std::uint32_t position) const noexcept;

  static constexpr std::uint32_t kFrameBytes = 2048;
  static constexpr std::uint32_t kHeaderBytes = 14 + 20 + 8;

 private:
  explicit Traffic(const TrafficShape& shape) : shape_(shape) {}
  void fill();

  TrafficShape shape_;
  std::uint8_t* memory_ = nullptr;
  std::vector<std::uint8_t> headers_;  // kHeaderBytes of each frame
};

}  // namespace fulcrum
