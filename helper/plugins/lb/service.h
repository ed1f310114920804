// SPDX-License-Identifier: MIT
// service.h - what the workers of one LoadBalancer share: backends, the Maglev table, all flows.
//
// A version is what a packet sees of the backends: immutable, made by the control
// thread, taken up by each worker at its next batch. Flows name their backend by an id
// that stands for one address as long as any version or flow refers to it, over changes
// of the pipeline too.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fulcrum/table.h"
#include "plugins/lb/flow_table.h"
#include "plugins/lb/settings.h"

namespace fulcrum::lb {

// What one worker knows and counts. Outlives a change of pipeline.
// Threads: written by its worker.
struct WorkerState {
  explicit WorkerState(std::uint32_t flow_capacity) : flows(flow_capacity) {}
  FlowTable flows;
  std::array<Count, kMaxBackends> packets, bytes;  // by BackendId
  std::uint16_t outer_id = 0;                      // of the next outer IPv4 header
};

// An address and its id. In use while others than the book hold it.
struct BackendName {
  IpAddress address;
  BackendId id = kNoBackend;
  std::uint64_t packets_before = 0, bytes_before = 0;  // counted under this id for other addresses
};

enum class BackendState : std::uint8_t { kAbsent, kActive, kDraining };

struct Version {
  struct Slot {
    BackendState state = BackendState::kAbsent;
    Backend backend;
    std::shared_ptr<const BackendName> name;
  };
  std::vector<Slot> slot;        // by BackendId
  std::vector<BackendId> table;  // empty: no backend takes new flows

  const Slot* find(BackendId id) const noexcept {
    return id < slot.size() && slot[id].state != BackendState::kAbsent ? &slot[id] : nullptr;
  }
  BackendId choose(std::uint64_t hash) const noexcept {
    return table.empty() ? kNoBackend : table[maglev_place(hash, static_cast<std::uint32_t>(table.size()))];
  }
};
using VersionPtr = std::shared_ptr<const Version>;

// Ids and who has them. Threads: control, of the old and the new pipeline.
class BackendBook {
 public:
  struct Use {
    std::uint64_t flows, packets, bytes;
  };
  // `use(id)`: what workers have of an id at this time.
  template <class F>
  std::shared_ptr<const BackendName> name(const IpAddress& address, F&& use);

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<const BackendName>> names_;  // by id
};

class Service {
 public:
  // `before`: the same service in the pipeline that this one takes the place of, or null.
  // Its backends that are no longer named are drained.
  static Result<std::shared_ptr<Service>> make(const Settings& s, const Service* before);

  const Settings& settings() const { return settings_; }
  const VersionedTable<Version>& versions() const { return versions_; }
  void publish(VersionPtr v) { versions_.publish(std::move(v)); }

  // A worker's state: that of the pipeline before where there is one of the same capacity.
  // Threads: control, before the pipeline runs.
  std::shared_ptr<WorkerState> worker(unsigned index);
  // Whether ids mean the same in both.
  bool same_ids(const Service& other) const { return book_ == other.book_; }
  // The flow's backend as any worker has it, or kNoBackend. Data path.
  BackendId peek(const FlowKey& key, std::uint64_t hash) const noexcept;

  // The next version, to be published; the one before stays untouched. Threads: control.
  Result<VersionPtr> add(const Backend& b);
  Result<VersionPtr> remove(const IpAddress& address, bool now);
  Result<VersionPtr> set_weight(const IpAddress& address, std::uint32_t weight);

  std::string backends_text() const;
  std::string flows_text() const;

 private:
  explicit Service(const Settings& s) : settings_(s) {}
  struct Member {
    Backend backend;
    bool draining = false;
  };
  std::vector<Member> members() const;
  Result<VersionPtr> version_of(const std::vector<Member>& members);
  BackendBook::Use use(BackendId id) const;

  Settings settings_;
  std::shared_ptr<BackendBook> book_;
  std::vector<std::shared_ptr<WorkerState>> workers_;    // by worker
  std::vector<std::shared_ptr<WorkerState>> inherited_;  // likewise
  VersionedTable<Version> versions_;
};

}  // namespace fulcrum::lb
