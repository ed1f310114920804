// SPDX-License-Identifier: MIT
// sa.cc - SAs and selectors -> tables for lookups.
#include "plugins/esp/sa.h"

#include <algorithm>

namespace fulcrum::esp {

std::uint32_t SaTable::hash(std::uint32_t spi, const std::uint8_t* dst) noexcept {
  std::uint32_t word;
  std::memcpy(&word, dst, 4);
  return (spi * 0x9e3779b1u ^ word * 0x85ebca6bu) >> 7;
}

SaTable::SaTable(std::vector<Entry> entries)
    : entries_(std::move(entries)), bucket_(std::bit_ceil(2 * entries_.size() + 1)) {
  flat_bytes_ = sizeof(esp_table) + sizeof(esp_sa) * entries_.size();
  flat_bytes_ = (flat_bytes_ + 63) & ~std::uint64_t{63};
  flat_ = {static_cast<std::uint8_t*>(std::aligned_alloc(64, flat_bytes_)), Free{flat_bytes_}};
  std::memset(flat_.get(), 0, flat_bytes_);
  auto& head = *reinterpret_cast<esp_table*>(flat_.get());
  auto* sas = reinterpret_cast<esp_sa*>(flat_.get() + sizeof(esp_table));
  head.count = count();
  fill_constants(head);
  for (std::uint32_t slot = 0; slot < count(); ++slot) {
    const SaSpec& spec = entries_[slot].spec;
    if (spec.suite == ESP_NONE) continue;
    fill_sa(spec, head, sas[slot]);
    std::size_t at = hash(spec.spi, spec.dst.data()) & (bucket_.size() - 1);
    while (bucket_[at]) at = (at + 1) & (bucket_.size() - 1);
    bucket_[at] = slot + 1;
  }
}

std::uint32_t SaTable::find(std::uint32_t spi, bool v6, const std::uint8_t* dst) const noexcept {
  for (std::size_t at = hash(spi, dst) & (bucket_.size() - 1); bucket_[at]; at = (at + 1) & (bucket_.size() - 1)) {
    const SaSpec& spec = entries_[bucket_[at] - 1].spec;
    if (spec.spi == spi && spec.outer_v6 == v6 && !std::memcmp(spec.dst.data(), dst, v6 ? 16 : 4))
      return bucket_[at] - 1;
  }
  return count();
}

std::optional<std::uint32_t> SaTable::find_spi(std::uint32_t spi) const noexcept {
  for (std::uint32_t slot = 0; slot < count(); ++slot)
    if (entries_[slot].spec.suite != ESP_NONE && entries_[slot].spec.spi == spi) return slot;
  return std::nullopt;
}

SelectorTable::Key SelectorTable::masked(const std::uint8_t* addr, std::size_t bytes, std::uint8_t length) noexcept {
  Key key{};
  key.length = length;
  const std::size_t whole = length / 8u;
  std::memcpy(key.addr.data(), addr, std::min(whole, bytes));
  if (length % 8u) key.addr[whole] = static_cast<std::uint8_t>(addr[whole] & 0xff00u >> length % 8u);
  return key;
}

std::size_t SelectorTable::hash(const Key& key) noexcept {
  std::uint64_t half[2];
  std::memcpy(half, key.addr.data(), 16);
  const std::uint64_t mixed = (half[0] * 0x9e3779b97f4a7c15u + half[1] + key.length) * 0xd6e8feb86659fd93u;
  return static_cast<std::size_t>(mixed >> 32);
}

SelectorTable::SelectorTable(const std::vector<Rule>& rules) {
  for (int v6 = 0; v6 < 2; ++v6) {
    Family& family = family_[v6];
    const auto is_of = [&](const Rule& r) { return r.prefix.v6 == (v6 != 0); };
    family.cells.resize(
        std::bit_ceil(2 * static_cast<std::size_t>(std::count_if(rules.begin(), rules.end(), is_of)) + 1));
    for (const Rule& r : rules) {
      if (!is_of(r)) continue;
      family.lengths.push_back(r.prefix.length);
      const Key key = masked(r.prefix.addr, v6 ? 16 : 4, r.prefix.length);
      std::size_t at = hash(key) & (family.cells.size() - 1);
      while (family.cells[at].slot != kNone) at = (at + 1) & (family.cells.size() - 1);
      family.cells[at] = {key, r.slot};
    }
    std::sort(family.lengths.begin(), family.lengths.end(), std::greater<>());
    family.lengths.erase(std::unique(family.lengths.begin(), family.lengths.end()), family.lengths.end());
  }
}

std::uint32_t SelectorTable::find(bool v6, const std::uint8_t* dst) const noexcept {
  const Family& family = family_[v6];
  for (const std::uint8_t length : family.lengths) {
    const Key key = masked(dst, v6 ? 16 : 4, length);
    for (std::size_t at = hash(key) & (family.cells.size() - 1); family.cells[at].slot != kNone;
         at = (at + 1) & (family.cells.size() - 1))
      if (family.cells[at].key == key) return family.cells[at].slot;
  }
  return kNone;
}

}  // namespace fulcrum::esp
