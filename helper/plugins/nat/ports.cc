// SPDX-License-Identifier: MIT
// ports.cc - a free port, as much like the wanted one as can be.
#include "ports.h"

#include <algorithm>
#include <bit>

namespace fulcrum::nat {
namespace {

constexpr std::uint64_t kEven = 0x5555555555555555;
constexpr std::uint16_t kFirstUser = 1024;  // below are the system's ports

}  // namespace

// `parity`: which bits of a word may be taken.
std::int32_t PortPool::search(std::atomic<std::uint64_t>* words, PortRange range, std::uint64_t parity,
                              std::uint64_t hash) noexcept {
  if (range.first > range.last) return -1;
  const std::uint32_t first = range.first >> 6, count = (range.last >> 6) - first + 1;
  const auto start = static_cast<std::uint32_t>((hash >> 32) % count);
  const auto turn = static_cast<unsigned>(hash & 63);  // within the word
  for (std::uint32_t step = 0; step < count; ++step) {
    const std::uint32_t w = first + (start + step) % count;
    std::uint64_t allowed = parity;
    if (w == first) allowed &= ~std::uint64_t{0} << (range.first & 63);
    if (w == range.last >> 6u) allowed &= ~std::uint64_t{0} >> (63 - (range.last & 63));
    for (;;) {
      const std::uint64_t free = ~words[w].load(std::memory_order_relaxed) & allowed;
      if (!free) break;
      const unsigned at =
          (static_cast<unsigned>(std::countr_zero(std::rotr(free, static_cast<int>(turn)))) + turn) & 63;
      const std::uint64_t bit = std::uint64_t{1} << at;
      if (!(words[w].fetch_or(bit, std::memory_order_relaxed) & bit)) return static_cast<std::int32_t>(w << 6 | at);
    }
  }
  return -1;
}

std::int32_t PortPool::take(std::uint32_t external, Proto proto, PortRange range, std::uint16_t wanted,
                            std::uint64_t hash) noexcept {
  std::atomic<std::uint64_t>* w = words(external, proto);
  if (proto == Proto::kIcmp) {  // identifiers have neither classes nor parity
    if (take_this(external, proto, wanted)) return wanted;
    return search(w, {0, 65535}, ~std::uint64_t{0}, hash);
  }
  if (wanted >= range.first && wanted <= range.last && take_this(external, proto, wanted)) return wanted;
  const PortRange low{range.first, std::min<std::uint16_t>(range.last, kFirstUser - 1)};
  const PortRange high{std::max(range.first, kFirstUser), range.last};
  const PortRange own = wanted < kFirstUser ? low : high;
  std::int32_t port = -1;
  if (proto == Proto::kUdp) {
    port = search(w, own, wanted & 1 ? ~kEven : kEven, hash);
    if (port < 0 && wanted < kFirstUser) port = search(w, high, wanted & 1 ? ~kEven : kEven, hash);
  }
  if (port < 0) port = search(w, own, ~std::uint64_t{0}, hash);
  return port < 0 && wanted < kFirstUser ? search(w, high, ~std::uint64_t{0}, hash) : port;
}

std::uint32_t PortPool::taken(std::uint32_t external, Proto proto) const noexcept {
  std::uint32_t n = 0;
  for (std::uint32_t w = 0; w < kWords; ++w)
    n += static_cast<std::uint32_t>(std::popcount(words(external, proto)[w].load(std::memory_order_relaxed)));
  return n;
}

}  // namespace fulcrum::nat
