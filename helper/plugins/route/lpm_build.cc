// SPDX-License-Identifier: MIT
// lpm_build.cc - sorts the routes and folds them, level by level, into nodes.
//
// Sorted by address, then length, a prefix stands before all prefixes inside it,
// so painting slots in order leaves the longest match, and the routes of one
// child form one contiguous run.
#include "lpm_build.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

namespace fulcrum::route {
namespace {

struct Item {
  std::uint64_t hi, lo;  // address, left-aligned, host bits zero
  std::uint32_t next_hop;
  std::uint32_t length;
};
using Items = std::span<const Item>;

std::uint64_t load_be64(const std::uint8_t* p) {
  std::uint64_t v;
  std::memcpy(&v, p, 8);
  return __builtin_bswap64(v);
}

Item make_item(const RouteEntry& r) {
  const std::uint32_t length = std::min<std::uint32_t>(r.prefix.length, r.prefix.v6 ? 128 : 32);
  Item i{load_be64(r.prefix.addr), r.prefix.v6 ? load_be64(r.prefix.addr + 8) : 0, r.next_hop, length};
  const auto keep = [](std::uint32_t bits) { return bits == 0 ? 0 : bits >= 64 ? ~0ull : ~0ull << (64 - bits); };
  i.hi &= keep(length);
  i.lo &= keep(length > 64 ? length - 64 : 0);
  return i;
}

// `bits` address bits from bit `off` on; bits past the address read as 0.
unsigned bits_at(const Item& i, unsigned off, unsigned bits) {
  if (off == 0) return static_cast<unsigned>(i.hi >> (64 - bits));
  const std::uint64_t from_off = off >= 64 ? i.lo << (off - 64) : i.hi << off | i.lo >> (64 - off);
  return static_cast<unsigned>(from_off >> (64 - bits));
}

// Small roots keep small tables in cache, large ones save a level.
constexpr unsigned kSmallRootBits = 12;
unsigned root_bits_for(std::size_t routes) { return routes <= 256 ? kSmallRootBits : routes <= 50000 ? 16 : 18; }

// Nodes and leaves below a group of root slots get room to spare, so that those of
// other groups stay where they are when a route comes or goes: a device that has
// the version before is sent only the pages that changed.
constexpr std::size_t kGroupSlots = 1024;
constexpr std::size_t kNodeQuantum = 512;   // 3 pages
constexpr std::size_t kLeafQuantum = 1024;  // 1 page

template <class T>
void leave_slack(std::vector<T>& v, std::size_t& first, std::size_t quantum) {
  const std::size_t used = v.size() - first;
  v.resize(first + (used + used / 8 + quantum - 1) / quantum * quantum);
  first = v.size();
}

class Builder {
 public:
  std::vector<std::uint32_t> root[2];
  std::vector<LpmNode> nodes;
  std::vector<std::uint32_t> leaves;
  unsigned root_bits[2];

  void family(unsigned which, Items items) {
    const unsigned bits = root_bits[which] = root_bits_for(items.size());
    std::vector<std::uint32_t>& slots = root[which];
    slots.assign(std::size_t{1} << bits, 0);
    std::vector<Items> below(slots.size());
    paint(items, 0, bits, slots.data(), below.data());
    std::size_t first_node = nodes.size(), first_leaf = leaves.size();
    for (std::size_t s = 0; s < slots.size(); ++s) {
      if (bits > kSmallRootBits && s % kGroupSlots == 0 && s) {
        leave_slack(nodes, first_node, kNodeQuantum);
        leave_slack(leaves, first_leaf, kLeafQuantum);
      }
      if (below[s].empty()) {
        slots[s] |= LPM_LEAF;
        continue;
      }
      const std::uint32_t inherited = slots[s];
      slots[s] = static_cast<std::uint32_t>(nodes.size());
      nodes.emplace_back();
      fill(slots[s], below[s], bits, inherited);
    }
  }

 private:
  // Spreads next hops over the 2^bits slots of the level at `off`; routes that
  // are longer than the level go to `below` of their slot.
  static void paint(Items items, unsigned off, unsigned bits, std::uint32_t* slots, Items* below) {
    for (std::size_t at = 0; at < items.size();) {
      const Item& i = items[at];
      const unsigned first = bits_at(i, off, bits);
      if (i.length <= off + bits) {
        std::fill_n(slots + first, std::size_t{1} << (off + bits - i.length), i.next_hop);
        ++at;
        continue;
      }
      std::size_t end = at + 1;
      while (end < items.size() && bits_at(items[end], off, bits) == first) ++end;
      below[first] = items.subspan(at, end - at);
      at = end;
    }
  }

  void fill(std::uint32_t index, Items items, unsigned off, std::uint32_t inherited) {
    std::array<std::uint32_t, 64> slots;
    std::array<Items, 64> below{};
    slots.fill(inherited);
    paint(items, off, 6, slots.data(), below.data());
    LpmNode n{0, 0, static_cast<std::uint32_t>(leaves.size()), static_cast<std::uint32_t>(nodes.size())};
    bool open = false;  // a run of leaves has begun
    for (unsigned s = 0; s < 64; ++s) {
      if (!below[s].empty()) {
        n.vector |= 1ull << s;
      } else if (!open || leaves.back() != slots[s]) {
        n.leafvec |= 1ull << s;
        leaves.push_back(slots[s]);
        open = true;
      }
    }
    nodes[index] = n;
    nodes.resize(nodes.size() + __builtin_popcountll(n.vector));
    std::uint32_t child = n.child_base;
    for (unsigned s = 0; s < 64; ++s)
      if (!below[s].empty()) fill(child++, below[s], off + 6, slots[s]);
  }
};

std::vector<Item> sorted_items(std::span<const RouteEntry> routes, bool v6) {
  std::vector<Item> items;
  for (const RouteEntry& r : routes)
    if (r.prefix.v6 == v6) items.push_back(make_item(r));
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return a.hi != b.hi ? a.hi < b.hi : a.lo != b.lo ? a.lo < b.lo : a.length < b.length;
  });
  return items;
}

LpmTable assemble(const Builder& b, std::uint32_t tag) {
  const auto align = [](std::size_t n) { return (n + 63) & ~std::size_t{63}; };
  LpmHeader h{};
  std::size_t at = align(sizeof h);
  for (unsigned f = 0; f < 2; ++f) {
    h.family[f] = {b.root_bits[f], static_cast<std::uint32_t>(at)};
    at = align(at + b.root[f].size() * 4);
  }
  h.magic = LPM_MAGIC;
  h.tag = (tag & LPM_TAG_MASK) << LPM_TAG_SHIFT;
  h.node_off_bytes = at;
  h.leaf_off_bytes = align(at + b.nodes.size() * sizeof(LpmNode));
  h.bytes = align(h.leaf_off_bytes + b.leaves.size() * 4);
  LpmTable t(h.bytes);
  char* base = static_cast<char*>(t.data());
  std::memcpy(base, &h, sizeof h);
  for (unsigned f = 0; f < 2; ++f)
    std::memcpy(base + h.family[f].root_off_bytes, b.root[f].data(), b.root[f].size() * 4);
  if (!b.nodes.empty()) std::memcpy(base + h.node_off_bytes, b.nodes.data(), b.nodes.size() * sizeof(LpmNode));
  if (!b.leaves.empty()) std::memcpy(base + h.leaf_off_bytes, b.leaves.data(), b.leaves.size() * 4);
  return t;
}

}  // namespace

LpmTable::LpmTable(std::size_t bytes) : block_(std::aligned_alloc(64, bytes)), bytes_(bytes) {
  if (!block_) throw std::bad_alloc();
  std::memset(block_.get(), 0, bytes);
}

void LpmTable::Free::operator()(void* p) const { std::free(p); }

LpmTable build_lpm(std::span<const RouteEntry> routes, std::uint32_t tag) {
  Builder b;
  for (unsigned f = 0; f < 2; ++f) b.family(f, sorted_items(routes, f == 1));
  return assemble(b, tag);
}

}  // namespace fulcrum::route
