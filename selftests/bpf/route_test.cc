// SPDX-License-Identifier: MIT
// route_test.cc - inline_route against the kernel's own forwarding.
//
//   w1 ── w0 [this namespace] e0 ── e1     routes to 10.9/16, fd09::/32 by e0
//                             x0 ── x1     10.3/24: an interface that is no port
//
// Each packet is sent twice: by w1, so that Linux forwards it, and through the
// front-end as a live frame from w0. What arrives at e1 must be the same bytes.
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "front.h"

namespace fulcrum::test {
namespace {

constexpr const char* kTopology = R"(set -e
for p in w e x; do
  ip link add ${p}0 type veth peer name ${p}1
  for i in ${p}0 ${p}1; do
    echo 1 >/proc/sys/net/ipv6/conf/$i/accept_dad
    ip link set $i addrgenmode none up
    echo 0 >/proc/sys/net/ipv4/conf/$i/rp_filter
  done
done
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
ip link set w0 address 02:00:00:00:00:01
ip link set e0 mtu 1400
ip addr add 10.1.0.1/24 dev w0; ip addr add fd01::1/64 dev w0 nodad
ip addr add 10.2.0.1/24 dev e0; ip addr add fd02::1/64 dev e0 nodad
ip addr add 10.3.0.1/24 dev x0
ip neigh add 10.2.0.2 lladdr 02:00:00:00:00:22 dev e0 nud permanent
ip neigh add fd02::2 lladdr 02:00:00:00:00:22 dev e0 nud permanent
ip neigh add 10.3.0.2 lladdr 02:00:00:00:00:33 dev x0 nud permanent
ip route add 10.9.0.0/16 via 10.2.0.2; ip route add fd09::/32 via fd02::2
ip route add unreachable 10.8.0.0/16
ip route add 10.7.0.0/16 via 10.2.0.77; ip route add fd07::/32 via fd02::77
echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
)";

// Frames on one interface.
class Tapped {
 public:
  explicit Tapped(const char* name) {
    fd_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(3));
    sockaddr_ll at{};
    at.sll_family = AF_PACKET, at.sll_protocol = htons(3), at.sll_ifindex = static_cast<int>(if_nametoindex(name));
    bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof(at));
  }
  ~Tapped() { close(fd_); }
  void send(const Bytes& frame) { (void)!write(fd_, frame.data(), frame.size()); }
  // The next frame to the next hop that arrives here; empty after a second.
  Bytes receive() {
    for (;;) {
      pollfd p = {fd_, POLLIN, 0};
      if (poll(&p, 1, 1000) <= 0) return {};
      Bytes b(4096);
      sockaddr_ll from{};
      socklen_t len = sizeof(from);
      const auto n = recvfrom(fd_, b.data(), b.size(), 0, reinterpret_cast<sockaddr*>(&from), &len);
      if (n < 14 || from.sll_pkttype == PACKET_OUTGOING || b[5] != 0x22) continue;
      b.resize(static_cast<std::size_t>(n));
      return b;
    }
  }

 private:
  int fd_;
};

std::string hex(const Bytes& b) {
  std::string s;
  char two[3];
  for (auto c : b) std::snprintf(two, 3, "%02x", c), s += two;
  return s;
}

struct Router {
  Tap& tap;
  Front& front;
  Tapped w1{"w1"}, e1{"e1"};
  unsigned w0 = if_nametoindex("w0");

  void same_as_kernel(const Bytes& frame, const std::string& name) {
    w1.send(frame);
    const Bytes judge = e1.receive();
    const fulcrum_queue before = front.queue(w0);
    const int err = front.run_live(frame, w0);
    Bytes ours = e1.receive();
    const fulcrum_queue after = front.queue(w0);
    const std::size_t carried = ours.size();
    if (ours.size() > judge.size()) ours.resize(judge.size());  // Linux cuts Ethernet padding off
    tap.check(
        !err && !judge.empty() && ours == judge && carried == frame.size() && after.inline_tx - before.inline_tx == 1 &&
            after.inline_tx_bytes - before.inline_tx_bytes == frame.size() && after.rx_packets - before.rx_packets == 1,
        name, "kernel " + hex(judge) + ", inline " + hex(ours) + ", error " + std::to_string(err));
  }
  // To the kernel, and untouched.
  void left(const Bytes& frame, const std::string& name) {
    const Ran r = front.run(frame, w0);
    tap.check(r.action == XDP_PASS && r.frame == frame && r.delta.inline_pass == 1 && r.outcome == "inline_packets" &&
                  !r.meta,
              name, "action " + std::to_string(r.action) + ", " + r.outcome);
  }
  void dropped(const Bytes& frame, const std::string& name) {
    const Ran r = front.run(frame, w0);
    tap.check(r.action == XDP_DROP && r.delta.inline_drop == 1 && r.outcome == "inline_packets", name,
              "action " + std::to_string(r.action) + ", " + r.outcome);
  }
};

Bytes broken(Bytes frame, std::size_t at) {
  frame[at] ^= 1;
  return frame;
}

// The incremental checksum has its one special case where the old one is 0xfeff:
// the identification field is chosen so that 64 checksums around it come up.
void test_checksums(Router& r, const std::string& way) {
  int held = 0;
  for (unsigned want = 0xfeff - 32; want < 0xfeff + 32; ++want) {
    Bytes f = udp4();
    const unsigned is = f[24] << 8 | f[25], id = f[18] << 8 | f[19];
    put16(f, 18, (id + is + 0xffff - want) % 0xffff);
    put16(f, 24, want);
    r.w1.send(f);
    const Bytes judge = r.e1.receive();
    r.front.run_live(f, r.w0);
    held += !judge.empty() && r.e1.receive() == judge;
  }
  r.tap.check(held == 64, way + "64 checksums around the wrap as Linux has them", std::to_string(held));
}

void test_forwarding(Router& r, const std::string& way) {
  r.same_as_kernel(udp4(), way + "IPv4 leaves as Linux sends it");
  for (unsigned ttl : {2u, 128u, 255u}) r.same_as_kernel(udp4(1, 2, {.ttl = ttl}), way + "TTL " + std::to_string(ttl));
  test_checksums(r, way);
  r.same_as_kernel(ethernet(0x0800, ip4({.proto = 6}, tcp(80, 4000, 8, 1000))), way + "TCP, 1,000 bytes");
  r.same_as_kernel(ethernet(0x0800, ip4({.proto = 47}, {})) + filled(26), way + "Ethernet padding is carried along");
  r.same_as_kernel(ethernet(0x0800, ip4({.options = filled(4, 1)}, udp(1, 2))), way + "IPv4 options (4 bytes)");
  r.same_as_kernel(ethernet(0x0800, ip4({.options = filled(40, 1)}, udp(1, 2))), way + "IPv4 options (40 bytes)");
  r.same_as_kernel(ethernet(0x0800, ip4({.fragment = 0x2010}, filled(32, 7))), way + "a fragment");
  r.same_as_kernel(udp6(), way + "IPv6");
  r.same_as_kernel(udp6(1, 2, {.hop_limit = 2}), way + "IPv6 hop limit 2");
  r.same_as_kernel(ethernet(0x86dd, ip6({.next = 60}, extension(17, 2) + udp(1, 2))), way + "IPv6 extension header");
}

void test_refusals(Router& r, const std::string& way) {
  r.left(udp4(1, 2, {.ttl = 1}), way + "TTL 1 goes to the kernel");
  r.left(udp4(1, 2, {.ttl = 0}), way + "TTL 0 goes to the kernel");
  r.left(udp6(1, 2, {.hop_limit = 1}), way + "hop limit 1 goes to the kernel");
  r.left(udp4(1, 2, {.dst = "198.51.100.1"}), way + "no route goes to the kernel");
  r.left(udp6(1, 2, {.dst = "2001:db8::1"}), way + "no IPv6 route goes to the kernel");
  r.left(udp4(1, 2, {.dst = "10.8.0.1"}), way + "unreachable goes to the kernel");
  r.left(udp4(1, 2, {.dst = "10.7.0.1"}), way + "an unknown neighbour goes to the kernel");
  r.left(udp6(1, 2, {.dst = "fd07::1"}), way + "an unknown IPv6 neighbour goes to the kernel");
  r.left(udp4(1, 2, {.dst = "10.3.0.2"}), way + "out of an interface that is no port goes to the kernel");
  r.left(ethernet(0x0800, ip4({}, udp(1, 2, 1380))), way + "beyond the out interface's MTU goes to the kernel");
  r.left(ethernet(0x8100, be16(5) + be16(0x0800) + ip4({}, udp(1, 2))), way + "a tagged packet goes to the kernel");
  r.dropped(broken(udp4(), 24), way + "a wrong checksum is dropped");
  r.dropped(broken(ethernet(0x0800, ip4({.options = filled(40, 1)}, udp(1, 2))), 14 + 58),
            way + "... also with 40 bytes of options");
  r.dropped(ethernet(0x0800, ip4({.total_bytes = 1000}, udp(1, 2))), way + "a length beyond the frame is dropped");
  r.dropped(ethernet(0x0800, ip4({.total_bytes = 19}, udp(1, 2))), way + "a length short of the header is dropped");
  r.dropped(udp4(1, 2, {.src = "255.255.255.255"}), way + "a broadcast source is dropped");
  r.dropped(udp4(1, 2, {.src = "224.0.0.9"}), way + "a multicast source is dropped");
  r.dropped(udp6(1, 2, {.src = "ff02::9"}), way + "a multicast IPv6 source is dropped");
  Bytes cut = udp6();
  cut.resize(cut.size() - 1);
  r.dropped(cut, way + "an IPv6 length beyond the frame is dropped");
}

void test_plan(Router& r, fulcrum_inline_plan plan) {
  std::string why;
  plan.check4 = 0, plan.expired4 = FULCRUM_VERDICT_DROP, plan.no_route6 = FULCRUM_VERDICT_DROP;
  plan.ip6 = 1, plan.out_ifindex[0] = if_nametoindex("x0");
  r.tap.check(r.front.load_inline(plan, why), "another plan loads", why);
  r.left(udp4(), "plan: a list of ports takes the place of fu1_port");
  r.left(broken(udp4(1, 2, {.dst = "198.51.100.1"}), 24), "plan: no check, no drop");
  r.dropped(udp6(1, 2, {.dst = "2001:db8::1"}), "plan: no route can mean drop");
  plan.out_ifindex[1] = if_nametoindex("e0"), plan.ip6 = 0, plan.bad6 = FULCRUM_VERDICT_KERNEL;
  r.tap.check(r.front.load_inline(plan, why), "a third plan loads", why);
  r.same_as_kernel(udp4(), "plan: the second port of the list is one");
  r.dropped(udp4(1, 2, {.ttl = 1}), "plan: expired can mean drop");
  r.left(udp6(), "plan: a family that is not routed goes by its verdict");
}

}  // namespace

void test_route(Tap& tap, Front& front) {
  if (!tap.check(shell(kTopology) == 0, "topology of the routing test")) return;
  // A veth takes redirected frames only if its peer runs XDP: the front-end will do.
  shell("for i in w1 e1; do ethtool -K $i tx off txvlan off >/dev/null; done");
  shell("ip link set dev e1 xdp obj " + front.bpf_dir() + "/steer.bpf.o sec xdp");
  front.reset();
  const unsigned w0 = if_nametoindex("w0"), e0 = if_nametoindex("e0");
  front.add_queue(w0, Front::kSlot + 1);
  front.set_all(FULCRUM_TIER_INLINE);
  front.write_port(e0);
  fulcrum_inline_plan plan{1,
                           1,
                           1,
                           1,
                           FULCRUM_VERDICT_DROP,
                           FULCRUM_VERDICT_DROP,
                           FULCRUM_VERDICT_KERNEL,
                           FULCRUM_VERDICT_KERNEL,
                           FULCRUM_VERDICT_KERNEL,
                           FULCRUM_VERDICT_KERNEL,
                           {},
                           {}};
  std::string why;
  if (!tap.check(front.load_inline(plan, why), "inline_route.bpf.o loads with a plan", why)) return;
  Router r{tap, front};
  for (bool all_inline : {false, true}) {
    front.port.all_inline = all_inline;
    front.write_port(w0);
    const std::string way = all_inline ? "short cut: " : "long way: ";
    test_forwarding(r, way);
    test_refusals(r, way);
  }
  test_plan(r, plan);
  const fulcrum_queue q = front.queue(w0);
  tap.check(q.rx_packets == outcomes(q) && q.inline_packets == q.inline_tx + q.inline_pass + q.inline_drop,
            "inline: received = outcomes, inline packets = sent + passed + dropped");
  front.unload_inline();
  front.erase_port(e0);
  front.erase_port(w0);
}

}  // namespace fulcrum::test
