// SPDX-License-Identifier: MIT
// ring_order_test.cc - order inside a bucket, whatever moves between the rings.
#include "ring_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <random>

namespace fulcrum {
namespace {

constexpr std::uint32_t kFrameBytes = 64;

// Frames with metadata: a packet's number within its bucket is its rx_ns.
class Memory {
 public:
  explicit Memory(unsigned frames) : bytes_(frames * kFrameBytes) {}
  std::uint8_t* base() { return bytes_.data(); }
  xdp_desc put(const fulcrum_meta& m) {
    const std::uint64_t addr = next_++ * kFrameBytes % bytes_.size() + sizeof(fulcrum_meta);
    *reinterpret_cast<fulcrum_meta*>(base() + addr - sizeof(fulcrum_meta)) = m;
    return {addr, 20, 0};
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::uint64_t next_ = 0;
};

fulcrum_meta meta(std::uint8_t bucket, std::uint32_t pos, std::uint64_t number = 0) {
  fulcrum_meta m{};
  m.bucket = bucket;
  m.pos = pos;
  m.rx_ns = number;
  m.abi = FULCRUM_ABI;
  return m;
}
fulcrum_meta fenced(fulcrum_meta m, std::uint8_t ring, std::uint32_t pos) {
  m.flags |= FULCRUM_META_FENCE;
  m.fence_ring = ring;
  m.fence_pos = pos;
  return m;
}

std::vector<std::uint32_t> places(const Batch& b) { return {b.pos, b.pos + b.count}; }
using Places = std::vector<std::uint32_t>;

// Two rings, places from 0.
struct TwoRings {
  explicit TwoRings(std::uint32_t first = 0) : memory(64), order(memory.base(), 2), batch(std::make_unique<Batch>()) {
    for (unsigned r = 0; r < 2; ++r) order.start(r, first, 32, 16);
  }
  Places receive(unsigned r, const std::vector<fulcrum_meta>& metas, unsigned max = 64) {
    batch->count = 0;
    order.take_held(r, *batch, max);
    for (const fulcrum_meta& m : metas) refused += !order.take(r, memory.put(m), *batch);
    return places(*batch);
  }
  Memory memory;
  RingOrder order;
  std::unique_ptr<Batch> batch;
  unsigned refused = 0;
};

TEST(RingOrder, HoldsABucketBehindItsFence) {
  TwoRings t;
  EXPECT_EQ(t.receive(0, {meta(7, 0), meta(7, 1)}), Places({0, 1}));
  EXPECT_EQ(t.receive(1, {fenced(meta(7, 0), 0, 2), meta(8, 1), meta(7, 2)}), Places({1}));
  t.order.advance_retired(1);
  EXPECT_EQ(t.order.ring(1).retired, 0u) << "a held packet is not retired";
  EXPECT_EQ(t.receive(1, {meta(7, 3)}), Places()) << "no fence of its own, but its bucket waits";
  t.order.advance_retired(0);
  EXPECT_EQ(t.receive(1, {meta(7, 4)}), Places({0, 2, 3, 4}));
  t.order.advance_retired(1);
  EXPECT_EQ(t.order.ring(1).retired, 5u);
  EXPECT_EQ(t.order.ring(1).held_packets.value(), 3u);
}

TEST(RingOrder, OpensAtThePlaceAndNotOneBefore) {
  TwoRings t;
  t.receive(0, {meta(1, 0)});
  t.order.advance_retired(0);
  EXPECT_EQ(t.receive(1, {fenced(meta(1, 0), 0, 2)}), Places());
  t.receive(0, {meta(1, 1)});
  t.order.advance_retired(0);
  EXPECT_EQ(t.receive(1, {}), Places({0}));
}

TEST(RingOrder, ReleasesNoMoreThanFitAndKeepsTheRestInOrder) {
  TwoRings t;
  t.receive(1,
            {fenced(meta(1, 0), 0, 1), fenced(meta(1, 1), 0, 1), fenced(meta(2, 2), 0, 1), fenced(meta(1, 3), 0, 1)});
  t.receive(0, {meta(1, 0)});
  t.order.advance_retired(0);
  EXPECT_EQ(t.receive(1, {}, 1), Places({0}));
  EXPECT_EQ(t.receive(1, {}, 1), Places({1}));
  EXPECT_EQ(t.receive(1, {meta(1, 4)}, 64), Places({2, 3, 4}));
}

TEST(RingOrder, IgnoresAFenceOnARingThatNobodyServes) {
  TwoRings t;
  EXPECT_EQ(t.receive(1, {fenced(meta(1, 0), 3, 99)}), Places({0}));
}

TEST(RingOrder, RetiresUpToTheOldestInFlight) {
  TwoRings t;
  auto first = std::make_unique<WorkBatch>(), second = std::make_unique<WorkBatch>();
  t.receive(1, {meta(1, 0), fenced(meta(2, 1), 0, 1)});
  first->batch = *t.batch;
  t.receive(1, {meta(3, 2)});
  second->batch = *t.batch;
  t.order.ring(1).in_flight.push(second.get());  // the first has left, place 1 is held
  t.order.advance_retired(1);
  EXPECT_EQ(t.order.ring(1).retired, 1u);
  t.receive(0, {meta(2, 0)});
  t.order.advance_retired(0);
  t.receive(1, {meta(4, 3)});  // 1 and 3
  t.order.ring(1).in_flight.push(first.get());
  first->batch = *t.batch;
  t.order.ring(1).in_flight.pop();
  t.order.advance_retired(1);
  EXPECT_EQ(t.order.ring(1).retired, 1u) << "the released one is in a batch behind a younger one";
  t.order.ring(1).in_flight.pop();
  t.order.advance_retired(1);
  EXPECT_EQ(t.order.ring(1).retired, 4u);
}

TEST(RingOrder, CountsPlacesThatDoNotComeAndFindsThemAgain) {
  TwoRings t;
  t.receive(0, {meta(1, 0), meta(1, 5)});
  t.order.advance_retired(0);
  EXPECT_EQ(t.order.ring(0).lost_in_kernel.value(), 4u);
  EXPECT_EQ(t.order.ring(0).retired, 6u);
  t.receive(0, {meta(1, 3), meta(1, 4), meta(1, 6)});
  EXPECT_EQ(t.order.ring(0).lost_in_kernel.value(), 2u);
}

TEST(RingOrder, RefusesMetadataOfAnotherLayout) {
  TwoRings t;
  fulcrum_meta other = meta(1, 1);
  other.abi = FULCRUM_ABI + 1;
  EXPECT_EQ(t.receive(0, {meta(1, 0), other, fulcrum_meta{}, meta(1, 2)}), Places({0, 2}));
  EXPECT_EQ(t.refused, 2u) << "the frames are the caller's";
  EXPECT_EQ(t.order.ring(0).bad_metadata.value(), 2u);
  EXPECT_EQ(t.order.ring(0).lost_in_kernel.value(), 1u) << "the place of the refused one does not come";
}

TEST(RingOrder, RetiresLostPlacesThoughAllThatFollowsIsHeld) {
  TwoRings t;
  EXPECT_EQ(t.receive(0, {fenced(meta(1, 3), 1, 1)}), Places());
  EXPECT_EQ(t.order.ring(0).retired, 3u) << "place 2 may be what ring 1 waits for";
}

TEST(RingOrder, GivesUpAPlaceOnlyAfterItStayedAway) {
  constexpr std::uint64_t kMs = 1'000'000;
  TwoRings t;
  EXPECT_FALSE(t.order.notice_gap(0, 3, true, 1 * kMs));
  EXPECT_FALSE(t.order.notice_gap(0, 3, true, 50 * kMs));
  EXPECT_TRUE(t.order.notice_gap(0, 3, true, 52 * kMs));
  EXPECT_EQ(t.order.ring(0).lost_in_kernel.value(), 3u);
  EXPECT_EQ(t.order.ring(0).retired, 3u);
  EXPECT_FALSE(t.order.notice_gap(0, 3, true, 200 * kMs));
}

// At a high rate XDP always is some packets ahead of a ring that is found empty.
TEST(RingOrder, GivesNothingUpWhilePacketsCome) {
  TwoRings t;
  std::uint64_t now_ns = 1;
  for (std::uint32_t place = 0; place < 200; ++place, now_ns += 1'000'000) {
    t.receive(0, {meta(1, place)});
    t.order.advance_retired(0);
    ASSERT_FALSE(t.order.notice_gap(0, place + 17, true, now_ns));
  }
  EXPECT_EQ(t.order.ring(0).retired, 200u);
  EXPECT_EQ(t.order.ring(0).lost_in_kernel.value(), 0u);
}

TEST(RingOrder, DiscardsWhatWasThereBeforeAndNothingElse) {
  TwoRings t;
  t.receive(0, {meta(1, 0), meta(1, 1)});
  EXPECT_FALSE(t.order.is_discarded(0, 0));
  t.order.discard_before(0, 2);
  EXPECT_TRUE(t.order.is_discarded(0, 1));
  EXPECT_FALSE(t.order.is_discarded(0, 2));
  // Half round and further, the old mark must not come to lie ahead.
  std::uint32_t place = 2;
  for (int i = 0; i < 5; ++i, place += 0x40000000) {
    t.receive(0, {meta(1, place)});
    EXPECT_FALSE(t.order.is_discarded(0, place)) << place;
    t.order.advance_retired(0);
  }
}

TEST(RingOrder, LimitsByFramesAndByWhatIsUnretired) {
  TwoRings t(0xfffffff0);
  EXPECT_EQ(t.order.limit(0), 0u) << "16 frames posted";
  for (std::uint32_t i = 0; i < 20; ++i) t.receive(0, {meta(1, 0xfffffff0 + i)});
  EXPECT_EQ(t.order.limit(0), 0x10u) << "32 unretired";
  t.order.advance_retired(0);
  EXPECT_EQ(t.order.limit(0), 0x14u);
}

// ---- all of it at random -------------------------------------------------------

// XDP as bpf/order.h has it: numbers places, sets fences.
class Steer {
 public:
  Steer(unsigned rings, std::uint32_t first) : rings_(rings) {
    for (unsigned r = 0; r < rings; ++r) sent[r] = retired[r] = first;
  }
  bool in_ring(unsigned ring, std::uint32_t pos) const { return pos - retired[ring] < sent[ring] - retired[ring]; }
  // Where the bucket's next packet goes: behind an open fence it stays on its ring.
  unsigned choose(std::uint8_t bucket, unsigned wanted) const {
    return is_fenced(buckets_[bucket]) ? static_cast<unsigned>(buckets_[bucket].ring) : wanted;
  }
  fulcrum_meta send(std::uint8_t bucket, unsigned ring) {
    Bucket& b = buckets_[bucket];
    int fence_ring = -1;
    std::uint32_t fence_pos = 0;
    if (b.ring >= 0 && b.ring != static_cast<int>(ring)) {
      if (in_ring(b.ring, b.last_pos)) fence_ring = b.ring, fence_pos = b.last_pos + 1;
    } else if (is_fenced(b)) {
      fence_ring = b.fence_ring, fence_pos = b.fence_pos;
    }
    fulcrum_meta m = meta(bucket, sent[ring]++, b.number++);
    if (fence_ring >= 0) m = fenced(m, static_cast<std::uint8_t>(fence_ring), fence_pos);
    b = {b.number, static_cast<int>(ring), m.pos, fence_ring, fence_pos};
    return m;
  }
  std::uint32_t sent[FULCRUM_RINGS], retired[FULCRUM_RINGS];

 private:
  struct Bucket {
    std::uint64_t number = 1;
    int ring = -1;
    std::uint32_t last_pos = 0;
    int fence_ring = -1;
    std::uint32_t fence_pos = 0;
  };
  bool is_fenced(const Bucket& b) const {
    return b.fence_ring >= 0 && in_ring(static_cast<unsigned>(b.fence_ring), b.fence_pos - 1);
  }
  unsigned rings_;
  std::array<Bucket, FULCRUM_BUCKETS> buckets_{};
};

// XDP, rings, worker and devices, each getting its turn at random.
class Simulation {
 public:
  Simulation(std::uint32_t seed, bool losses)
      : random_(seed),
        losses_(losses),
        rings_(2 + seed % (FULCRUM_RINGS - 1)),
        first_(0u - below(2 * kCapacity)),
        memory_(kTurns * kMaxSent),  // no frame twice: some are held for long
        xdp_(rings_, first_),
        order_(memory_.base(), rings_) {
    for (unsigned r = 0; r < rings_; ++r) order_.start(r, first_, kCapacity, kCapacity / 2);
    for (auto& t : tier_) t = below(rings_);
  }

  void run() {
    for (unsigned i = 0; i < kTurns && !::testing::Test::HasFailure(); ++i) {
      move_buckets();
      send(below(kMaxSent));
      turn();
    }
    for (unsigned i = 0; i < 5000 && !drained(); ++i) turn(), now_ns_ += 10'000'000;
  }
  bool drained() const {
    for (unsigned r = 0; r < rings_; ++r)
      if (order_.ring(r).retired != xdp_.sent[r] || !order_.ring(r).held.empty()) return false;
    return true;
  }
  std::uint64_t lost() const {
    std::uint64_t n = 0;
    for (unsigned r = 0; r < rings_; ++r) n += order_.ring(r).lost_in_kernel.value();
    return n;
  }
  std::uint64_t held() const {
    std::uint64_t n = 0;
    for (unsigned r = 0; r < rings_; ++r) n += order_.ring(r).held_packets.value();
    return n;
  }

  std::uint64_t sent = 0, dropped = 0, retired = 0;

 private:
  static constexpr std::uint32_t kCapacity = 96, kTurns = 400, kMaxSent = 24;

  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }

  void move_buckets() {
    if (below(4)) return;
    for (unsigned k = below(12); k; --k) tier_[below(kBucketsUsed)] = below(rings_);
  }
  void send(unsigned packets) {
    for (; packets; --packets) {
      const auto bucket = static_cast<std::uint8_t>(below(kBucketsUsed));
      const unsigned r = xdp_.choose(bucket, tier_[bucket]);
      if (static_cast<std::int32_t>(limit_[r].value_or(order_.limit(r)) - xdp_.sent[r]) <= 0) continue;
      const fulcrum_meta m = xdp_.send(bucket, r);
      ++sent;
      if (losses_ && !below(m.flags & FULCRUM_META_FENCE ? 4 : 50))
        ++dropped;
      else
        shown_[r].push_back(memory_.put(m));
    }
  }
  // What a worker does in a round, or a part of it.
  void turn() {
    for (unsigned r = 0; r < rings_; ++r) {
      if (below(3)) receive(r);
      if (r && !below(1 + r)) finish_some(r);
      order_.notice_gap(r, xdp_.sent[r], shown_[r].empty(), now_ns_);
    }
    now_ns_ += 100'000;
    if (below(3)) return;
    for (unsigned r = 0; r < rings_; ++r) {  // publish
      xdp_.retired[r] = order_.ring(r).retired;
      limit_[r] = order_.limit(r);
    }
  }
  void receive(unsigned r) {
    auto wb = std::make_unique<WorkBatch>();
    const unsigned max = 1 + below(16);
    order_.take_held(r, wb->batch, max);
    for (unsigned room = max - wb->batch.count; room && !shown_[r].empty(); --room, shown_[r].pop_front())
      ASSERT_TRUE(order_.take(r, shown_[r].front(), wb->batch));
    if (!wb->batch.count) return;
    if (r == 0) {
      retire(wb->batch);
      return order_.advance_retired(0);
    }
    order_.ring(r).in_flight.push(wb.get());
    working_[r].push_back(std::move(wb));
  }
  // A device is done with any of its batches; they retire from the front.
  void finish_some(unsigned r) {
    for (auto& wb : working_[r]) wb->done |= !below(3);
    while (!working_[r].empty() && working_[r].front()->done) {
      order_.ring(r).in_flight.pop();
      retire(working_[r].front()->batch);
      working_[r].pop_front();
    }
    order_.advance_retired(r);
  }
  void retire(const Batch& b) {
    for (unsigned i = 0; i < b.count; ++i) {
      ASSERT_GT(b.rx_ns[i], last_[b.bucket[i]])
          << "bucket " << +b.bucket[i] << " overtaken on ring of tier " << +b.tier;
      last_[b.bucket[i]] = b.rx_ns[i];
      ++retired;
    }
  }

  static constexpr unsigned kBucketsUsed = 12;
  std::mt19937 random_;
  bool losses_;
  unsigned rings_;
  std::uint32_t first_;  // places wrap early on
  Memory memory_;
  Steer xdp_;
  RingOrder order_;
  std::uint64_t now_ns_ = 1;
  std::array<unsigned, kBucketsUsed> tier_;
  std::array<std::uint64_t, FULCRUM_BUCKETS> last_{};
  std::array<std::optional<std::uint32_t>, FULCRUM_RINGS> limit_{};
  std::array<std::deque<xdp_desc>, FULCRUM_RINGS> shown_;
  std::array<std::deque<std::unique_ptr<WorkBatch>>, FULCRUM_RINGS> working_;
};

void check_order(bool losses) {
  const std::uint32_t seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::uint64_t held = 0, retired = 0;
  for (std::uint32_t i = 0; i < 60 && !::testing::Test::HasFailure(); ++i) {
    Simulation s(seed + i, losses);
    s.run();
    EXPECT_TRUE(s.drained()) << "packets held for ever, seed " << seed + i;
    EXPECT_EQ(s.retired + s.dropped, s.sent) << "seed " << seed + i;
    EXPECT_EQ(s.lost(), s.dropped) << "seed " << seed + i;
    held += s.held();
    retired += s.retired;
  }
  EXPECT_GT(retired, 20000u);
  EXPECT_GT(held, 1000u) << "no fence was closed: nothing was tried";
}

TEST(RingOrder, KeepsBucketsInOrderAtRandom) { check_order(false); }
TEST(RingOrder, KeepsBucketsInOrderAtRandomWithLosses) { check_order(true); }

}  // namespace
}  // namespace fulcrum
