// SPDX-License-Identifier: MIT
// batch.h - up to 64 packets side by side: what elements read and write.
//
// A batch has exactly one holder at a time (worker, pipeline, device task).
// Structure of arrays: slot i of every array belongs to packet i. A subset of a
// batch is a 64-bit mask; bit i is packet i. Packets are never copied or moved
// between slots.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "fulcrum.h"  // include/uapi

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace fulcrum {

using Mask = std::uint64_t;
inline constexpr unsigned kBatchSize = 64;
inline constexpr std::uint16_t kNoPort = 0xffff;
// Room that every frame has in front of and behind its bytes as received: a packet
// may grow by that much at either end, over all elements it passes.
inline constexpr std::uint32_t kHeadroomBytes = 128;
inline constexpr std::uint32_t kTailroomBytes = 128;

inline constexpr Mask mask_of(unsigned count) { return count >= 64 ? ~Mask{0} : (Mask{1} << count) - 1; }

// Calls f(i) for each packet i of m, lowest first.
template <class F>
inline void for_each(Mask m, F&& f) {
  for (; m; m &= m - 1) f(static_cast<unsigned>(std::countr_zero(m)));
}

enum class Verdict : std::uint8_t {
  kNone = FULCRUM_VERDICT_NONE,
  kTx = FULCRUM_VERDICT_TX,
  kDrop = FULCRUM_VERDICT_DROP,
  kKernel = FULCRUM_VERDICT_KERNEL,
};

// Index into the pipeline's table of reason names; 0 is "none".
using Reason = std::uint16_t;

// Ethernet addresses that a packet shall leave with. They are written last, where
// it is copied anyway: a frame that the worker never wrote to costs the core that
// receives less (no dirty cache line to fetch back).
struct L2Rewrite {
  std::uint8_t dst[6];
  std::uint8_t src[6];
  std::uint32_t valid;  // kL2 bits
};
inline constexpr std::uint32_t kL2Dst = 1;
inline constexpr std::uint32_t kL2Src = 2;
inline constexpr std::uint32_t kL2Always = 4;  // also on the way to the kernel (else only when transmitted)

struct Batch;

// A packet that an element adds: slot `i` of `batch`; null: there is none.
struct Made {
  Batch* batch = nullptr;
  unsigned i = 0;
  explicit operator bool() const { return batch != nullptr; }
};

// Where new packets come from. Threads: the one that runs the elements.
class PacketMaker {
 public:
  // A packet of `bytes` with undefined content that leaves the element which is
  // running by `output`, and the machine right behind packet `origin` of `b`, which
  // may itself be dropped. The columns are `origin`'s, results are cleared: the
  // caller writes the bytes, then reparse()s where headers differ.
  // Null: no frame is free, or `bytes` are more than one holds; the caller counts it.
  // A caller that has made some, but not all it needs, may take them back before it
  // returns: m.batch->drop(m.i, reason).
  // Context: data path, inside process() or Offload::finish() only.
  virtual Made make(Batch& b, unsigned origin, unsigned output, std::uint32_t bytes) noexcept = 0;

 protected:
  ~PacketMaker() = default;
};

struct Batch {
  unsigned count = 0;         // slots 0..count-1 are in use
  std::uint8_t tier = 0;      // fulcrum_tier that the packets were steered to
  std::uint16_t in_port = 0;  // port they came from
  // When the batch was received: monotonic; in `fulcrum run` the capture's time.
  std::uint64_t now_ns = 0;
  PacketMaker* maker = nullptr;  // the holder's

  alignas(64) std::uint8_t* data[kBatchSize];  // first byte of the Ethernet header
  std::uint32_t len[kBatchSize];               // bytes from data on
  std::uint64_t frame[kBatchSize];             // holder's handle (UMEM address, replay index)

  // Offsets from data, from XDP's parse; 0 where there is none.
  std::uint16_t l3_off[kBatchSize];
  std::uint16_t l4_off[kBatchSize];
  std::uint16_t payload_off[kBatchSize];
  std::uint8_t proto[kBatchSize];
  std::uint8_t flags[kBatchSize];  // FULCRUM_META_*
  std::uint8_t bucket[kBatchSize];
  std::uint32_t hash[kBatchSize];
  std::uint32_t pos[kBatchSize];    // place in the ring, for fences and retiring
  std::uint64_t rx_ns[kBatchSize];  // 0: not stamped; same clock as now_ns

  // Written by elements.
  Verdict verdict[kBatchSize];
  Reason reason[kBatchSize];
  std::uint16_t out_port[kBatchSize];  // port index, kNoPort: none chosen yet
  L2Rewrite l2[kBatchSize];
  std::uint32_t alert[kBatchSize];  // 0: none; else a pattern or rule id + 1
  std::uint8_t paint[kBatchSize];   // Paint's colour, 0 as received

  Mask all() const { return mask_of(count); }
  // When packet i came, as near as it is known.
  std::uint64_t time_ns(unsigned i) const { return rx_ns[i] ? rx_ns[i] : now_ns; }

  // Final answers. A packet that has one is in no output mask. One that an element
  // sends to an output may have reason[i] set: it counts if nobody connected that output.
  void drop(unsigned i, Reason why) { verdict[i] = Verdict::kDrop, reason[i] = why; }
  void to_kernel(unsigned i, Reason why) { verdict[i] = Verdict::kKernel, reason[i] = why; }
  void transmit(unsigned i, std::uint16_t port) { verdict[i] = Verdict::kTx, reason[i] = 0, out_port[i] = port; }

  // What of l2[i] applies to the verdict of packet i.
  std::uint32_t l2_bits(unsigned i) const {
    return verdict[i] == Verdict::kTx || (l2[i].valid & kL2Always) ? l2[i].valid & (kL2Dst | kL2Src) : 0;
  }

  std::uint8_t* l3(unsigned i) { return data[i] + l3_off[i]; }
  const std::uint8_t* l3(unsigned i) const { return data[i] + l3_off[i]; }
  std::uint32_t l3_len(unsigned i) const { return len[i] - l3_off[i]; }

  // Packet i becomes `bytes` long: at most kTailroomBytes longer than it came. Before the new bytes are written.
  void resize(unsigned i, std::uint32_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
    if (bytes > len[i]) __asan_unpoison_memory_region(data[i] + len[i], bytes - len[i]);
#endif
    len[i] = bytes;
  }

  // Packet i gets `bytes` of undefined content in front; offsets follow. At most kHeadroomBytes in all.
  void push(unsigned i, std::uint32_t bytes) {
    data[i] -= bytes;
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(data[i], bytes);
#endif
    len[i] += bytes;
    shift(i, static_cast<int>(bytes));
  }
  // Packet i loses its first `bytes`, of which it has at least as many. Offsets into what is gone become 0.
  void pull(unsigned i, std::uint32_t bytes) {
    data[i] += bytes;
    len[i] -= bytes;
    shift(i, -static_cast<int>(bytes));
  }

  // Offsets, protocol, flags and hash from a fulcrum_meta or a fulcrum_parsed.
  template <class Parsed>
  void set_headers(unsigned i, const Parsed& p) {
    l3_off[i] = p.l3_off;
    l4_off[i] = p.l4_off;
    payload_off[i] = p.payload_off;
    proto[i] = p.proto;
    flags[i] = p.flags;
    hash[i] = p.hash;
  }
  // Packet i came as packet k of `of` did and has its headers; bytes, length and results are the caller's.
  void came_like(unsigned i, const Batch& of, unsigned k) {
    l3_off[i] = of.l3_off[k];
    l4_off[i] = of.l4_off[k];
    payload_off[i] = of.payload_off[k];
    proto[i] = of.proto[k];
    flags[i] = of.flags[k];
    bucket[i] = of.bucket[k];
    hash[i] = of.hash[k];
    pos[i] = of.pos[k];
    rx_ns[i] = of.rx_ns[k];
  }

  // Clears what elements write; the rest is the receiver's to fill.
  void reset_results(unsigned i) {
    verdict[i] = Verdict::kNone;
    reason[i] = 0;
    out_port[i] = kNoPort;
    l2[i].valid = 0;
    alert[i] = 0;
    paint[i] = 0;
  }

 private:
  void shift(unsigned i, int bytes) {
    for (std::uint16_t* off : {&l3_off[i], &l4_off[i], &payload_off[i]})
      if (*off) *off = static_cast<std::uint16_t>(*off + bytes > 0 ? *off + bytes : 0);
  }
};

// Writes the addresses of `l2` into the frame.
inline void apply_l2(std::uint8_t* frame, std::uint32_t len, const L2Rewrite& l2) {
  if (len < 12) return;
  if (l2.valid & kL2Dst) std::memcpy(frame, l2.dst, 6);
  if (l2.valid & kL2Src) std::memcpy(frame + 6, l2.src, 6);
}

}  // namespace fulcrum
