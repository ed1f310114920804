// SPDX-License-Identifier: MIT
// return_path_test.cc - frames out: in order over alternating ways, and all come home.
//
//   r0 (TX ring and live frames) ── r1 (packet socket)      in a namespace of its own
#include "port/return_path.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <thread>

#include "port/link.h"

namespace fulcrum {
namespace {

constexpr std::uint32_t kFrames = 1024, kFrameBytes = 2048, kPacketBytes = 64;
constexpr std::uint16_t kEtherType = 0x88b6;  // IEEE 802: local experimental, not that of the probes

FramePool all_frames() {
  FramePool pool(kFrames, kFrameBytes);
  for (std::uint32_t i = 0; i < kFrames; ++i) pool.put(std::uint64_t{i} * kFrameBytes);
  return pool;
}

// ---- accounting, without sockets -------------------------------------------------

struct Offline {
  Offline()
      : umem(std::move(*Umem::open(UmemKind::kMemfd, kFrames, kFrameBytes))),
        pool(all_frames()),
        out(*umem, pool, nullptr) {
    out.add_port(std::make_unique<OutPort>());
  }
  std::unique_ptr<Umem> umem;
  FramePool pool;
  ReturnPath out;
};

TEST(ReturnPath, FramesComeHomeFromAPortWithoutAWay) {
  Offline t;
  for (int i = 0; i < 300; ++i) t.out.transmit(t.pool.take(), 60, 0, {}, true);
  EXPECT_EQ(t.out.pending(), 300u - Live::kBurst) << "a full burst goes by itself";
  t.out.flush();
  EXPECT_EQ(t.out.totals().lost_no_way.value(), 300u);
  EXPECT_EQ(t.pool.size(), kFrames);
}

TEST(ReturnPath, FramesComeHomeFromAKernelThatIsNotThere) {
  Offline t;
  for (std::uint32_t i = 0; i < 10; ++i) t.out.to_kernel(t.pool.take(), 60, 1 + i % 2, 0, {}, true);
  t.out.flush();
  EXPECT_EQ(t.out.totals().lost_kernel_error.value(), 10u);
  EXPECT_EQ(t.pool.size(), kFrames);
}

TEST(ReturnPath, WhatIsHeldBackTooLongIsDroppedByName) {
  Offline t;
  t.out.set_deadline(1);
  t.out.transmit(t.pool.take(), 60, 0, {}, true);
  t.out.to_kernel(t.pool.take(), 60, 1, 0, {}, true);
  t.out.flush();
  EXPECT_EQ(t.out.totals().lost_overtaken.value(), 2u);
  EXPECT_EQ(t.out.totals().lost_no_way.value(), 0u);
  EXPECT_EQ(t.pool.size(), kFrames);
  t.out.transmit(t.pool.take(), 60, 0, {}, true);
  t.out.transmit(t.pool.take(), 60, 0, {}, false);
  t.out.to_kernel(t.pool.take(), 60, 1, 0, {}, true);
  t.out.to_kernel(t.pool.take(), 60, 1, 0, {}, false);
  t.out.flush();
  EXPECT_EQ(t.out.totals().lost_overtaken.value(), 4u);
  EXPECT_EQ(t.out.totals().lost_no_way.value(), 1u) << "nothing passes a port with policy drop: late is not too late";
  EXPECT_EQ(t.out.totals().lost_kernel_error.value(), 1u);
  EXPECT_EQ(t.pool.size(), kFrames);
  t.out.set_deadline(~std::uint64_t{0});
  t.out.transmit(t.pool.take(), 60, 0, {}, true);
  t.out.flush();
  EXPECT_EQ(t.out.totals().lost_no_way.value(), 2u) << "the burst before left something behind";
}

// ---- on a wire -------------------------------------------------------------------

class Receiver {
 public:
  explicit Receiver(const char* ifname)
      : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(kEtherType))) {
    const int bytes = 32 << 20;
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
    sockaddr_ll a{};
    a.sll_family = AF_PACKET;
    a.sll_protocol = htons(kEtherType);
    a.sll_ifindex = static_cast<int>(if_nametoindex(ifname));
    ok = fd_ >= 0 && bind(fd_, reinterpret_cast<sockaddr*>(&a), sizeof(a)) == 0;
  }
  ~Receiver() { close(fd_); }
  // Takes what has come; waits up to a second for `until` packets in all.
  void collect(std::uint64_t until) {
    std::uint8_t f[kPacketBytes];
    for (pollfd p{fd_, POLLIN, 0}; received < until && poll(&p, 1, 1000) > 0;)
      while (recv(fd_, f, sizeof(f), 0) == kPacketBytes) {
        std::uint32_t number;
        std::memcpy(&number, f + 14, sizeof(number));
        if (number != received) ++out_of_order;
        ++received;
      }
  }
  bool ok = false;
  std::uint64_t received = 0, out_of_order = 0;

 private:
  int fd_;
};

// Members are destroyed from the last up.
struct Wire {
  std::unique_ptr<Umem> umem;
  std::unique_ptr<XskUmem> xsk_umem;
  std::unique_ptr<XskQueue> queue;
  FramePool pool = all_frames();
  std::unique_ptr<ReturnPath> out;
  std::unique_ptr<Receiver> receiver;
  OutPort* port = nullptr;
  std::uint32_t sent = 0;
  std::uint32_t offset_bytes = 256;  // of packets in their frames, as received
  UmemKind kind = UmemKind::kAuto;

  // Returns why not, empty if all is there.
  std::string open() {
    if (std::system(
            "ip link add r0 type veth peer name r1 && "
            "echo 1 | tee /proc/sys/net/ipv6/conf/r0/disable_ipv6 /proc/sys/net/ipv6/conf/r1/disable_ipv6 >/dev/null; "
            "ethtool -K r1 gro on >/dev/null && ip link set r0 up && ip link set r1 up"))
      return "no veth pair with GRO: needs ip and ethtool";
    auto u = Umem::open(kind, kFrames, kFrameBytes);
    if (!u) return u.error().text;
    umem = std::move(*u);
    auto x = XskUmem::open(*umem);
    if (!x) return x.error().text;
    xsk_umem = std::move(*x);
    XskQueue::Config c;
    c.ifname = "r0";
    c.rx_rings = 0;
    auto q = XskQueue::open(*xsk_umem, c);
    if (!q) return q.error().text;
    queue = std::move(*q);
    auto live = Live::open(*umem);
    if (!live) return live.error().text;
    out = std::make_unique<ReturnPath>(*umem, pool, std::move(*live));
    auto link = find_link("r0");
    if (!link) return link.error().text;
    auto p = std::make_unique<OutPort>();
    p->name = "r0";
    p->ifindex = link->ifindex;
    p->mac = link->mac;
    p->queue = queue.get();
    out->measure(*p);
    if (!p->live_ok) return "live frames do not arrive on this kernel's veth";
    port = p.get();
    out->add_port(std::move(p));
    receiver = std::make_unique<Receiver>("r1");
    return receiver->ok ? "" : "no packet socket";
  }
  // Address of a frame with a numbered packet in it.
  std::uint64_t frame(std::uint32_t number) {
    const std::uint64_t addr = pool.take() + offset_bytes;
    std::uint8_t* f = umem->base() + addr;
    std::memset(f, 0, kPacketBytes);
    std::memset(f, 0xff, 6);
    f[12] = kEtherType >> 8, f[13] = kEtherType & 0xff;
    std::memcpy(f + 14, &number, sizeof(number));
    return addr;
  }
  void burst(unsigned packets) {
    for (; packets; --packets, ++sent) out->transmit(frame(sent), kPacketBytes, 0, {}, true);
    out->flush();
    out->reap();
  }
  bool all_home() {
    for (int i = 0; i < 1000 && pool.size() != kFrames; ++i) {
      out->reap();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return pool.size() == kFrames;
  }
};

// Runs `test` on a wire in a namespace that ends with it. Returns why it could not.
std::string on_wire(const std::function<void(Wire&)>& test, UmemKind kind = UmemKind::kAuto) {
  if (geteuid()) return "needs root";
  std::string why;
  std::thread([&] {
    if (unshare(CLONE_NEWNET)) {
      why = "no network namespace of its own";
      return;
    }
    Wire w;
    w.kind = kind;
    why = w.open();
    if (why.empty()) test(w);
  }).join();
  return why;
}

void expect_all_in_order(Wire& w) {
  w.receiver->collect(w.sent);
  EXPECT_EQ(w.receiver->received, w.sent);
  EXPECT_EQ(w.receiver->out_of_order, 0u);
  EXPECT_TRUE(w.all_home()) << w.pool.size() << " of " << kFrames;
  const ReturnPath::Totals& t = w.out->totals();
  EXPECT_EQ(t.live.value() + t.ring.value(), w.sent);
  EXPECT_EQ(w.port->sent_live.value(), t.live.value());
  EXPECT_EQ(w.port->sent_ring.value(), t.ring.value());
}

TEST(ReturnPathOnAWire, KeepsOrderOverAlternatingWays) {
  const std::uint32_t seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  const std::string why = on_wire([&](Wire& w) {
    std::mt19937 random(seed);
    w.port->forced = true;
    for (int i = 0; i < 400; ++i) {
      w.port->forced_way = random() % 2 ? Way::kLive : Way::kRing;
      w.burst(1 + random() % Live::kBurst);
      w.receiver->collect(w.sent);
    }
    expect_all_in_order(w);
    EXPECT_GT(w.out->totals().live.value(), 1000u);
    EXPECT_GT(w.out->totals().ring.value(), 1000u);
  });
  if (!why.empty()) GTEST_SKIP() << why;
}

// Elements add and remove headers: the packet starts elsewhere than it was received.
TEST(ReturnPathOnAWire, SendsWhatWasMovedInItsFrame) {
  for (UmemKind kind : {UmemKind::kAuto, UmemKind::kMemfd}) {
    const std::string why = on_wire(
        [](Wire& w) {
          w.port->forced = true;
          for (Way way : {Way::kLive, Way::kRing})
            for (std::uint32_t at : {128u, 129u, 255u, 256u, 383u, 384u, 511u, 512u, 700u, 2048u - kPacketBytes}) {
              w.port->forced_way = way;
              w.offset_bytes = at;
              w.burst(3);
              w.receiver->collect(w.sent);
              EXPECT_EQ(w.receiver->out_of_order, 0u) << "offset " << at;
            }
          expect_all_in_order(w);
        },
        kind);
    if (!why.empty()) GTEST_SKIP() << why;
  }
}

// As when the worker loses its CPU behind its own look at the clock.
TEST(LiveOnAWire, DropsInTheKernelWhatIsTimedAndLate) {
  const std::string why = on_wire([](Wire& w) {
    auto live = Live::open(*w.umem);
    ASSERT_TRUE(live) << live.error().text;
    for (std::uint32_t i = 0; i < 100; ++i) {
      const std::uint64_t addr = w.frame(i / 2);
      (*live)->add(addr, kPacketBytes, w.port->ifindex, {}, i % 2);
    }
    EXPECT_EQ((*live)->flush(0, 0, 1), 100u);
    EXPECT_EQ((*live)->late(), 50u);
    EXPECT_EQ((*live)->refused(), 0u);
    w.receiver->collect(50);
    EXPECT_EQ(w.receiver->received, 50u);
    EXPECT_EQ(w.receiver->out_of_order, 0u) << "the untimed ones went, each once";
  });
  if (!why.empty()) GTEST_SKIP() << why;
}

TEST(ReturnPathOnAWire, ChoosesByBurstAndLearns) {
  const std::string why = on_wire([](Wire& w) {
    // Costs that no machine has: the first measurements must replace them.
    w.port->costs.live.fill(1e6f);
    w.port->costs.ring.fill(1e9f);
    for (int i = 0; i < 1500; ++i) w.burst(i % 3 ? 1 : 64), w.receiver->collect(w.sent);
    expect_all_in_order(w);
    EXPECT_LT(w.port->costs.live[6], 1e5f);
    EXPECT_LT(w.port->costs.live[0], 1e6f);
    EXPECT_GT(w.out->totals().ring.value(), 0u) << "the dearer way is never tried";
  });
  if (!why.empty()) GTEST_SKIP() << why;
}

}  // namespace
}  // namespace fulcrum
