// SPDX-License-Identifier: MIT
// cuda_tables.cc - versions of tables -> replicas in device memory, brought there aside.
#include "device/cuda_tables.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/clock.h"
#include "device/table_delta.h"

namespace fulcrum {

bool CudaReplica::acquire(std::uint64_t version) noexcept {
  if (version_.load(std::memory_order_acquire) != version) return false;
  const std::uint32_t before = users_.fetch_add(1, std::memory_order_acq_rel);
  if (!(before & kBusy) && version_.load(std::memory_order_acquire) == version) return true;
  release();
  return false;
}

bool CudaReplica::lock() noexcept {
  std::uint32_t nobody = 0;
  if (!users_.compare_exchange_strong(nobody, kBusy, std::memory_order_acq_rel)) return false;
  version_.store(kNothing, std::memory_order_release);
  return true;
}

// Subtracts: somebody who tried in vain may be about to take his count back.
void CudaReplica::unlock(std::uint64_t version) noexcept {
  version_.store(version, std::memory_order_release);
  users_.fetch_sub(kBusy, std::memory_order_release);
}

Result<std::shared_ptr<CudaTables>> CudaTables::start(std::shared_ptr<CudaContext> context) {
  std::shared_ptr<CudaTables> t(new CudaTables(std::move(context)));
  auto lane = t->context_->take_lane();
  if (!lane) return lane.error();
  t->lane_ = *lane;
  for (std::uint8_t*& piece : t->piece_) {
    auto memory = t->context_->allocate_host(kPieceBytes, "table upload");
    if (!memory) return memory.error();
    piece = *memory;
  }
  // Both events are recorded once, so that each can be waited for before its first piece.
  for (const cuda::Event e : {t->lane_.start, t->lane_.end})
    if (const cuda::Status s = t->context_->api().event_record(e, t->lane_.stream); !t->context_->check(s, "event"))
      return t->context_->error("table upload", s);
  t->thread_ = std::thread([self = t] {
    pthread_setname_np(pthread_self(), "cuda-tables");
    self->run();
    self->ended_.store(true, std::memory_order_release);
  });
  return t;
}

void CudaTables::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_release);
  signal_.fetch_add(1, std::memory_order_release);
  signal_.notify_all();
  const std::uint64_t end_ns = now_ns() + context_->limits().teardown_ms * 1'000'000ull;
  while (!ended_.load(std::memory_order_acquire) && now_ns() < end_ns)
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  if (ended_.load(std::memory_order_acquire)) {
    thread_.join();
    return;
  }
  context_->set_stuck();  // the driver keeps the thread; it owns what it needs
  thread_.detach();
}

void CudaTables::run() {
  while (!stopping_.load(std::memory_order_acquire)) {
    const std::uint32_t seen = signal_.load(std::memory_order_acquire);
    if (mailbox_.load(std::memory_order_acquire) != kFull) {
      if (!stopping_.load(std::memory_order_acquire)) signal_.wait(seen, std::memory_order_acquire);
      continue;
    }
    const KernelTable table = std::move(requested_);
    requested_ = {};
    mailbox_.store(kEmpty, std::memory_order_release);
    if (context_->lost() || load(table)) continue;
    // It is asked for again with the next task; no reason to run hot until then.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::uint64_t CudaTables::key_of(const KernelTable& table) noexcept {
  if (!table.data || !table.bytes) return 0;
  return table.identity ? table.identity : reinterpret_cast<std::uintptr_t>(table.data);
}

CudaReplica* CudaTables::acquire(const KernelTable& table) noexcept {
  const std::uint64_t key = key_of(table);
  for (Table& t : tables_) {
    if (t.key.load(std::memory_order_acquire) != key) continue;
    for (CudaReplica& replica : t.replica)
      if (replica.acquire(table.version)) {
        // The place may have become another table's in between.
        if (t.key.load(std::memory_order_acquire) == key) return &replica;
        replica.release();
      }
    return nullptr;
  }
  return nullptr;
}

void CudaTables::request(const KernelTable& table) noexcept {
  std::uint32_t empty = kEmpty;
  if (!mailbox_.compare_exchange_strong(empty, kWriting, std::memory_order_acq_rel)) return;
  requested_ = table;  // into an empty place: nothing is freed here
  mailbox_.store(kFull, std::memory_order_release);
  signal_.fetch_add(1, std::memory_order_release);
  signal_.notify_one();
}

// Only we still have its last version, and no queue uses one.
bool CudaTables::forgotten(const Table& table) {
  return table.newest.owner && table.newest.owner.use_count() == 1 &&
         std::all_of(table.replica.begin(), table.replica.end(), [](const CudaReplica& r) { return r.idle(); });
}

bool CudaTables::recycle(Table& table) {
  unsigned locked = 0;
  while (locked < kReplicas && table.replica[locked].lock()) ++locked;
  if (locked == kReplicas) {
    table.key.store(0, std::memory_order_release);
    table.newest = {};
    table.newest_replica = nullptr;
  }
  for (unsigned i = 0; i < locked; ++i) table.replica[i].unlock(CudaReplica::kNothing);
  return locked == kReplicas;
}

// What the replicas hold stays, for queues that still have it.
void CudaTables::forget_unused() {
  const std::lock_guard lock(mutex_);
  for (Table& t : tables_) {
    if (!t.newest.owner || t.newest.owner.use_count() > 1 || (forgotten(t) && recycle(t))) continue;
    t.newest = {};
    t.newest_replica = nullptr;
  }
}

CudaTables::Table* CudaTables::table_for(const KernelTable& table) {
  const std::uint64_t key = key_of(table);
  for (Table& t : tables_)
    if (t.key.load(std::memory_order_relaxed) == key) return &t;
  Table* place = nullptr;
  for (Table& t : tables_)
    if (t.key.load(std::memory_order_relaxed) && forgotten(t) && recycle(t)) place = &t;
  for (Table& t : tables_)
    if (!place && !t.key.load(std::memory_order_relaxed)) place = &t;
  if (place) place->key.store(key, std::memory_order_release);
  return place;
}

Result<CudaReplica*> CudaTables::lock_replica(Table& table, std::uint64_t bytes) {
  CudaReplica* best = nullptr;
  for (CudaReplica& r : table.replica) {
    if (&r == table.newest_replica || !r.idle()) continue;
    const bool fits = r.capacity_bytes_ >= bytes;
    // One that fits, else one that never had memory, else any.
    if (!best || (fits && best->capacity_bytes_ < bytes) || (best->capacity_bytes_ < bytes && !r.capacity_bytes_))
      best = &r;
  }
  if (!best || !best->lock()) return Error{context_->name() + ": table: all its replicas are in use: try again"};
  if (best->capacity_bytes_ >= bytes) return best;
  // A table that grew will grow again.
  const std::uint64_t room = table.newest_replica ? bytes + bytes / 4 : bytes;
  auto memory = context_->allocate(room, "table of " + std::to_string(bytes) + " bytes");
  if (!memory) {
    best->unlock(CudaReplica::kNothing);
    return memory.error();
  }
  best->address_ = *memory;
  best->capacity_bytes_ = room;
  return best;
}

Result<void> CudaTables::load(const KernelTable& table) {
  if (!key_of(table)) return {};
  const std::lock_guard lock(mutex_);
  if (CudaReplica* there = acquire(table)) {
    there->release();
    return {};
  }
  Table* place = table_for(table);
  if (!place) return Error{context_->name() + ": table: more than " + std::to_string(kTables) + " tables are in use"};
  auto replica = lock_replica(*place, table.bytes);
  if (!replica) return replica.error();
  if (auto filled = fill(**replica, *place, table); !filled) {
    (*replica)->unlock(CudaReplica::kNothing);
    return filled.error();
  }
  if (!place->newest_replica || table.version > place->newest.version) {
    place->newest = table;
    place->newest_replica = *replica;
  }
  (*replica)->unlock(table.version);
  return {};
}

Result<void> CudaTables::fill(CudaReplica& replica, const Table& table, const KernelTable& version) {
  const cuda::Api& api = context_->api();
  cuda::Status s = context_->enter();
  if (!context_->check(s, "table")) return context_->error("table", s);
  const TableDelta delta = table.newest_replica
                               ? plan_delta(table.newest.data, table.newest.bytes, version.data, version.bytes)
                               : plan_delta(nullptr, 0, version.data, version.bytes);
  if (delta.keep_bytes) {
    s = api.copy_within(replica.address_, table.newest_replica->address_, delta.keep_bytes, lane_.stream);
    if (!context_->check(s, "table")) return context_->error("table: copy on the device", s);
  }
  const auto* data = static_cast<const std::uint8_t*>(version.data);
  piece_used_ = 0;  // the last upload ended with nothing under way, or with the device lost
  for (const Segment64& run : delta.upload)
    if (auto done = upload(replica.address_ + run.offset, data + run.offset, run.bytes); !done) return done;
  uploaded_bytes_.fetch_add(delta.upload_bytes, std::memory_order_relaxed);
  for (const cuda::Event e : {lane_.start, lane_.end}) {
    if (s = api.event_record(e, lane_.stream); !context_->check(s, "table")) return context_->error("table", s);
    if (auto done = context_->wait(e, "table upload"); !done) return done;
  }
  return {};
}

// Through pinned memory, as the driver would block on any other; one piece is
// filled while the other travels. A piece takes the bytes of many runs.
Result<void> CudaTables::upload(cuda::DeviceAddress to, const std::uint8_t* from, std::uint64_t bytes) {
  const cuda::Api& api = context_->api();
  for (std::uint64_t at = 0; at < bytes;) {
    if (piece_used_ == kPieceBytes) {
      const cuda::Status s = api.event_record(turn_ ? lane_.end : lane_.start, lane_.stream);
      if (!context_->check(s, "table")) return context_->error("table", s);
      turn_ ^= 1;
      piece_used_ = 0;
      if (auto free = context_->wait(turn_ ? lane_.end : lane_.start, "table upload"); !free) return free;
    }
    const std::uint64_t size = std::min(kPieceBytes - piece_used_, bytes - at);
    std::uint8_t* piece = piece_[turn_] + piece_used_;
    std::memcpy(piece, from + at, size);
    const cuda::Status s = api.copy_in(to + at, piece, size, lane_.stream);
    if (!context_->check(s, "table")) return context_->error("table: " + std::to_string(bytes) + " bytes", s);
    piece_used_ += size;
    at += size;
  }
  return {};
}

}  // namespace fulcrum
