// SPDX-License-Identifier: MIT
// cuda_tables.h - versions of tables -> replicas in device memory, brought there aside.
//
// A table has a few replicas. A new version is made in one that nobody uses, out
// of the newest one (a copy on the device) and the pages that changed; tasks go
// on with the version they have until it is there. A replica is in use while a
// queue keeps it for its next tasks or has tasks in flight on it. Device memory
// is never freed here, as that would wait for running tasks: it is used again.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "device/cuda_context.h"
#include "fulcrum/kernel.h"

namespace fulcrum {

// Threads: acquire() and release() any; the rest the thread that uploads.
class CudaReplica {
 public:
  // Keeps this replica as it is, if it holds `version` (data path).
  bool acquire(std::uint64_t version) noexcept;
  void release() noexcept { users_.fetch_sub(1, std::memory_order_release); }
  cuda::DeviceAddress address() const noexcept { return address_; }

 private:
  friend class CudaTables;
  static constexpr std::uint32_t kBusy = 1u << 31;  // being written
  static constexpr std::uint64_t kNothing = ~std::uint64_t{0};
  bool lock() noexcept;
  void unlock(std::uint64_t version) noexcept;
  bool idle() const noexcept { return users_.load(std::memory_order_acquire) == 0; }

  std::atomic<std::uint32_t> users_{0};
  std::atomic<std::uint64_t> version_{kNothing};
  cuda::DeviceAddress address_ = 0;  // written while locked
  std::uint64_t capacity_bytes_ = 0;
};

class CudaTables : public std::enable_shared_from_this<CudaTables> {
 public:
  static Result<std::shared_ptr<CudaTables>> start(std::shared_ptr<CudaContext> context);
  // Ends the upload thread, within CudaLimits::teardown_ms.
  void stop();

  // Which table, whatever its version; 0: there is nothing to load.
  static std::uint64_t key_of(const KernelTable& table) noexcept;
  // Brings a version there and waits for it. Context: control thread or upload thread.
  Result<void> load(const KernelTable& table);
  // The replica with this version, acquired; or null (data path).
  CudaReplica* acquire(const KernelTable& table) noexcept;
  // Has it loaded by the upload thread, unless that is busy (data path).
  void request(const KernelTable& table) noexcept;
  // Lets go of versions that nobody else holds. Threads: control.
  void forget_unused();
  std::uint64_t uploaded_bytes() const noexcept { return uploaded_bytes_.load(std::memory_order_relaxed); }

 private:
  static constexpr unsigned kTables = 32;
  static constexpr unsigned kReplicas = 8;
  static constexpr std::uint64_t kPieceBytes = 1 << 20;

  struct Table {
    std::atomic<std::uint64_t> key{0};
    std::array<CudaReplica, kReplicas> replica;
    KernelTable newest;  // what the next delta is made against
    CudaReplica* newest_replica = nullptr;
  };

  explicit CudaTables(std::shared_ptr<CudaContext> context) : context_(std::move(context)) {}
  void run();
  Table* table_for(const KernelTable& table);
  bool recycle(Table& table);
  static bool forgotten(const Table& table);
  Result<CudaReplica*> lock_replica(Table& table, std::uint64_t bytes);
  Result<void> fill(CudaReplica& replica, const Table& table, const KernelTable& version);
  Result<void> upload(cuda::DeviceAddress to, const std::uint8_t* from, std::uint64_t bytes);

  const std::shared_ptr<CudaContext> context_;
  std::array<Table, kTables> tables_;
  std::mutex mutex_;  // uploads, one after the other
  CudaLane lane_;
  std::array<std::uint8_t*, 2> piece_{};  // pinned, in turn
  unsigned turn_ = 0;
  std::uint64_t piece_used_ = 0;
  std::atomic<std::uint64_t> uploaded_bytes_{0};

  enum Mailbox : std::uint32_t { kEmpty, kWriting, kFull };
  std::atomic<std::uint32_t> mailbox_{kEmpty};
  KernelTable requested_;
  std::atomic<std::uint32_t> signal_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
  std::atomic<bool> ended_{false};
};

}  // namespace fulcrum
