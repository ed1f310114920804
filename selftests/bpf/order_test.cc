// SPDX-License-Identifier: MIT
// order_test.cc - a bucket moves: fences, drains, and nothing left behind.
#include <linux/bpf.h>

#include <ctime>
#include <set>

#include "front.h"

namespace fulcrum::test {
namespace {

bool fenced(const Ran& r, unsigned ring, unsigned pos) {
  return r.meta && (r.meta->flags & FULCRUM_META_FENCE) && r.meta->fence_ring == ring && r.meta->fence_pos == pos &&
         r.delta.fenced_packets == 1;
}
bool free_of_fence(const Ran& r) {
  return r.meta && !(r.meta->flags & FULCRUM_META_FENCE) && r.delta.fenced_packets == 0;
}
void retire(Front& front, unsigned ring, unsigned pos) {
  front.beat.retired[ring] = pos;
  front.write_beat();
}

void test_fence(Tap& tap, Front& front) {
  front.reset();
  front.run(udp4(1));  // another flow, other bucket: place 0
  front.run(udp4());   // place 1
  front.set_all(FULCRUM_TIER_DEV0);
  tap.check(fenced(front.run(udp4()), 0, 2), "ring to ring: fenced behind the last packet on the old ring");
  tap.check(fenced(front.run(udp4()), 0, 2), "... so are the ones that follow");
  tap.check(free_of_fence(front.run(udp4(2))), "... but no other flow's");
  retire(front, 0, 1);
  tap.check(fenced(front.run(udp4()), 0, 2), "... still, when the old ring is one short of it");
  retire(front, 0, 2);
  tap.check(free_of_fence(front.run(udp4())), "... no longer, once it is retired past it");
}

void test_fence_again(Tap& tap, Front& front) {
  front.reset();
  front.run(udp4());  // ring 0, place 0
  front.set_all(FULCRUM_TIER_DEV0);
  front.run(udp4());  // ring 1, place 0, waits for ring 0
  front.set_all(FULCRUM_TIER_DEV1);
  Ran r = front.run(udp4());
  tap.check(fenced(r, 0, 1) && r.delta.ring_packets[1] == 1, "moved again with the fence open: stays on its ring");
  tap.check(front.run(udp4(2)).delta.ring_packets[2] == 1, "... other flows go at once");
  retire(front, 1, 2);  // as when the fenced packets were lost on the way there
  r = front.run(udp4());
  tap.check(fenced(r, 0, 1) && r.delta.ring_packets[1] == 1, "... though its ring is empty: those packets may be lost");
  retire(front, 0, 1);
  r = front.run(udp4());
  tap.check(fenced(r, 1, 3) && r.delta.ring_packets[2] == 1, "... moves on once the first ring is retired, fenced");
  front.set_all(FULCRUM_TIER_CPU);
  retire(front, 1, 3);
  r = front.run(udp4());
  tap.check(fenced(r, 2, 2) && r.delta.ring_packets[0] == 1, "moved back to the first ring: fenced on the one between");
  for (unsigned i = 0; i < 3; ++i) retire(front, i, front.order().sent[i]);
  tap.check(free_of_fence(front.run(udp4())), "all retired: no fence");
}

// The fenced packet is lost on the way, the ring behind the fence is not empty.
void test_fence_lost(Tap& tap, Front& front) {
  for (const fulcrum_tier to : {FULCRUM_TIER_INLINE, FULCRUM_TIER_PASS}) {
    front.reset();
    front.run(udp4());
    front.set_all(FULCRUM_TIER_DEV0);
    front.run(udp4());
    retire(front, 1, 1);
    front.set_all(to);
    expect(
        tap, front.run(udp4()), XDP_REDIRECT, "ring1",
        std::string("fenced packet lost, then ring to ") + (to == FULCRUM_TIER_PASS ? "PASS" : "inline") + ": stays");
  }
  front.beat.limit[1] = 1;
  front.write_beat();
  front.set_all(FULCRUM_TIER_DEV0);
  expect(tap, front.run(udp4()), XDP_DROP, "drop_no_credit", "... no credit: dropped, not let past");
}

void test_no_stale_fence(Tap& tap, Front& front) {
  front.reset();
  front.run(udp4());
  fulcrum_order o = front.order();
  o.sent[0] = 0x80000010;  // the bucket slept while its ring went on by 2^31
  front.write_order(o);
  retire(front, 0, 0x80000010);
  front.set_all(FULCRUM_TIER_DEV0);
  tap.check(free_of_fence(front.run(udp4())), "a bucket that slept for 2^31 places gets no fence");
}

void test_drain(Tap& tap, Front& front, fulcrum_tier to, const char* counter) {
  const std::string name = to == FULCRUM_TIER_PASS ? "PASS" : "inline";
  front.reset();
  front.run(udp4());
  front.set_all(to);
  expect(tap, front.run(udp4()), XDP_REDIRECT, "ring0",
         "ring to " + name + ": stays on the ring while packets are in it");
  expect(tap, front.run(udp4(5)), XDP_PASS, counter, "... other flows go at once");
  timespec t = {0, 60'000'000};
  nanosleep(&t, nullptr);  // the drain limit is a time: nothing else to wait for
  expect(tap, front.run(udp4()), XDP_DROP, "drop_move_drain", "... that never drains: dropped after 20 ms");
  retire(front, 0, 2);
  expect(tap, front.run(udp4()), XDP_PASS, counter, "... drained: moved");
  const fulcrum_order o = front.order();
  bool settled = true;
  for (const auto& b : o.bucket) settled &= b.move_ms == 0 && b.fence_tier == 0;
  tap.check(settled, "... and nothing of the move stays behind");
}

void test_drain_dead(Tap& tap, Front& front) {
  front.reset();
  front.run(udp4());
  front.set_all(FULCRUM_TIER_INLINE);
  front.beat.beat_ns = 0;
  front.write_beat();
  expect(tap, front.run(udp4()), XDP_PASS, "inline_packets", "a dead helper's ring is not drained");
}

void test_move_without_socket(Tap& tap, Front& front) {
  front.reset();
  front.run(udp4());
  front.close_socket(1);
  front.set_all(FULCRUM_TIER_DEV0);
  expect(tap, front.run(udp4()), XDP_DROP, "drop_no_socket",
         "to a ring without socket, old ring not empty: dropped, not reordered");
  retire(front, 0, 1);
  expect(tap, front.run(udp4()), XDP_PASS, "pass_no_socket", "... old ring empty: by policy");
}

void test_spray(Tap& tap, Front& front) {
  front.reset();
  front.port.ordering = FULCRUM_ORDER_NONE;
  for (unsigned i = 0; i < FULCRUM_BUCKETS; ++i) front.port.bucket[i] = i % 2 ? FULCRUM_TIER_CPU : FULCRUM_TIER_DEV0;
  front.write_port();
  std::set<unsigned> buckets;
  unsigned ring[2] = {}, fences = 0;
  for (int i = 0; i < FULCRUM_BUCKETS; ++i) {
    const Ran r = front.run(udp4());
    for (int k = 0; k < 2; ++k) ring[k] += static_cast<unsigned>(r.delta.ring_packets[k]);
    fences += !free_of_fence(r);
    if (r.meta) buckets.insert(r.meta->bucket);
  }
  tap.check(buckets.size() == FULCRUM_BUCKETS && ring[0] == ring[1] && !fences,
            "ordering none: one flow sprays over all buckets, no fence");
  const auto order = front.order();
  bool each = true;
  for (const auto& b : order.bucket) each &= b.packets == 1;
  tap.check(each, "... and each bucket's packets are counted");
}

}  // namespace

void test_order(Tap& tap, Front& front) {
  test_fence(tap, front);
  test_fence_again(tap, front);
  test_fence_lost(tap, front);
  test_no_stale_fence(tap, front);
  test_drain(tap, front, FULCRUM_TIER_INLINE, "inline_packets");
  test_drain(tap, front, FULCRUM_TIER_PASS, "pass_tier");
  test_drain_dead(tap, front);
  test_move_without_socket(tap, front);
  test_spray(tap, front);
  front.reset();
}

}  // namespace fulcrum::test
