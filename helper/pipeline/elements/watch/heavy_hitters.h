// SPDX-License-Identifier: MIT
// heavy_hitters.h - a stream of keys with weights -> those that weigh most, in fixed room.
//
// Every key of more than 1/capacity of the whole weight is there. A key that comes
// when all places are taken gets that of the lightest and starts with its weight,
// which is thus the most it can be too heavy by: `over`.
// Source: A. Metwally, D. Agrawal, A. El Abbadi, "Efficient Computation of Frequent
//         and Top-k Elements in Data Streams" (Space-Saving), ICDT 2005. Places stand in
//         a binary heap, since weights are bytes as well as ones.
//
// Threads: rows() and lightest() any; all else the one that counts.
// Owns:    places of fixed number, made by the constructor.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/seq_box.h"
#include "fulcrum/count.h"
#include "pipeline/elements/watch/flow_key.h"

namespace fulcrum {

class HeavyHitters {
 public:
  enum class Weight : std::uint8_t { kPackets, kBytes };

  HeavyHitters(std::uint32_t capacity, Weight weight);

  struct Row {
    FlowKey key;
    std::uint64_t packets, bytes;  // counted since the key has its place
    std::uint64_t over;            // weight it may have had before, at most
  };

  // Context: data path.
  void add(const FlowKey& key, std::uint64_t packets, std::uint64_t bytes, std::uint64_t over = 0) noexcept;
  void clear() noexcept;
  // As if all that `other` saw had come here, as far as it knows.
  void merge(const HeavyHitters& other) noexcept;

  std::vector<Row> rows() const;
  // What a key without place weighs at most.
  std::uint64_t lightest() const noexcept { return lightest_.load(std::memory_order_relaxed); }
  std::uint32_t capacity() const { return capacity_; }
  Weight weight() const { return weight_; }

 private:
  struct Place {
    SeqBox<FlowKey> shown;  // for readers
    FlowKey key;
    Count packets, bytes, over;
    std::uint64_t weight = 0;
    std::uint32_t heap = 0;    // where it stands in heap_
    std::uint32_t next = ~0u;  // in its bucket
  };
  static constexpr std::uint32_t kNone = ~0u;

  std::uint32_t& bucket(const FlowKey& key) noexcept { return buckets_[flow_hash(key) & mask_]; }
  std::uint32_t find(const FlowKey& key) noexcept;
  std::uint32_t take(const FlowKey& key) noexcept;
  void unlink(std::uint32_t place) noexcept;
  void sink(std::uint32_t at) noexcept;
  void rise(std::uint32_t at) noexcept;
  void set(std::uint32_t at, std::uint32_t place) noexcept;
  static Row row(const Place& p);

  const std::uint32_t capacity_;
  const Weight weight_;
  const std::uint32_t mask_;
  std::unique_ptr<Place[]> places_;
  std::vector<std::uint32_t> heap_;     // places, the lightest first; used_ of them
  std::vector<std::uint32_t> buckets_;  // first place, by hash
  std::atomic<std::uint32_t> used_{0};
  std::atomic<std::uint64_t> lightest_{0};
};

}  // namespace fulcrum
