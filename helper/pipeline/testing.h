// SPDX-License-Identifier: MIT
// testing.h - for unit tests: configurations from text, packets by hand, batches of them.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fulcrum_parse.h"
#include "pipeline/graph.h"
#include "pipeline/offline_setup.h"

namespace fulcrum::testing {

using Bytes = std::vector<std::uint8_t>;

inline void put16(Bytes& b, std::size_t at, unsigned v) {
  b[at] = static_cast<std::uint8_t>(v >> 8);
  b[at + 1] = static_cast<std::uint8_t>(v);
}

// RFC 1071, the plain way.
inline std::uint16_t checksum(const std::uint8_t* p, std::size_t bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes; i += 2) sum += p[i] << 8 | p[i + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

inline void fix_checksum(Bytes& frame, std::size_t l3 = 14) {
  put16(frame, l3 + 10, 0);
  put16(frame, l3 + 10, checksum(&frame[l3], (frame[l3] & 15u) * 4));
}

// Ethernet + IPv4 + UDP 10.0.0.1:1000 -> 10.0.1.2:2000.
inline Bytes udp4(std::size_t payload_bytes = 22, std::uint8_t ttl = 64) {
  Bytes f(14 + 20 + 8 + payload_bytes, 0x55);
  const std::uint8_t mac[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  std::copy(mac, mac + 12, f.begin());
  put16(f, 12, 0x0800);
  const std::uint8_t ip[20] = {0x45, 0, 0, 0, 0, 1, 0, 0, ttl, 17, 0, 0, 10, 0, 0, 1, 10, 0, 1, 2};
  std::copy(ip, ip + 20, f.begin() + 14);
  put16(f, 16, static_cast<unsigned>(f.size() - 14));
  fix_checksum(f);
  put16(f, 34, 1000);
  put16(f, 36, 2000);
  put16(f, 38, static_cast<unsigned>(8 + payload_bytes));
  put16(f, 40, 0);
  return f;
}

// Ethernet + IPv6 + UDP 2001:db8::1 -> 2001:db8:1::2.
inline Bytes udp6(std::size_t payload_bytes = 2, std::uint8_t hop_limit = 64) {
  Bytes f(14 + 40 + 8 + payload_bytes);
  std::fill_n(f.rbegin(), payload_bytes, std::uint8_t{0x66});
  f[0] = f[6] = 2;
  put16(f, 12, 0x86dd);
  f[14] = 0x60;
  put16(f, 18, static_cast<unsigned>(8 + payload_bytes));
  f[20] = 17;
  f[21] = hop_limit;
  put16(f, 22, 0x2001), put16(f, 24, 0x0db8), f[37] = 1;
  put16(f, 38, 0x2001), put16(f, 40, 0x0db8), f[43] = 1, f[53] = 2;
  put16(f, 54, 1000), put16(f, 56, 2000), put16(f, 58, static_cast<unsigned>(8 + payload_bytes));
  return f;
}

// Packets in buffers of exactly their size, so that AddressSanitizer sees a read beyond.
class TestBatch {
 public:
  explicit TestBatch(const std::vector<Bytes>& frames, std::uint16_t in_port = 0) {
    batch.in_port = in_port;
    batch.tier = FULCRUM_TIER_CPU;
    for (const Bytes& f : frames) add(f);
  }
  // Room in front and behind is there, but poisoned until push() or resize() take it.
  void add(const Bytes& frame) {
    const unsigned i = batch.count++;
    const std::size_t room = kHeadroomBytes + frame.size() + kTailroomBytes;
    frames_.push_back(std::make_unique<std::uint8_t[]>(room));
    batch.data[i] = frames_.back().get() + kHeadroomBytes;
    guard(frames_.back().get(), kHeadroomBytes);
    guard(batch.data[i] + frame.size(), kTailroomBytes);
    if (!frame.empty()) std::memcpy(batch.data[i], frame.data(), frame.size());
    batch.len[i] = static_cast<std::uint32_t>(frame.size());
    batch.frame[i] = i;
    fulcrum_parsed p;
    fulcrum_parse(batch.data[i], batch.data[i] + frame.size(), &p);
    batch.set_headers(i, p);
    batch.bucket[i] = static_cast<std::uint8_t>(p.hash), batch.pos[i] = 0, batch.rx_ns[i] = 0;
    batch.reset_results(i);
  }
  Bytes frame(unsigned i) const { return {batch.data[i], batch.data[i] + batch.len[i]}; }
  // The frame as it leaves: with the addresses that go with its verdict.
  Bytes leaving(unsigned i) const {
    Bytes f = frame(i);
    L2Rewrite l2 = batch.l2[i];
    l2.valid = batch.l2_bits(i);
    apply_l2(f.data(), batch.len[i], l2);
    return f;
  }

  Batch batch;

 private:
  static void guard(std::uint8_t* at, std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
    __asan_poison_memory_region(at, bytes);
#else
    static_cast<void>(at), static_cast<void>(bytes);
#endif
  }
  std::vector<std::unique_ptr<std::uint8_t[]>> frames_;
};

// Packets that elements add, in batches of their own, run once the one they come from is done.
class TestMaker final : public PacketMaker {
 public:
  struct Child {
    TestBatch frames{{}};
    Walk walk;
    const Batch* of = nullptr;
    unsigned origin[kBatchSize] = {};
  };
  Made make(Batch& b, unsigned origin, unsigned output, std::uint32_t bytes) noexcept override {
    if (made.size() >= limit || bytes > 2048) return {};
    made.push_back(std::make_unique<Child>());
    Child& c = *made.back();
    graph->start_made(c.walk);
    Batch& n = c.frames.batch;
    n.in_port = b.in_port, n.tier = b.tier, n.now_ns = b.now_ns, n.maker = this;
    c.frames.add(Bytes(bytes));
    n.came_like(0, b, origin);
    c.of = &b, c.origin[0] = origin;
    graph->enter(*walk_of(b), output, c.walk, n, 0);
    return {&n, 0};
  }
  const Walk* walk_of(const Batch& b) const {
    for (const auto& c : made)
      if (&c->frames.batch == &b) return &c->walk;
    return walk;
  }

  Graph* graph = nullptr;
  const Walk* walk = nullptr;
  std::size_t limit = 256;  // packets that may be made
  std::vector<std::unique_ptr<Child>> made;
};

// A configuration and all that belongs to it.
struct TestPipeline {
  explicit TestPipeline(const std::string& text, const PluginInfo* plugin = nullptr)
      : setup("/test/test.click", OfflineSetup::KernelRoutes::kEmpty) {
    static_cast<void>(static_cast<bool>(setup.port("x")));  // index 0, TestBatch's default
    static_cast<void>(static_cast<bool>(setup.port("y")));
    if (plugin) static_cast<void>(static_cast<bool>(registry.add(*plugin)));
    const Config config = parse_config("test.click", text, diag);
    if (diag.ok()) registry.require_all(config, diag);
    if (diag.ok()) graph = Graph::build(config, registry, setup, diag);
  }
  std::string reason(const Batch& b, unsigned i) const { return setup.reasons().name(b.reason[i]); }
  // What elements add is in maker.made then, with verdicts.
  bool run(Batch& b) {
    static Walk walk;
    maker.graph = graph.get(), maker.walk = &walk, maker.made.clear();
    b.maker = &maker;
    if (!graph->start(walk, b) || graph->advance(walk, b, false) != Step::kDone) return false;
    for (std::size_t k = 0; k < maker.made.size(); ++k)
      if (graph->advance(maker.made[k]->walk, maker.made[k]->frames.batch, false) != Step::kDone) return false;
    return true;
  }
  // All frames as they leave, in order: each packet, then what was made of it. With its verdict's port.
  std::vector<std::pair<std::uint16_t, Bytes>> sent(const TestBatch& from) const {
    std::vector<std::pair<std::uint16_t, Bytes>> out;
    for (unsigned i = 0; i < from.batch.count; ++i) {
      if (from.batch.verdict[i] == Verdict::kTx) out.emplace_back(from.batch.out_port[i], from.leaving(i));
      for (const auto& c : maker.made)
        if (c->of == &from.batch && c->origin[0] == i)
          for (auto& packet : sent(c->frames)) out.push_back(std::move(packet));
    }
    return out;
  }
  std::uint64_t counter(const std::string& element, const std::string& name) const {
    for (const NodeStat& n : graph->stats())
      if (n.name == element)
        for (const CounterValue& c : n.counters)
          if (name == c.name) return c.value;
    return ~std::uint64_t{0};
  }

  OfflineSetup setup;
  Registry registry;
  Diagnostics diag;
  std::unique_ptr<Graph> graph;
  TestMaker maker;
};

}  // namespace fulcrum::testing
