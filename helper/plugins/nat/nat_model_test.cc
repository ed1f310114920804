// SPDX-License-Identifier: MIT
// nat_model_test.cc - random traffic through NAT44 and through std::map with the same rules.
//
// The model says of each packet whether it passes, or the reason why not, and what it looks
// like behind. Which free port a mapping gets it leaves to the translator, and checks that the
// choice is one that RFC 4787 allows. Time stands still, creeps and jumps.
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "nat_testing.h"

namespace fulcrum::nat {
namespace {

struct Connection {
  Tick last = 0;
  bool by_outside = false, inside_spoke = false, outside_spoke = false, confirmed = false;
  bool inside_fin = false, outside_fin = false, reset = false;
  bool closing() const { return reset || (inside_fin && outside_fin); }
  bool established() const { return confirmed && !closing(); }

  void segment(bool inside, std::uint8_t flags, Tick now) {
    last = now;
    const bool fresh = !inside_spoke && !outside_spoke;
    if (fresh || (closing() && (flags & (kSyn | kAck | kRst)) == kSyn)) *this = {now, !inside};
    if (inside != by_outside && (flags & kAck) && inside_spoke && outside_spoke) confirmed = true;
    (inside ? inside_spoke : outside_spoke) = true;
    if (flags & kFin) (inside ? inside_fin : outside_fin) = true;
    if (flags & kRst) reset = true;
  }
};

using End = std::pair<std::uint32_t, std::uint16_t>;

struct ModelMapping {
  Endpoint inside, outside;
  Tick last_out = 0, last_in = 0;
  bool fixed = false;
  std::map<End, Connection> connections;
  std::map<End, Tick> permits;
};

struct Expected {
  std::string why;  // empty: it passes
  bool to_inside = false;
  Endpoint src, dst;
};

class Model {
 public:
  Model(Filtering filtering, bool refresh_both, PortRange range)
      : filtering_(filtering), both_(refresh_both), range_(range) {}

  void forward(Endpoint outside, Endpoint inside) {
    ModelMapping m{inside, outside};
    m.fixed = true;
    add(Proto::kTcp, m);
  }

  void expire(Tick now) {
    const Timeouts t = default_timeouts();
    for (auto it = by_inside_.begin(); it != by_inside_.end();) {
      const Proto proto = proto_of(it->first);
      ModelMapping& m = it->second;
      const std::uint32_t limit = proto == Proto::kTcp ? t.tcp : proto == Proto::kUdp ? t.udp : t.icmp;
      std::erase_if(m.permits, [&](const auto& p) { return now - p.second > limit; });
      std::erase_if(m.connections, [&](const auto& c) {
        return now - c.second.last > (c.second.established() ? t.tcp : t.tcp_transitory);
      });
      const Tick last = both_ ? std::max(m.last_out, m.last_in) : m.last_out;
      const bool over = proto == Proto::kTcp ? m.connections.empty() : now - last > limit;
      if (over && !m.fixed) {
        by_outside_.erase(key_of(proto, m.outside));
        it = by_inside_.erase(it);
      } else {
        ++it;
      }
    }
  }

  // `seen`: the source that the translator gave it, for a mapping that is new; port -1: none.
  Expected from_inside(Proto proto, Endpoint src, Endpoint dst, std::uint8_t flags, bool external, Tick now,
                       Endpoint seen) {
    if (proto == Proto::kIcmp && external) return {"nat_no_mapping"};
    const Key key = key_of(proto, src);
    const Endpoint remote{dst.addr, proto == Proto::kIcmp ? std::uint16_t{0} : dst.port};
    ModelMapping* m = find(by_inside_, key);
    const bool known = m && (m->fixed || m->connections.count(end(remote)));
    if (proto == Proto::kTcp && (flags & kRst) && !known && !(m && m->fixed)) return {"nat_no_mapping"};
    if (!m) {
      if (const std::string why = choose(proto, src, seen); !why.empty()) return {why};
      m = &add(proto, {src, seen});
    }
    if (!m->fixed) {
      if (proto == Proto::kTcp) m->connections[end(remote)].segment(true, flags, now);
      if (permits(proto)) m->permits[permit(remote)] = now;
    }
    m->last_out = now;
    const Endpoint out = m->outside;
    if (!external) return {"", false, out, proto == Proto::kIcmp ? Endpoint{dst.addr, out.port} : dst};
    Expected e = from_outside(proto, out, dst, flags, now);
    return e;
  }

  Expected from_outside(Proto proto, Endpoint src, Endpoint dst, std::uint8_t flags, Tick now) {
    const auto at = by_outside_.find(key_of(proto, dst));
    if (at == by_outside_.end()) return {"nat_no_mapping"};
    ModelMapping& m = by_inside_.at(at->second);
    const Endpoint remote{src.addr, proto == Proto::kIcmp ? std::uint16_t{0} : src.port};
    if (!m.fixed && proto == Proto::kTcp) {
      if (!m.connections.count(end(remote))) {
        const bool syn = (flags & (kSyn | kAck | kRst | kFin)) == kSyn;
        const bool open = filtering_ == Filtering::kEndpointIndependent ||
                          (filtering_ == Filtering::kAddress && m.permits.count(permit(remote)));
        if (!syn || !open) return {"nat_filtered"};
      }
      m.connections[end(remote)].segment(false, flags, now);
    } else if (!m.fixed && permits(proto)) {
      const auto p = m.permits.find(permit(remote));
      if (p == m.permits.end()) return {"nat_filtered"};
      if (both_) p->second = now;
    }
    m.last_in = now;
    return {"", true, proto == Proto::kIcmp ? Endpoint{src.addr, m.inside.port} : src, m.inside};
  }

  std::size_t size() const { return by_inside_.size(); }
  std::size_t sessions() const {
    std::size_t n = 0;
    for (const auto& [key, m] : by_inside_) n += m.connections.size() + m.permits.size();
    return n;
  }
  // An external endpoint that is in use, or none.
  Endpoint some_outside(std::mt19937& random, Proto proto) const {
    std::vector<Endpoint> all;
    for (const auto& [key, inside] : by_outside_)
      if (proto_of(key) == proto) all.push_back(end_of(key));
    return all.empty() ? Endpoint{} : all[random() % all.size()];
  }

 private:
  static End end(Endpoint e) { return {e.addr, e.port}; }
  End permit(Endpoint e) const { return {e.addr, filtering_ == Filtering::kAddress ? std::uint16_t{0} : e.port}; }
  bool permits(Proto proto) const {
    return filtering_ == Filtering::kAddress || (filtering_ == Filtering::kAddressAndPort && proto != Proto::kTcp);
  }
  static ModelMapping* find(std::map<Key, ModelMapping>& in, Key key) {
    const auto at = in.find(key);
    return at == in.end() ? nullptr : &at->second;
  }
  ModelMapping& add(Proto proto, const ModelMapping& m) {
    by_outside_[key_of(proto, m.outside)] = key_of(proto, m.inside);
    return by_inside_[key_of(proto, m.inside)] = m;
  }

  // What is wrong with `seen` for a new mapping of `src`; "nat_no_port" if there can be none.
  std::string choose(Proto proto, Endpoint src, Endpoint seen) {
    const auto [pair, fresh] = pairs_.emplace(src.addr, seen.addr);
    if (seen.addr && pair->second == 0) pair->second = seen.addr;  // the first was refused
    const std::uint32_t address = pair->second;
    if (seen.addr && seen.addr != address) return "another address than before";
    const PortRange range = proto == Proto::kIcmp ? PortRange{0, 65535} : range_;
    const auto is_free = [&](unsigned port) {
      return address && !by_outside_.count(key_of(proto, {address, static_cast<std::uint16_t>(port)}));
    };
    const bool inside_range = src.port >= range.first && src.port <= range.last;
    if (!seen.addr) {
      for (unsigned p = src.port < 1024 ? range.first : std::max<unsigned>(1024, range.first); p <= range.last; ++p)
        if (is_free(p)) return "refused, but a port is free";
      return "nat_no_port";
    }
    if (!is_free(seen.port)) return "a port that is in use";
    if (inside_range && is_free(src.port)) return seen.port == src.port ? "" : "not the port kept";
    if (proto == Proto::kIcmp) return "";
    if (seen.port < range.first || seen.port > range.last) return "out of PORTS";
    if (src.port >= 1024 && seen.port < 1024) return "a system port for a user port";
    if (proto != Proto::kUdp || seen.port % 2 == src.port % 2) return "";
    for (unsigned p = range.first; p <= range.last; ++p)
      if ((p < 1024) == (src.port < 1024) && p % 2 == src.port % 2 && is_free(p)) return "not of its parity";
    return "";
  }

  Filtering filtering_;
  bool both_;
  PortRange range_;
  std::map<Key, ModelMapping> by_inside_;
  std::map<Key, Key> by_outside_;
  std::map<std::uint32_t, std::uint32_t> pairs_;
};

class Traffic {
 public:
  Traffic(std::uint32_t seed, const char* filtering, Filtering f, bool both)
      : random_(seed),
        lab_("EXTERNAL 203.0.113.1-203.0.113.2, PORTS 1016-1031, FORWARD tcp 203.0.113.1:80 10.0.0.3:8080, FILTERING " +
             std::string(filtering) + ", REFRESH " + (both ? "both" : "outbound")),
        model_(f, both, {1016, 1031}) {
    model_.forward(at("203.0.113.1:80"), at("10.0.0.3:8080"));
  }

  void step() {
    static constexpr std::uint64_t kPauses_s[] = {0, 0, 0, 0, 0, 1, 20, 61, 100, 239, 299, 7000};
    lab_.now_ns += random_() % 30 ? 0 : kPauses_s[random_() % 12] * 1000000000 + random_() % 1000000000;
    const Timeouts limit = default_timeouts();
    const Clock clock{tick_of(lab_.now_ns), &limit};
    Table& table = *lab_.element().table();
    for (int i = 0; i < 2; ++i) table.sweep(clock, table.ever_used());  // connections first, then what has none left
    for (int i = 0; i < 2; ++i) model_.expire(clock.now);
    const Proto proto = static_cast<Proto>(random_() % 3);
    random_() % 2 ? inside(proto, clock.now) : outside(proto, clock.now);
    for (int i = 0; i < 2; ++i) table.sweep(clock, table.ever_used());
    ASSERT_EQ(table.used().mappings, model_.size());
    ASSERT_EQ(table.used().sessions, model_.sessions());
    passed += lab_.why.empty();
  }

  std::uint64_t counted(const char* what) const { return lab_.p->counter("nat", what); }

  unsigned passed = 0;

 private:
  std::uint32_t draw(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
  std::uint16_t port(std::uint32_t first, std::uint32_t count) {
    return static_cast<std::uint16_t>(first + draw(count));
  }
  Endpoint remote() { return {addr("198.51.100.1") + draw(3), port(50, 3)}; }
  std::uint8_t flags() {
    static constexpr std::uint8_t kFlags[] = {kSyn, kSyn, kSyn | kAck, kAck,        kAck,
                                              kAck, kAck, kFin | kAck, kFin | kAck, kRst};
    return kFlags[random_() % 10];
  }
  static Bytes packet(Proto proto, Endpoint src, Endpoint dst, std::uint8_t flags, unsigned icmp_type) {
    if (proto == Proto::kIcmp) return echo(src.addr, dst.addr, icmp_type, src.port);
    return proto == Proto::kTcp ? tcp(src, dst, flags) : udp(src, dst);
  }

  void inside(Proto proto, Tick now) {
    Endpoint src{addr("10.0.0.1") + draw(6), port(1010, 24)};
    if (random_() % 10 == 0) src = at("10.0.0.3:8080");
    Endpoint dst = remote();
    const bool hairpin = random_() % 4 == 0;
    if (hairpin) dst = model_.some_outside(random_, proto);
    const bool external = dst.addr && hairpin;
    if (!dst.addr) dst = remote();
    if (proto == Proto::kIcmp) dst.port = src.port;
    const std::uint8_t f = flags();
    const Bytes out = lab_.out(packet(proto, src, dst, f, 8));
    // Refused after its mapping was made (a hairpin that the filter keeps out): ask the table what the source became.
    Endpoint seen;
    View v;
    const Timeouts limit = default_timeouts();
    if (lab_.element().table()->error_out(key_of(proto, src), {now, &limit}, v) == Answer::kOk)
      seen = end_of(v.outside);
    check(model_.from_inside(proto, src, dst, f, external, now, seen), out);
  }

  void outside(Proto proto, Tick now) {
    Endpoint dst = model_.some_outside(random_, proto);
    if (!dst.addr || random_() % 10 == 0) dst = {addr("203.0.113.1") + draw(2), port(1010, 40)};
    Endpoint src = remote();
    if (proto == Proto::kIcmp) src.port = dst.port;
    const std::uint8_t f = flags();
    const Bytes in = lab_.in(packet(proto, src, dst, f, 0));
    check(model_.from_outside(proto, src, dst, f, now), in);
  }

  void check(const Expected& e, const Bytes& got) {
    ASSERT_EQ(lab_.why, e.why);
    if (!e.why.empty()) return;
    ASSERT_EQ(lab_.to_inside, e.to_inside);
    ASSERT_EQ(text(source(got)), text(e.src));
    ASSERT_EQ(text(destination(got)), text(e.dst));
  }

  std::mt19937 random_;
  Lab lab_;
  Model model_;
};

TEST(NatModel, RandomTrafficIsTranslatedAsTheModelSays) {
  const char* given = std::getenv("FULCRUM_TEST_SEED");
  const auto seed = static_cast<std::uint32_t>(given ? std::strtoul(given, nullptr, 10) : std::random_device{}());
  const std::pair<const char*, Filtering> filterings[] = {{"endpoint-independent", Filtering::kEndpointIndependent},
                                                          {"address-dependent", Filtering::kAddress},
                                                          {"address-and-port-dependent", Filtering::kAddressAndPort}};
  for (const auto& [name, filtering] : filterings)
    for (bool both : {false, true}) {
      Traffic traffic(seed, name, filtering, both);
      for (int i = 0; i < 20000; ++i) {
        traffic.step();
        if (::testing::Test::HasFatalFailure())
          FAIL() << name << ", refresh both " << both << ", step " << i << "; FULCRUM_TEST_SEED=" << seed;
      }
      EXPECT_GT(traffic.passed, 5000u);
      for (const char* what : {"hairpinned", "nat_no_port", "nat_no_mapping"})
        EXPECT_GT(traffic.counted(what), 20u) << what;
      EXPECT_GT(traffic.counted("nat_filtered"), 20u) << name;
    }
  std::cout << "FULCRUM_TEST_SEED=" << seed << "\n";
}

}  // namespace
}  // namespace fulcrum::nat
