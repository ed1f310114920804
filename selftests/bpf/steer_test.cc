// SPDX-License-Identifier: MIT
// steer_test.cc - the front-end's decisions, each with the counter it must count.
//
//   steer_test [BUILD_DIR]        needs root; KTAP on stdout
//
// Packets go through the real programs by BPF_PROG_TEST_RUN, on `lo` of a network
// namespace of the test's own; the test writes the maps as the helper would.
#include <linux/bpf.h>

#include "front.h"

namespace fulcrum::test {
namespace {

void test_unknown(Tap& tap, Front& front) {
  const auto before = front.global();
  front.erase_port(Front::kIfindex);
  expect(tap, front.run(udp4()), XDP_PASS, "nothing", "a port nobody claimed passes");
  front.reset();
  front.port.abi = FULCRUM_ABI + 1;
  front.write_port();
  expect(tap, front.run(udp4()), XDP_PASS, "nothing", "a port of another ABI passes");
  front.reset();
  front.erase_queue(Front::kIfindex);
  expect(tap, front.run(udp4()), XDP_PASS, "nothing", "a queue nobody claimed passes");
  front.add_queue(Front::kIfindex, FULCRUM_MAX_SLOTS);
  expect(tap, front.run(udp4()), XDP_PASS, "nothing", "a queue with a slot that cannot be passes");
  front.erase_queue(Front::kIfindex);
  const auto after = front.global();
  tap.check(after.pass_unknown_port - before.pass_unknown_port == 2 &&
                after.pass_unknown_queue - before.pass_unknown_queue == 2,
            "unknown ports and queues are counted in fu1_global");
  front.reset();
}

void test_kernels_own(Tap& tap, Front& front) {
  front.reset();
  expect(tap, front.run(ethernet(0x0806, filled(46))), XDP_PASS, "pass_not_ip", "ARP passes");
  expect(tap, front.run(ethernet(0x88cc, filled(46), {1, 0x80, 0xc2, 0, 0, 0xe})), XDP_PASS, "pass_not_ip",
         "LLDP passes");
  expect(tap, front.run(ethernet(0x0800, ip4({}, udp(1, 2)), {1, 0, 0x5e, 0, 0, 5})), XDP_PASS, "pass_multicast",
         "an Ethernet group address passes");
  for (const char* dst : {"224.0.0.5", "239.255.255.250", "255.255.255.255", "0.0.0.0", "127.0.0.1"})
    expect(tap, front.run(udp4(1, 2, {.dst = dst})), XDP_PASS, "pass_multicast", std::string("to ") + dst + " passes");
  for (const char* dst : {"ff02::1", "fe80::1", "febf::1", "::1", "::"})
    expect(tap, front.run(udp6(1, 2, {.dst = dst})), XDP_PASS, "pass_multicast", std::string("to ") + dst + " passes");
  expect(tap, front.run(udp6(1, 2, {.dst = "fec0::1"})), XDP_REDIRECT, "ring0", "to fec0::1 does not");
  front.add_local("10.1.0.1");
  front.add_local("fd01::1");
  front.add_local("10.1.0.99", false);
  front.write_port();
  expect(tap, front.run(udp4(1, 2, {.dst = "10.1.0.1"})), XDP_PASS, "pass_local", "to this machine passes (IPv4)");
  expect(tap, front.run(udp6(1, 2, {.dst = "fd01::1"})), XDP_PASS, "pass_local", "to this machine passes (IPv6)");
  expect(tap, front.run(udp4(1, 2, {.dst = "10.1.0.99"})), XDP_REDIRECT, "ring0", "a Bloom hit alone is not local");
  front.port.frame_max_bytes = 200;
  front.write_port();
  expect(tap, front.run(ethernet(0x0800, ip4({}, udp(1, 2, 200)))), XDP_PASS, "pass_too_long", "a longer frame passes");
}

void test_malformed(Tap& tap, Front& front) {
  front.reset();
  auto passes = [&](const Bytes& frame, const char* name) {
    expect(tap, front.run(frame), XDP_PASS, "pass_malformed", name);
  };
  Bytes short_ihl = udp4(), version = udp4(), cut = udp4(), cut6 = udp6();
  short_ihl[14] = 0x44;
  version[14] = 0x65;
  cut.resize(14 + 19);
  cut6.resize(14 + 39);
  passes(short_ihl, "IPv4 header length 16 is malformed");
  passes(version, "IPv4 with version 6 is malformed");
  passes(cut, "a cut IPv4 header is malformed");
  passes(cut6, "a cut IPv6 header is malformed");
  passes(ethernet(0x0800, filled(4, 0x4f)), "four bytes of IPv4 are malformed");
  passes(ethernet(0x8100, {0}), "a cut VLAN tag is malformed");
  passes(ethernet(0x86dd, ip6({.next = 0}, {17, 200, 0, 0, 0, 0, 0, 0})),
         "an extension header beyond the frame is malformed");
  Bytes chain = udp(1, 2);
  for (int i = 0; i < 7; ++i) chain = extension(i ? 60 : 17, 1) + chain;
  passes(ethernet(0x86dd, ip6({.next = 60}, chain)), "seven extension headers are malformed");
  expect(tap, front.run(ethernet(0x0800, ip4({.total_bytes = 9000}, udp(1, 2)))), XDP_REDIRECT, "ring0",
         "a wrong length is the pipeline's to judge");
}

void test_tiers(Tap& tap, Front& front) {
  front.reset();
  front.set_all(FULCRUM_TIER_PASS);
  expect(tap, front.run(udp4()), XDP_PASS, "pass_tier", "tier PASS passes");
  front.set_all(FULCRUM_TIER_INLINE);
  const Ran ran = front.run(udp4());
  expect(tap, ran, XDP_PASS, "inline_packets", "tier INLINE without a program passes");
  tap.check(ran.delta.inline_missing == 1 && !ran.meta && ran.frame == udp4(),
            "... is counted as missing, and left as it was");
  front.port.all_inline = 1;
  front.write_port();
  const Ran fast = front.run(udp4());
  expect(tap, fast, XDP_PASS, "inline_packets", "the short cut without a program passes");
  tap.check(fast.delta.inline_missing == 1 && fast.delta.rx_packets == 1, "... and is counted once");
  front.port.all_inline = 0;
  for (unsigned ring = 0; ring < FULCRUM_RINGS; ++ring) {
    front.reset();
    front.set_all(static_cast<fulcrum_tier>(FULCRUM_RING_TIER(ring)));
    const Ran r = front.run(udp4());
    expect(tap, r, XDP_REDIRECT, "ring" + std::to_string(ring),
           "ring " + std::to_string(ring) + " gets its tier's packets");
    tap.check(r.meta && r.meta->abi == FULCRUM_ABI && r.frame == udp4() && r.delta.ring_bytes[ring] == udp4().size(),
              "... with metadata, the frame as it was, and its bytes counted");
  }
}

void test_stamps(Tap& tap, Front& front) {
  front.reset();
  unsigned stamped = 0, in_order = 0;
  for (unsigned i = 0; i < 64; ++i) {
    const Ran r = front.run(udp4(i));
    stamped += r.meta && r.meta->rx_ns != 0;
    in_order += r.meta && r.meta->pos == i;
  }
  tap.check(in_order == 64, "places in a ring count up by one");
  tap.check(stamped == 64 / (FULCRUM_STAMP_MASK + 1), "one packet in 16 carries a receive time",
            std::to_string(stamped) + " of 64");
}

}  // namespace

void test_decisions(Tap& tap, Front& front) {
  test_unknown(tap, front);
  test_kernels_own(tap, front);
  test_malformed(tap, front);
  test_tiers(tap, front);
  test_stamps(tap, front);
}

}  // namespace fulcrum::test

int main(int argc, char** argv) {
  using namespace fulcrum::test;
  Tap tap;
  Front front;
  std::string why;
  const std::string bpf_dir = std::string(argc > 1 ? argv[1] : "build") + "/bpf";
  if (!enter_namespaces(why)) {
    tap.skip("front-end", why);
    return tap.finish();
  }
  if (!tap.check(front.open(bpf_dir, why), "steer.bpf.o loads", why)) return tap.finish();
  test_decisions(tap, front);
  test_parse(tap, front);
  test_loss(tap, front);
  test_order(tap, front);
  test_route(tap, front);
  test_captures(tap, front);
  const fulcrum_queue q = front.queue();
  tap.check(q.rx_packets > 0 && q.rx_packets == outcomes(q), "after all of it: received = the sum of the outcomes",
            std::to_string(q.rx_packets) + " received, " + std::to_string(outcomes(q)) + " outcomes");
  test_attach(tap, front, bpf_dir);
  return tap.finish();
}
