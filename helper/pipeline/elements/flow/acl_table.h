// SPDX-License-Identifier: MIT
// acl_table.h - rules -> a table that finds the first one a packet meets.
//
// Bit vectors: on each of five axes (source, destination, their ports, protocol) a
// value's class has a row of one bit a rule, set where the rule takes the value. The
// lowest bit of the AND of five rows is the first rule that a packet meets. Rows carry
// a bit for each of their words that is not zero, and only words that have it on
// all axes are looked at. Rules that take any source, any destination, both or none
// are groups with tables of their own: within a group the rows of what is not any
// have few bits, and the summary leaves few words. Of the groups' answers the
// lowest counts. Cost: for each group five lookups, N / 4096 words and those left.
// Sources: Lakshman, Stiliadis, "High-Speed Policy-based Packet Forwarding Using
// Efficient Multi-dimensional Range Matching", SIGCOMM 1998; the summary bits:
// Baboescu, Varghese, "Scalable Packet Classification", SIGCOMM 2001.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "fulcrum/batch.h"
#include "pipeline/elements/flow/acl_rule.h"

namespace fulcrum {

// One axis: classes of values, and what rules take them.
// Units: words of 64 bits. A row is `summary` words, then one bit a rule.
class AclRows {
 public:
  void start(std::size_t rules);
  // The class whose row is `bits`; equal rows are one class.
  std::uint16_t add(const std::vector<std::uint64_t>& bits);
  const std::uint64_t* row(std::uint16_t c) const noexcept { return rows_.data() + std::size_t{c} * stride(); }
  std::size_t summary() const noexcept { return summary_; }

 private:
  std::size_t stride() const noexcept { return summary_ + words_; }

  std::size_t words_ = 0, summary_ = 0;
  std::vector<std::uint64_t> rows_;
  std::map<std::string, std::uint16_t> known_;  // until the table is built
  friend class AclBuilder;
};

// Intervals of addresses; the first 16 bits narrow the search.
template <class Key>
struct AclAddresses {
  std::vector<Key> starts;  // ascending, starts[0] == 0
  std::vector<std::uint16_t> classes;
  std::vector<std::uint32_t> narrow;  // 65537 entries: the interval in which FIRST16 << rest lies
  AclRows rows;

  std::uint16_t find(Key k) const noexcept {
    const auto top = static_cast<std::size_t>(k >> (8 * sizeof(Key) - 16));
    std::uint32_t low = narrow[top], high = narrow[top + 1] + 1;  // in [low, high)
    while (high - low > 1) {
      const std::uint32_t middle = low + (high - low) / 2;
      (starts[middle] <= k ? low : high) = middle;
    }
    return classes[low];
  }
};

struct AclSmall {
  std::vector<std::uint16_t> classes;  // by value; of ports the last: there is none
  AclRows rows;
};

// Some rules of one family, which are numbered among themselves.
template <class Key>
struct AclGroup {
  std::vector<std::uint32_t> rule;  // number among all; ascending
  AclAddresses<Key> source, destination;
  AclSmall source_port, destination_port, protocol;
};

// Immutable once built.
class AclTable {
 public:
  explicit AclTable(const std::vector<AclRule>& rules);
  // The number of the first rule that each packet of `in` meets; the number of rules
  // where it meets none, as packets that are not IP do.
  // Context: data path.
  void match(const Batch& b, Mask in, std::uint32_t* rule) const noexcept;
  std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  std::vector<AclGroup<std::uint32_t>> v4_;
  std::vector<AclGroup<AddressKey>> v6_;
};

}  // namespace fulcrum
