// SPDX-License-Identifier: MIT
// flow_table_test.cc - what the connection table keeps, gives up, and shows to others.
#include "plugins/lb/flow_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>

namespace fulcrum::lb {
namespace {

FlowKey key(std::uint32_t n) {
  const auto* address = reinterpret_cast<const std::uint8_t*>(&n);
  return flow_key(address, false, static_cast<std::uint16_t>(n * 7), 80, 6);
}
FlowEntry* find(FlowTable& t, std::uint32_t n, std::uint64_t now = 0) { return t.find(key(n), flow_hash(key(n)), now); }
FlowEntry* insert(FlowTable& t, std::uint32_t n, BackendId id, FlowState s = FlowState::kOpen,
                  std::uint64_t deadline = 100, std::uint64_t now = 0) {
  return t.insert(key(n), flow_hash(key(n)), id, s, deadline, now);
}

TEST(LbFlowTable, FindsWhatWasInserted) {
  FlowTable t(64);
  EXPECT_EQ(find(t, 1), nullptr);
  ASSERT_NE(insert(t, 1, 5), nullptr);
  ASSERT_NE(find(t, 1), nullptr);
  EXPECT_EQ(find(t, 1)->backend(), 5);
  EXPECT_EQ(find(t, 1)->state(), FlowState::kOpen);
  EXPECT_EQ(find(t, 2), nullptr);
  EXPECT_EQ(t.flows(), 1u);
  EXPECT_EQ(t.flows(5), 1u);
  t.set(*find(t, 1), 6, FlowState::kClosing, 200);
  EXPECT_EQ(find(t, 1, 150)->backend(), 6);
  EXPECT_EQ(t.flows(5), 0u);
  EXPECT_EQ(t.flows(6), 1u);
  t.erase(*find(t, 1));
  EXPECT_EQ(find(t, 1), nullptr);
  EXPECT_EQ(t.flows(), 0u);
}

TEST(LbFlowTable, ForgetsAtTheDeadline) {
  FlowTable t(64);
  insert(t, 1, 5, FlowState::kOpen, 100);
  EXPECT_NE(find(t, 1, 99), nullptr);
  EXPECT_EQ(find(t, 1, 100), nullptr);
  EXPECT_EQ(t.flows(5), 0u);
}

TEST(LbFlowTable, SweepForgetsUnasked) {
  FlowTable t(1024);
  for (std::uint32_t n = 0; n < 500; ++n) insert(t, n, 1, FlowState::kOpen, n < 200 ? 100 : 300);
  ASSERT_EQ(t.flows(), 500u);
  for (unsigned batch = 0; batch < 1024 / 8 / 2; ++batch) t.sweep(200);
  EXPECT_EQ(t.flows(), 300u);
}

// Half full none is refused, at four fifths less than one in a thousand.
TEST(LbFlowTable, HoldsNearlyAsManyAsItHasPlaces) {
  FlowTable t(65536);
  std::uint32_t refused = 0, n = 0;
  for (; n < 65536 / 2; ++n) refused += !insert(t, n, 1);
  EXPECT_EQ(refused, 0u);
  for (; n < 65536 * 8 / 10; ++n) refused += !insert(t, n, 1);
  EXPECT_LT(refused, n / 1000);
  std::uint32_t found = 0;
  while (n) found += find(t, --n) != nullptr;
  EXPECT_EQ(found, t.flows());
  EXPECT_EQ(found, 65536 * 8 / 10 - refused);
}

// A flood of first packets takes nothing from flows that live; they take places of the flood's.
TEST(LbFlowTable, FullTableGivesUpOpeningFlowsOnly) {
  FlowTable t(64);
  for (std::uint32_t n = 0; n < 32; ++n) ASSERT_TRUE(insert(t, n, 1, FlowState::kOpen, 1000));
  for (std::uint32_t n = 1000; n < 3000; ++n) insert(t, n, 2, FlowState::kOpening, 50 + n);
  for (std::uint32_t n = 0; n < 32; ++n) ASSERT_NE(find(t, n), nullptr) << n;
  EXPECT_EQ(t.flows(1), 32u);
  EXPECT_EQ(t.flows(1) + t.flows(2), t.flows());
  EXPECT_LE(t.flows(), 64u);
  for (std::uint32_t n = 4000; n < 6000; ++n) insert(t, n, 3, FlowState::kOpen, 1000);
  EXPECT_EQ(t.flows(2), 0u);
  EXPECT_EQ(t.flows(), 64u);
  EXPECT_EQ(insert(t, 7000, 4), nullptr);
  EXPECT_NE(insert(t, 7000, 4, FlowState::kOpening, 2000, 1000), nullptr) << "by then all has expired";
}

TEST(LbFlowTable, FragmentsAreNoFlows) {
  FlowTable t(64);
  const std::uint8_t client[4] = {1, 2, 3, 4};
  const FlowKey f = fragment_key(client, false, 77, 17);
  t.insert(f, flow_hash(f), 9, FlowState::kOpening, 100, 0);
  ASSERT_NE(t.find(f, flow_hash(f), 0), nullptr);
  EXPECT_EQ(t.flows(), 0u);
  const FlowKey flow = flow_key(client, false, 0, 77, 17);
  EXPECT_EQ(t.find(flow, flow_hash(flow), 0), nullptr);
}

TEST(LbFlowTable, CopyKeepsAll) {
  FlowTable small(64), large(4096);
  for (std::uint32_t n = 0; n < 40; ++n) insert(small, n, static_cast<BackendId>(n % 3), FlowState::kClosing, 500 + n);
  large.copy(small);
  EXPECT_EQ(large.flows(), small.flows());
  for (std::uint32_t n = 0; n < 40; ++n) {
    ASSERT_NE(find(large, n), nullptr);
    EXPECT_EQ(find(large, n)->backend(), n % 3);
    EXPECT_EQ(find(large, n)->state(), FlowState::kClosing);
    EXPECT_EQ(find(large, n)->deadline_ns(), 500u + n);
  }
}

// Random work against a map, at a load that never overflows.
TEST(LbFlowTable, EqualsAMap) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  FlowTable t(4096);
  std::map<std::uint32_t, std::pair<BackendId, std::uint64_t>> model;
  for (std::uint64_t now = 1; now < 100000; ++now) {
    const auto n = static_cast<std::uint32_t>(random() % 1000);
    const auto known = model.find(n);
    const bool there = known != model.end() && known->second.second > now;
    FlowEntry* e = find(t, n, now);
    ASSERT_EQ(e != nullptr, there) << n;
    if (e) {
      ASSERT_EQ(e->backend(), known->second.first);
    }
    const auto id = static_cast<BackendId>(random() % 20);
    const std::uint64_t deadline = now + 1 + random() % 3000;
    if (e && random() % 4 == 0) {
      t.erase(*e);
      model.erase(n);
    } else {
      if (e) t.set(*e, id, FlowState::kOpen, deadline);
      if (!e) {
        ASSERT_TRUE(insert(t, n, id, FlowState::kOpen, deadline, now));
      }
      model[n] = {id, deadline};
    }
    t.sweep(now);
  }
}

// Another worker sees a flow's backend or nothing, never another flow's.
TEST(LbFlowTable, PeekIsWholeWhileTheOwnerWrites) {
  FlowTable t(64);
  std::atomic<bool> stop{false};
  std::thread owner([&] {
    for (std::uint32_t round = 0; !stop.load(); ++round)
      for (std::uint32_t n = 0; n < 200; ++n) insert(t, n, static_cast<BackendId>(n), FlowState::kOpening, 100 + round);
  });
  unsigned seen = 0;
  for (unsigned round = 0; round < 2000; ++round)
    for (std::uint32_t n = 0; n < 200; ++n) {
      const BackendId id = t.peek(key(n), flow_hash(key(n)));
      if (id == kNoBackend) continue;
      ++seen;
      if (id != n) ADD_FAILURE() << "flow " << n << " seen with backend " << id;
    }
  stop = true;
  owner.join();
  EXPECT_GT(seen, 0u);
}

}  // namespace
}  // namespace fulcrum::lb
