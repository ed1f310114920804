// SPDX-License-Identifier: MIT
// random_frames.h - for tests: packets of every kind, in batches over one run of memory as in a UMEM.
#pragma once

#include <cstring>
#include <random>
#include <vector>

#include "fulcrum/batch.h"
#include "fulcrum_parse.h"

namespace fulcrum::testing {

// One frame of random kind: IPv4 or IPv6 with UDP, TCP or neither, with padding, cut short, or noise.
// Its addresses, ports and payload are random.
inline std::vector<std::uint8_t> random_frame(std::mt19937& random, std::uint32_t max_bytes) {
  const std::uint32_t length = 14 + random() % (max_bytes - 13);
  std::vector<std::uint8_t> f(length);
  for (std::uint8_t& b : f) b = static_cast<std::uint8_t>(random());
  const auto put16 = [&](std::size_t at, std::uint32_t v) {
    f[at] = static_cast<std::uint8_t>(v >> 8), f[at + 1] = static_cast<std::uint8_t>(v);
  };
  const unsigned kind = random() % 8;
  if (kind == 0 || length < 62) return f;
  const bool v6 = kind >= 5;
  const std::uint32_t padding = random() % 3 ? 0 : random() % (length - 61);
  const std::uint32_t claimed = length - 14 - padding + (random() % 16 ? 0 : 40);  // now and then: cut short
  const std::uint8_t kProto[] = {17, 6, 17, 50};
  const std::uint8_t proto = kProto[random() % 4];
  put16(12, v6 ? 0x86dd : 0x0800);
  f[14] = v6 ? 0x60 : 0x45;
  if (v6) {
    put16(18, claimed - 40);
    f[20] = proto;
  } else {
    put16(16, claimed);
    put16(20, 0);
    f[23] = proto;
  }
  const std::size_t tcp_offset = v6 ? 66 : 46;
  if (proto == 6 && tcp_offset < length) f[tcp_offset] = 0x50;
  return f;
}

// Frames behind one another, as in a UMEM.
class Frames {
 public:
  // A frame, its shift and its tailroom have bytes_each.
  explicit Frames(std::size_t batches, std::uint32_t bytes_each = 2048)
      : bytes_each_(bytes_each), bytes_(batches * kBatchSize * bytes_each), batches_(batches) {}
  const std::uint8_t* base() const { return bytes_.data(); }
  std::size_t bytes() const { return bytes_.size(); }
  Batch& batch(std::size_t n) { return batches_[n]; }
  std::size_t size() const { return batches_.size(); }

  // Batch n gets `count` random packets of at most max_bytes.
  void fill(std::size_t n, unsigned count, std::uint32_t max_bytes, std::mt19937& random) {
    Batch& b = batches_[n];
    b.count = 0;
    for (unsigned i = 0; i < count; ++i) put(n, random_frame(random, max_bytes), random() % 32);
  }
  // Appends a frame; it starts `shift` bytes further on than the slot.
  void put(std::size_t n, const std::vector<std::uint8_t>& frame, std::uint32_t shift = 0) {
    Batch& b = batches_[n];
    const unsigned i = b.count++;
    b.data[i] = &bytes_[(n * kBatchSize + i) * bytes_each_ + shift];
    std::memcpy(b.data[i], frame.data(), frame.size());
    b.len[i] = static_cast<std::uint32_t>(frame.size());
    fulcrum_parsed p;
    fulcrum_parse(b.data[i], b.data[i] + frame.size(), &p);
    b.set_headers(i, p);
    b.reset_results(i);
  }

 private:
  std::uint32_t bytes_each_;
  std::vector<std::uint8_t> bytes_;
  std::vector<Batch> batches_;
};

}  // namespace fulcrum::testing
