// SPDX-License-Identifier: MIT
// loss_test.cc - no helper, no credit, no socket: the port's policy, by name.
#include <linux/bpf.h>

#include "front.h"

namespace fulcrum::test {
namespace {

struct Policy {
  fulcrum_on_loss on_loss;
  const char* name;
  int action;  // inline: no program is loaded here, so it passes
};
constexpr Policy kPolicies[] = {{FULCRUM_LOSS_PASS, "pass", XDP_PASS},
                                {FULCRUM_LOSS_DROP, "drop", XDP_DROP},
                                {FULCRUM_LOSS_INLINE, "inline", XDP_PASS}};

struct Cause {
  const char* name;
  void (*bring)(Front&);
};
constexpr Cause kCauses[] = {
    {"helper_stale", [](Front& f) { f.beat.beat_ns = 0, f.write_beat(); }},
    {"no_credit", [](Front& f) { f.beat.limit[0] = 0, f.write_beat(); }},
    {"no_socket", [](Front& f) { f.close_socket(0); }},
};

void test_matrix(Tap& tap, Front& front) {
  for (const auto& cause : kCauses)
    for (const auto& policy : kPolicies) {
      front.reset();
      front.port.on_loss = policy.on_loss;
      front.write_port();
      cause.bring(front);
      const Ran ran = front.run(udp4());
      const std::string counter = std::string(policy.name) + "_" + cause.name;
      expect(tap, ran, policy.action, counter, std::string(cause.name) + " with policy " + policy.name);
      tap.check(!ran.meta && ran.frame == udp4() && front.order().sent[0] == 0,
                "... leaves the frame and the ring as they were");
    }
}

void test_beat_age(Tap& tap, Front& front) {
  front.reset();
  front.port.beat_limit_ms = 1000;
  front.write_port();
  front.beat_now(0);
  expect(tap, front.run(udp4()), XDP_REDIRECT, "ring0", "a fresh beat is alive");
  front.beat_now(static_cast<std::uint64_t>(-1'100'000'000ll));
  expect(tap, front.run(udp4()), XDP_PASS, "pass_helper_stale", "a beat older than the limit is dead");
  front.beat_now(static_cast<std::uint64_t>(-900'000'000ll));
  expect(tap, front.run(udp4()), XDP_REDIRECT, "ring0", "a beat within the limit is alive again");
}

void test_credit(Tap& tap, Front& front) {
  front.reset();
  fulcrum_order o{};
  o.sent[0] = 0xfffffffe;  // places wrap
  front.write_order(o);
  front.beat.limit[0] = 1;
  front.beat.retired[0] = 0xfffffffe;
  front.write_beat();
  unsigned sent = 0;
  for (int i = 0; i < 5; ++i) sent += front.run(udp4(static_cast<unsigned>(i))).action == XDP_REDIRECT;
  tap.check(sent == 3 && front.order().sent[0] == 1, "exactly the credit is used, across the wrap of places",
            std::to_string(sent) + " sent");
}

// Flow's packets are in the ring: letting one past by the stack would reorder.
void test_credit_keeps_order(Tap& tap, Front& front) {
  for (const auto policy : {FULCRUM_LOSS_PASS, FULCRUM_LOSS_INLINE}) {
    const std::string name = policy == FULCRUM_LOSS_PASS ? "pass" : "inline";
    front.reset();
    front.port.on_loss = policy;
    front.write_port();
    front.beat.limit[0] = 1;
    front.write_beat();
    expect(tap, front.run(udp4()), XDP_REDIRECT, "ring0", "policy " + name + ": the last credit is used");
    expect(tap, front.run(udp4()), XDP_DROP, "drop_no_credit", "... the flow's next is dropped, not let past the ring");
    front.beat.retired[0] = 1;
    front.write_beat();
    expect(tap, front.run(udp4()), XDP_PASS, name + "_no_credit",
           "... once the ring has run empty of it, it goes by policy");
  }
}

void test_return_after_loss(Tap& tap, Front& front) {
  front.reset();
  front.run(udp4());
  front.beat.beat_ns = 1;
  front.write_beat();
  expect(tap, front.run(udp4()), XDP_PASS, "pass_helper_stale", "a dead helper's ring is not waited for");
  front.beat_now();
  front.set_all(FULCRUM_TIER_DEV0);
  const Ran ran = front.run(udp4());
  tap.check(ran.outcome == "ring1" && ran.meta && !(ran.meta->flags & FULCRUM_META_FENCE),
            "... nor does a fence on it stay behind");
}

}  // namespace

void test_loss(Tap& tap, Front& front) {
  test_matrix(tap, front);
  test_beat_age(tap, front);
  test_credit(tap, front);
  test_credit_keeps_order(tap, front);
  test_return_after_loss(tap, front);
  front.reset();
}

}  // namespace fulcrum::test
