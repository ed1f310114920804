// SPDX-License-Identifier: MIT
// test_frames.h - for this folder's unit tests: packets that lie about themselves.
#pragma once

#include <gtest/gtest.h>

#include <random>

#include "pipeline/testing.h"

namespace fulcrum::testing {

// Frames of random bytes, of sound packets with some bytes changed or cut off, and with
// metadata that contradicts them. Nothing may read or write beyond a frame, and each
// packet has to have a verdict.
class Hostile {
 public:
  Hostile() { std::printf("seed %u\n", seed_); }
  Bytes frame() {
    Bytes f(random_() % 120);
    for (auto& byte : f) byte = static_cast<std::uint8_t>(random_());
    if (random_() % 4 == 0) return f;
    f = random_() % 2 ? udp4(random_() % 1500) : udp6(random_() % 1500);
    static constexpr std::uint8_t kProtocols[] = {0, 1, 6, 17, 43, 44, 51, 58, 60};
    if (random_() % 2) f[f[14] >> 4 == 4 ? 23 : 20] = kProtocols[random_() % std::size(kProtocols)];
    if (random_() % 3 == 0) tag(f);
    for (unsigned n = random_() % 6; n > 0; --n) f[random_() % std::min<std::size_t>(f.size(), 80)] = byte();
    if (random_() % 3 == 0) f.resize(random_() % (f.size() + 20), byte());
    return f;
  }
  void lie(Batch& b, unsigned i) {
    if (random_() % 3) return;
    b.l3_off[i] = static_cast<std::uint16_t>(random_() % 3 ? random_() % 80 : random_());
    b.l4_off[i] = static_cast<std::uint16_t>(random_() % 100);
    b.payload_off[i] = static_cast<std::uint16_t>(random_() % 100);
    b.flags[i] = byte();
  }
  void run(TestPipeline& p, int rounds, bool lies = true) {
    for (int round = 0; round < rounds; ++round) {
      TestBatch batch({});
      batch.batch.now_ns = 1'000'000'000 + static_cast<std::uint64_t>(round) * 1'000'000;
      for (unsigned n = 1 + random_() % 3, i = 0; i < n; ++i) {
        batch.add(frame());
        if (lies) lie(batch.batch, i);
      }
      ASSERT_TRUE(p.run(batch.batch));
      for (unsigned i = 0; i < batch.batch.count; ++i) {
        ASSERT_NE(batch.batch.verdict[i], Verdict::kNone);
        ASSERT_NE(p.reason(batch.batch, i), "no_verdict");
        batch.leaving(i);  // reads all of it
      }
    }
  }

 private:
  std::uint8_t byte() { return static_cast<std::uint8_t>(random_()); }
  void tag(Bytes& f) {
    const Bytes q = {0x81, 0x00, 0, 7}, ad = {0x88, 0xa8, 0, 9};
    const Bytes& one = random_() % 2 ? q : ad;
    f.insert(f.begin() + 12, one.begin(), one.end());
  }

  const unsigned seed_ = std::random_device{}();
  std::mt19937 random_{seed_};
};

}  // namespace fulcrum::testing
