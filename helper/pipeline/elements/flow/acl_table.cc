// SPDX-License-Identifier: MIT
// acl_table.cc - rules -> a table that finds the first one a packet meets.
#include "pipeline/elements/flow/acl_table.h"

#include <algorithm>

#include "fulcrum_parse.h"

namespace fulcrum {

void AclRows::start(std::size_t rules) {
  words_ = (rules + 63) / 64;
  summary_ = (words_ + 63) / 64;
}

std::uint16_t AclRows::add(const std::vector<std::uint64_t>& bits) {
  const std::string key(reinterpret_cast<const char*>(bits.data()), bits.size() * 8);
  const auto [at, fresh] = known_.emplace(key, static_cast<std::uint16_t>(known_.size()));
  if (!fresh) return at->second;
  const std::size_t base = rows_.size();
  rows_.resize(base + stride());
  for (std::size_t w = 0; w < words_; ++w) {
    rows_[base + summary_ + w] = bits[w];
    if (bits[w]) rows_[base + w / 64] |= std::uint64_t{1} << w % 64;
  }
  return at->second;
}

class AclBuilder {
 public:
  AclBuilder(const std::vector<AclRule>& rules, std::vector<std::uint32_t> mine)
      : rules_(rules), mine_(std::move(mine)) {}

  template <class Key>
  void build(AclGroup<Key>& g) {
    g.rule = mine_;
    addresses(g.source, &AclRule::source);
    addresses(g.destination, &AclRule::destination);
    ports(g.source_port, &AclRule::source_ports);
    ports(g.destination_port, &AclRule::destination_ports);
    protocols(g.protocol);
  }

 private:
  using Bits = std::vector<std::uint64_t>;
  const AclRule& rule(std::size_t k) const { return rules_[mine_[k]]; }
  Bits none() const { return Bits((mine_.size() + 63) / 64); }
  static void flip(Bits& bits, std::size_t k) { bits[k / 64] ^= std::uint64_t{1} << k % 64; }

  // Where rules begin and end, in order: between two such places nothing changes.
  template <class Key>
  void addresses(AclAddresses<Key>& axis, AddressRange AclRule::*range) {
    axis.rows.start(mine_.size());
    std::map<Key, std::vector<std::size_t>> events{{0, {}}};
    for (std::size_t k = 0; k < mine_.size(); ++k) {
      const AddressRange& r = rule(k).*range;
      events[static_cast<Key>(r.first)].push_back(k);
      const Key behind = static_cast<Key>(static_cast<Key>(r.last) + 1);
      if (behind) events[behind].push_back(k);
    }
    Bits now = none();
    for (const auto& [start, rules] : events) {
      for (std::size_t k : rules) flip(now, k);
      const std::uint16_t c = axis.rows.add(now);
      if (!axis.classes.empty() && axis.classes.back() == c) continue;
      axis.starts.push_back(start);
      axis.classes.push_back(c);
    }
    axis.rows.known_.clear();
    std::uint32_t at = 0;
    for (std::uint32_t top = 0; top < 65536; ++top) {
      const Key first = static_cast<Key>(static_cast<Key>(top) << (8 * sizeof(Key) - 16));
      while (at + 1 < axis.starts.size() && axis.starts[at + 1] <= first) ++at;
      axis.narrow.push_back(at);
    }
    axis.narrow.push_back(static_cast<std::uint32_t>(axis.starts.size() - 1));
  }

  void ports(AclSmall& axis, AclPorts AclRule::*ports) {
    axis.rows.start(mine_.size());
    std::vector<std::vector<std::size_t>> events(65537);
    Bits now = none(), without = none();
    for (std::size_t k = 0; k < mine_.size(); ++k) {
      const AclPorts& p = rule(k).*ports;
      if (p.any) flip(without, k);
      events[p.range.first].push_back(k);
      events[p.range.last + 1u].push_back(k);
    }
    for (std::size_t port = 0; port < 65536; ++port) {
      for (std::size_t k : events[port]) flip(now, k);
      const bool same = port && events[port].empty();
      axis.classes.push_back(same ? axis.classes.back() : axis.rows.add(now));
    }
    axis.classes.push_back(axis.rows.add(without));
    axis.rows.known_.clear();
  }

  void protocols(AclSmall& axis) {
    axis.rows.start(mine_.size());
    std::vector<Bits> rows(256, none());
    for (std::size_t k = 0; k < mine_.size(); ++k)
      for (int p = 0; p < 256; ++p)
        if (rule(k).protocol < 0 || rule(k).protocol == p) flip(rows[static_cast<std::size_t>(p)], k);
    for (const Bits& row : rows) axis.classes.push_back(axis.rows.add(row));
    axis.rows.known_.clear();
  }

  const std::vector<AclRule>& rules_;
  std::vector<std::uint32_t> mine_;
};

namespace {

bool is_any(const AddressRange& r) { return r.first == 0 && r.last == ~AddressKey{0}; }

template <class Key>
void build_groups(const std::vector<AclRule>& rules, bool AclRule::*family, std::vector<AclGroup<Key>>& groups) {
  std::vector<std::uint32_t> members[4];
  for (std::size_t k = 0; k < rules.size(); ++k)
    if (rules[k].*family)
      members[is_any(rules[k].source) * 2 + is_any(rules[k].destination)].push_back(static_cast<std::uint32_t>(k));
  for (std::vector<std::uint32_t>& mine : members)
    if (!mine.empty()) AclBuilder(rules, std::move(mine)).build(groups.emplace_back());
}

}  // namespace

AclTable::AclTable(const std::vector<AclRule>& rules) : size_(rules.size()) {
  build_groups(rules, &AclRule::v4, v4_);
  build_groups(rules, &AclRule::v6, v6_);
}

namespace {

constexpr unsigned kNoPortClass = 65536;

std::uint32_t load_key4(const std::uint8_t* p) noexcept { return __builtin_bswap32(fulcrum_load32(p)); }
AddressKey load_key6(const std::uint8_t* p) noexcept {
  return static_cast<AddressKey>(load_key4(p)) << 96 | static_cast<AddressKey>(load_key4(p + 4)) << 64 |
         static_cast<AddressKey>(load_key4(p + 8)) << 32 | load_key4(p + 12);
}

struct Rows {
  const std::uint64_t* axis[5];
};

// Reads the five values of packet i, and asks for the rows to be fetched.
template <class Key>
Rows find_rows(const AclGroup<Key>& g, const Batch& b, unsigned i, Key source, Key destination) noexcept {
  unsigned source_port = kNoPortClass, destination_port = kNoPortClass;
  if (b.l4_off[i] && b.l4_off[i] + 4u <= b.len[i] && fulcrum_proto_has_ports(b.proto[i])) {
    source_port = fulcrum_load_be16(b.data[i] + b.l4_off[i]);
    destination_port = fulcrum_load_be16(b.data[i] + b.l4_off[i] + 2);
  }
  const Rows rows = {{g.source.rows.row(g.source.find(source)), g.destination.rows.row(g.destination.find(destination)),
                      g.source_port.rows.row(g.source_port.classes[source_port]),
                      g.destination_port.rows.row(g.destination_port.classes[destination_port]),
                      g.protocol.rows.row(g.protocol.classes[b.proto[i]])}};
  for (const std::uint64_t* row : rows.axis) __builtin_prefetch(row);
  return rows;
}

// The first rule of the group, or `best` where that is lower.
template <class Key>
std::uint32_t first_rule(const AclGroup<Key>& g, const Rows& rows, std::uint32_t best) noexcept {
  const std::size_t summary = g.source.rows.summary();
  const auto both = [&](std::size_t at) {
    return rows.axis[0][at] & rows.axis[1][at] & rows.axis[2][at] & rows.axis[3][at] & rows.axis[4][at];
  };
  for (std::size_t s = 0; s < summary; ++s) {
    for (std::uint64_t words = both(s); words; words &= words - 1) {
      const std::size_t word = s * 64 + static_cast<unsigned>(std::countr_zero(words));
      if (g.rule[word * 64] >= best) return best;
      const std::uint64_t met = both(summary + word);
      if (met) return std::min(best, g.rule[word * 64 + static_cast<unsigned>(std::countr_zero(met))]);
    }
  }
  return best;
}

// Two passes, so that the rows of all packets are on their way at once.
template <class Key>
void match_group(const AclGroup<Key>& g, const Batch& b, Mask in, const Key (*ends)[2], std::uint32_t* rule) noexcept {
  Rows rows[kBatchSize];
  for_each(in, [&](unsigned i) { rows[i] = find_rows(g, b, i, ends[i][0], ends[i][1]); });
  for_each(in, [&](unsigned i) { rule[i] = first_rule(g, rows[i], rule[i]); });
}

}  // namespace

void AclTable::match(const Batch& b, Mask in, std::uint32_t* rule) const noexcept {
  std::uint32_t ends4[kBatchSize][2];  // source, destination
  AddressKey ends6[kBatchSize][2];
  Mask v4 = 0, v6 = 0;
  for_each(in, [&](unsigned i) {
    const std::uint8_t* h = b.l3(i);
    rule[i] = static_cast<std::uint32_t>(size_);
    if ((b.flags[i] & FULCRUM_META_IP4) && b.l3_off[i] + 20u <= b.len[i]) {
      ends4[i][0] = load_key4(h + 12), ends4[i][1] = load_key4(h + 16);
      v4 |= Mask{1} << i;
    } else if ((b.flags[i] & FULCRUM_META_IP6) && b.l3_off[i] + 40u <= b.len[i]) {
      ends6[i][0] = load_key6(h + 8), ends6[i][1] = load_key6(h + 24);
      v6 |= Mask{1} << i;
    }
  });
  for (const auto& g : v4_) match_group(g, b, v4, ends4, rule);
  for (const auto& g : v6_) match_group(g, b, v6, ends6, rule);
}

}  // namespace fulcrum
