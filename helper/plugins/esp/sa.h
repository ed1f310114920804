// SPDX-License-Identifier: MIT
// sa.h - security associations: what was agreed on -> tables for kernels, ipsec-mb and lookups.
//
// Whoever fills the database (a file today) publishes whole versions of two
// tables: SAs, and the selectors that lead packets to them. An SA keeps its slot
// and its SaState from version to version.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "fulcrum/element.h"
#include "fulcrum/table.h"
#include "plugins/esp/esp_table.h"
#include "plugins/esp/replay.h"

namespace fulcrum::esp {

struct MbKeys;  // mb.h

// IPv4 addresses stand in the first four bytes, zeros behind.
using Address = std::array<std::uint8_t, 16>;

struct SaSpec {
  std::uint32_t spi = 0;
  bool outer_v6 = false;
  Address src{}, dst{};
  std::uint32_t suite = ESP_NONE;
  std::vector<std::uint8_t> key;   // of AES: 16 or 32 bytes
  std::uint32_t salt = 0;          // first byte on top
  std::vector<std::uint8_t> auth;  // HMAC-SHA1: 20 bytes
  bool esn = false;
  std::uint32_t replay_pkts = 64;
};

// What changes with every packet. Threads: any.
struct SaState {
  explicit SaState(const SaSpec& spec) : sequence(spec.esn), replay(spec.replay_pkts) {}
  SequenceCounter sequence;
  ReplayWindow replay;
};

// One version of all SAs. Immutable.
class SaTable {
 public:
  struct Entry {
    SaSpec spec;
    std::shared_ptr<SaState> state;
    std::shared_ptr<const MbKeys> mb;
  };
  explicit SaTable(std::vector<Entry> entries);

  const Entry& entry(std::uint32_t slot) const noexcept { return entries_[slot]; }
  std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(entries_.size()); }
  // `dst`: network order, 16 bytes with v6, else 4. Count() where there is none.
  std::uint32_t find(std::uint32_t spi, bool v6, const std::uint8_t* dst) const noexcept;
  std::optional<std::uint32_t> find_spi(std::uint32_t spi) const noexcept;

  const esp_table* flat() const noexcept { return reinterpret_cast<const esp_table*>(flat_.get()); }
  const esp_sa* sa(std::uint32_t slot) const noexcept {
    return reinterpret_cast<const esp_sa*>(flat_.get() + sizeof(esp_table)) + slot;
  }
  std::uint64_t flat_bytes() const noexcept { return flat_bytes_; }

 private:
  struct Free {
    void operator()(std::uint8_t* p) const {
      explicit_bzero(p, bytes);
      std::free(p);
    }
    std::uint64_t bytes;
  };
  static std::uint32_t hash(std::uint32_t spi, const std::uint8_t* dst) noexcept;

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> bucket_;  // slot + 1 by hash, open addressing; a power of two
  std::uint64_t flat_bytes_ = 0;
  std::unique_ptr<std::uint8_t, Free> flat_;
};

// Which SA takes a datagram: by its destination, longest prefix first. Immutable.
class SelectorTable {
 public:
  struct Rule {
    RoutePrefix prefix;
    std::uint32_t slot;
  };
  explicit SelectorTable(const std::vector<Rule>& rules);
  static constexpr std::uint32_t kNone = 0xffffffff;
  std::uint32_t find(bool v6, const std::uint8_t* dst) const noexcept;

 private:
  struct Key {
    Address addr;
    std::uint8_t length;
    bool operator==(const Key&) const = default;
  };
  struct Cell {
    Key key;
    std::uint32_t slot = kNone;
  };
  static Key masked(const std::uint8_t* addr, std::size_t bytes, std::uint8_t length) noexcept;
  static std::size_t hash(const Key& key) noexcept;
  struct Family {
    std::vector<std::uint8_t> lengths;  // longest first
    std::vector<Cell> cells;            // open addressing; a power of two
  };
  Family family_[2];
};

struct SaDatabase {
  VersionedTable<SaTable> sas;
  VersionedTable<SelectorTable> selectors;
};

// One SA as kernels see it. `table` holds AES's constants already.
void fill_sa(const SaSpec& spec, const esp_table& table, esp_sa& sa);
void fill_constants(esp_table& table);
// Parts of fill_sa().
void expand_key(const std::vector<std::uint8_t>& key, esp_sa& sa);
void fill_ghash(const esp_table& table, esp_sa& sa);
void fill_hmac(const std::vector<std::uint8_t>& key, esp_sa& sa);

}  // namespace fulcrum::esp
