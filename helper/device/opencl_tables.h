// SPDX-License-Identifier: MIT
// opencl_tables.h - versions of tables on the device: made aside, freed when no task needs them.
//
// A thread of its own makes and frees them; workers only ask. A device that
// shares memory uses the table's own bytes. Another gets a copy: on the device
// from the version before, where there is one, then the pages that differ.
//
// A version goes when nobody but the store holds its owner, so that no task can
// be given it any more, and a newer one of the same table is there. The newest
// stays as long as the device, as what the next one is made from.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "device/opencl_core.h"

namespace fulcrum::opencl {

// One version on the device. Immutable once published.
struct TableVersion {
  KernelTable table;
  Buffer buffer;
  std::string error;  // else it is there
};

using TableRef = std::shared_ptr<const TableVersion>;

inline bool same_version(const KernelTable& a, const KernelTable& b) noexcept {
  return a.data == b.data && a.version == b.version && a.identity == b.identity && a.bytes == b.bytes;
}

class TableStore {
 public:
  static std::shared_ptr<TableStore> start(std::shared_ptr<Core> core);
  // Waits for the thread, but not for a driver that hangs: then thread and memory are left behind.
  void stop();

  // Makes the version here and now. Threads: control.
  Result<void> load(const KernelTable& table);
  // The version, or null and it is asked for. Never waits. Threads: any.
  // Context: called until a version is there, then no more (it may allocate).
  TableRef find_or_ask(const KernelTable& table) noexcept;
  // Lets go of versions that nobody else holds. Threads: control.
  // Errors: a queue's view has one, and drops it with its next task.
  Result<void> forget_unused();
  // Views that are older drop all versions that nobody else holds.
  std::uint32_t epoch() const noexcept { return epoch_.load(std::memory_order_relaxed); }
  // Those that are there, oldest first.
  std::vector<TableRef> versions() const;

 private:
  explicit TableStore(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  void run();
  TableRef make(const KernelTable& table);
  std::string fill(TableVersion& version, const TableRef& before);
  bool finish(const std::vector<Event>& events);
  TableRef find(const KernelTable& table) const;
  TableRef newest(const KernelTable& of) const;
  void ask(const KernelTable& table);
  std::list<TableRef> take_unused();
  bool any_superseded() const;

  const std::shared_ptr<Core> core_;
  std::thread thread_;
  mutable std::mutex lock_;  // of all below
  std::condition_variable changed_;
  std::list<KernelTable> wishes_;
  std::list<TableRef> versions_;  // oldest first
  std::atomic<std::uint32_t> epoch_{0};
  bool stop_ = false, stopped_ = false;
};

// A queue's view of the store, so that a task costs no lock. Threads: the worker's.
class TableView {
 public:
  // Versions that are there now are resident from the first task on. Context: setup.
  void open(std::shared_ptr<TableStore> store);
  bool resident(const KernelTable& table) noexcept;
  // Null: not resident.
  const TableRef* find(const KernelTable& table) const noexcept;
  // With each task: lets go of what the store shall forget.
  void keep_up() noexcept {
    if (store_ && epoch_ != store_->epoch()) prune();
  }
  // Lets go of versions that no task can be given any more.
  void prune() noexcept;

 private:
  std::shared_ptr<TableStore> store_;
  std::array<TableRef, 32> held_;  // far more than the kernels of a pipeline; full: older versions serve on
  unsigned count_ = 0;
  std::uint32_t epoch_ = 0;
  bool superseded_ = false;  // an older version is among them
};

}  // namespace fulcrum::opencl
