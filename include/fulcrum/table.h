// SPDX-License-Identifier: MIT
// table.h - versioned tables, and the kernel's routes as a feed of versions.
//
// A writer publishes immutable versions; a reader keeps one until it sees that
// there is a newer one. A version lives as long as somebody holds it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace fulcrum {

// Versions count on from the time at which the table was made: to a device that still has
// those of an earlier table, which stood at the same address, they are newer.
// Threads: any writer; readers through TableReader, one a thread.
template <class T>
class VersionedTable {
 public:
  VersionedTable()
      : version_(static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count())) {}
  void publish(std::shared_ptr<const T> next) {
    std::lock_guard lock(mutex_);
    current_ = std::move(next);
    version_.fetch_add(1, std::memory_order_release);
  }
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }
  std::pair<std::shared_ptr<const T>, std::uint64_t> load() const {
    std::lock_guard lock(mutex_);
    return {current_, version_.load(std::memory_order_relaxed)};
  }

 private:
  mutable std::mutex mutex_;  // taken by a reader once per version, never per packet
  std::shared_ptr<const T> current_;
  std::atomic<std::uint64_t> version_;
};

template <class T>
class TableReader {
 public:
  explicit TableReader(const VersionedTable<T>* source = nullptr) : source_(source) {}
  // The newest version, or null before the first.
  const T* get() noexcept {
    if (source_->version() != version_) std::tie(held_, version_) = source_->load();
    return held_.get();
  }
  const std::shared_ptr<const T>& held() const noexcept { return held_; }
  std::uint64_t version() const noexcept { return version_; }

 private:
  const VersionedTable<T>* source_;
  std::shared_ptr<const T> held_;
  std::uint64_t version_ = 0;
};

// IPv4 addresses stand in bytes 0..3 of addr; network byte order.
struct RoutePrefix {
  std::uint8_t addr[16];
  std::uint8_t length;  // bits
  bool v6;
};

enum class RouteKind : std::uint8_t { kUnicast, kLocal, kOther };  // kOther: blackhole, prohibit …

struct RouteNextHop {
  RouteKind kind;
  bool on_link;              // destination itself is the neighbour
  bool v6;                   // family of gateway
  std::uint8_t gateway[16];  // valid where !on_link
  std::uint32_t ifindex;     // out interface
  std::uint32_t mtu_bytes;   // of the interface
};

struct RouteEntry {
  RoutePrefix prefix;
  std::uint32_t next_hop;  // index in next_hops
};

struct RouteSnapshot {
  std::vector<RouteEntry> routes;
  std::vector<RouteNextHop> next_hops;
};

struct NeighbourEntry {
  std::uint8_t addr[16];
  bool v6;
  std::uint32_t ifindex;
  std::uint8_t mac[6];
};
using NeighbourSnapshot = std::vector<NeighbourEntry>;  // usable ones only

// The kernel's tables local + main and its neighbours, kept in step by netlink.
// Threads: publishes from the helper's control thread.
struct RouteFeed {
  VersionedTable<RouteSnapshot> routes;
  VersionedTable<NeighbourSnapshot> neighbours;
  // `call` runs on the control thread after each new version, and once soon after
  // this, when the pipeline that asked is complete. Returns a token for remove().
  virtual int on_change(std::function<void()> call) = 0;
  virtual void remove(int token) = 0;
  virtual ~RouteFeed() = default;
};

}  // namespace fulcrum
