// SPDX-License-Identifier: MIT
// aggregate_testing.h - for unit tests: an aggregator over random batches and a device that fails as told.
#pragma once

#include "device/aggregate.h"
#include "device/testing.h"

namespace fulcrum::testing {

inline const KernelDecl kWhole = sum_decl("whole", PacketRange::kWhole);
inline const KernelDecl kHeader = sum_decl("header", PacketRange::kL3Header, 24);
inline const KernelDecl kPayload = sum_decl("payload", PacketRange::kPayload);

// Only handed through.
inline Walk* walk_of(std::size_t n) { return reinterpret_cast<Walk*>(n * 64 + 64); }
inline std::size_t number_of(const Walk* w) { return reinterpret_cast<std::uintptr_t>(w) / 64 - 1; }

// One aggregator over random batches, its chains and a scripted device.
struct Bench {
  explicit Bench(AggregateLimits limits, unsigned batches = 64, unsigned seed = std::random_device{}())
      : seed(seed), random(seed), limits(limits), frames(batches) {
    for (std::size_t n = 0; n < batches; ++n) frames.fill(n, 1 + random() % kBatchSize, 400, random);
    chains = {chain_of({&whole}), chain_of({&header}), chain_of({&whole, &payload})};
  }
  std::unique_ptr<DeviceLane> lane() {
    auto opened = DeviceLane::open(device, chains, frames.base(), frames.bytes(), lane_limits(limits));
    EXPECT_TRUE(opened) << opened.error().text;
    return std::move(*opened);
  }
  void start(bool with_lane = true) {
    tasks = std::make_unique<TaskAggregator>(chains, with_lane ? lane() : nullptr, frames.base(), limits);
  }
  bool add(std::size_t chain = 0, Mask mask = ~Mask{0}) {
    Batch& b = frames.batch(added % frames.size());
    mask &= b.all();
    mask |= 1;
    if (!tasks->add(&b, walk_of(added), mask, chain, now)) return false;
    sent.push_back({chain, mask});
    ++added;
    return true;
  }
  // Takes all that is there; each batch in its turn with the right results.
  void take_all() {
    for (TaskAggregator::Ready r; tasks->take(r); ++taken) {
      ASSERT_LT(taken, added);
      const std::size_t n = number_of(r.walk);
      ASSERT_LT(n, added);
      ASSERT_EQ(r.batch, &frames.batch(n % frames.size()));
      for (std::size_t& next = next_of_chain[sent[n].chain]; next != n; ++next)
        ASSERT_NE(sent[next].chain, sent[n].chain) << "batch " << n << " overtook " << next;
      ++next_of_chain[sent[n].chain];
      // Where each batch is a task of its own, all of them keep their order.
      if (limits.max_packets == 1) {
        ASSERT_EQ(n, taken);
      }
      const OffloadChain& c = chains[sent[n].chain];
      for (unsigned s = 0; s < c.stage.size(); ++s) {
        const ItemResults items = r.results.stage(s);
        const KernelDecl& k = *c.links[s].kernel;
        for_each(sent[n].mask, [&](unsigned i) {
          const ByteRange range = packet_range(*r.batch, i, k.read.range, k.read.max_bytes);
          ASSERT_EQ(items.result(i), plain_sum(r.batch->data[i] + range.offset, range.length) + extra)
              << "batch " << n << " packet " << i << " seed " << seed;
        });
      }
    }
  }
  // One batch goes in, what is finished comes out; where no task is free, time passes first.
  void turn(std::size_t chain) {
    bool went = add(chain);
    for (unsigned tries = 0; !went && tries < 200; ++tries) {
      poll();
      ASSERT_NO_FATAL_FAILURE(take_all());
      went = add(chain);
    }
    ASSERT_TRUE(went);
    poll();
    ASSERT_NO_FATAL_FAILURE(take_all());
  }
  void poll() { tasks->poll(now += 1000); }
  // Until all is back; bounded.
  void drain() {
    tasks->flush();
    for (unsigned turn = 0; turn < 1000 && taken < added; ++turn) poll(), take_all();
    ASSERT_EQ(taken, added);
    ASSERT_TRUE(tasks->idle());
  }

  struct Sent {
    std::size_t chain;
    Mask mask;
  };
  unsigned seed;
  std::mt19937 random;
  AggregateLimits limits;
  Frames frames;
  TestOffload whole{kWhole}, header{kHeader}, payload{kPayload};
  std::vector<OffloadChain> chains;
  std::shared_ptr<DeviceScript> script = std::make_shared<DeviceScript>();
  ScriptedDevice device{script};
  std::unique_ptr<TaskAggregator> tasks;
  std::vector<Sent> sent;
  std::size_t added = 0, taken = 0;
  std::array<std::size_t, 3> next_of_chain{};
  std::uint64_t now = 1000;
  std::uint32_t extra = 0;  // what all results have on top
};

}  // namespace fulcrum::testing
