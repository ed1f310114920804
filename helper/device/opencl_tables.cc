// SPDX-License-Identifier: MIT
// opencl_tables.cc - versions of tables on the device: made aside, freed when no task needs them.
#include "device/opencl_tables.h"

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"
#include "device/table_delta.h"

namespace fulcrum::opencl {
namespace {

constexpr std::uint64_t kUploadTimeout_ns = 60'000'000'000;
constexpr auto kStopTimeout = std::chrono::seconds(2);
// While an older version is still in use, how often it is looked at.
constexpr auto kPrunePeriod = std::chrono::milliseconds(50);

// Nobody but this version itself holds the table. Static tables have no owner and stay.
bool unreferenced(const TableVersion& v) noexcept { return v.table.owner.use_count() == 1; }

}  // namespace

std::shared_ptr<TableStore> TableStore::start(std::shared_ptr<Core> core) {
  std::shared_ptr<TableStore> store(new TableStore(std::move(core)));
  // The thread holds the store: one that is left behind keeps what it works on.
  store->thread_ = std::thread([store] { store->run(); });
  return store;
}

void TableStore::stop() {
  std::unique_lock lock(lock_);
  stop_ = true;
  changed_.notify_all();
  const bool ended = changed_.wait_for(lock, kStopTimeout, [&] { return stopped_; });
  lock.unlock();
  if (!thread_.joinable()) return;
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
    log_error("opencl: the driver does not finish an upload: left behind");
  }
}

Result<void> TableStore::load(const KernelTable& table) {
  if (!table.data || !table.bytes) return {};
  if (table.bytes > core_->most_bytes)
    return Error{"opencl: a table of " + std::to_string(table.bytes) + " bytes: " + core_->found.name + " takes " +
                 std::to_string(core_->most_bytes) + " at most: make it smaller, or leave this device out"};
  std::unique_lock lock(lock_);
  if (const TableRef have = find(table); have && have->error.empty()) return {};
  lock.unlock();
  TableRef version = make(table);
  if (!version->error.empty())
    return Error{"opencl: a table of " + std::to_string(table.bytes) + " bytes did not get into " + core_->found.name +
                 ": " + version->error + ": make it smaller, or leave this device out"};
  lock.lock();
  versions_.remove_if([&](const TableRef& v) { return same_version(v->table, table) && !v->error.empty(); });
  versions_.push_back(std::move(version));
  changed_.notify_all();
  return {};
}

TableRef TableStore::find_or_ask(const KernelTable& table) noexcept {
  const std::unique_lock lock(lock_, std::try_to_lock);
  if (!lock) return nullptr;  // asked again with the next task
  if (TableRef version = find(table)) return version->error.empty() ? version : nullptr;
  ask(table);
  return nullptr;
}

std::vector<TableRef> TableStore::versions() const {
  const std::lock_guard lock(lock_);
  std::vector<TableRef> there;
  for (const TableRef& v : versions_)
    if (v->error.empty()) there.push_back(v);
  return there;
}

TableRef TableStore::find(const KernelTable& table) const {
  for (const TableRef& v : versions_)
    if (same_version(v->table, table)) return v;
  return nullptr;
}

TableRef TableStore::newest(const KernelTable& of) const {
  TableRef last;
  for (const TableRef& v : versions_)
    if (of.identity && v->table.identity == of.identity && v->error.empty()) last = v;
  return last;
}

// Versions may come faster than they are made: the last is enough.
void TableStore::ask(const KernelTable& table) {
  for (KernelTable& w : wishes_) {
    if (same_version(w, table)) return;
    if (table.identity && w.identity == table.identity) {
      w = table;
      return;
    }
  }
  wishes_.push_back(table);
  changed_.notify_all();
}

std::list<TableRef> TableStore::take_unused() {
  std::list<TableRef> unused;
  for (auto at = versions_.begin(); at != versions_.end();) {
    const auto next = std::next(at);
    if (unreferenced(**at) && at->use_count() == 1 && newest((*at)->table) != *at)
      unused.splice(unused.end(), versions_, at);
    at = next;
  }
  return unused;
}

Result<void> TableStore::forget_unused() {
  epoch_.fetch_add(1, std::memory_order_relaxed);
  std::list<TableRef> unused;  // may be gigabytes: freed without the lock
  const std::lock_guard lock(lock_);
  std::erase_if(wishes_, [](const KernelTable& w) { return w.owner && w.owner.use_count() == 1; });
  bool held = false;
  for (auto at = versions_.begin(); at != versions_.end();) {
    const auto next = std::next(at);
    if (unreferenced(**at)) {
      if (at->use_count() == 1)
        unused.splice(unused.end(), versions_, at);
      else
        held = true;
    }
    at = next;
  }
  if (held) return Error{"opencl: a queue still has a table that nobody uses: try again when packets have passed"};
  return {};
}

bool TableStore::any_superseded() const {
  return std::any_of(versions_.begin(), versions_.end(),
                     [&](const TableRef& v) { return v->table.owner && newest(v->table) != v; });
}

void TableStore::run() {
  std::unique_lock lock(lock_);
  while (!stop_) {
    if (!wishes_.empty()) {
      const KernelTable wish = std::move(wishes_.front());
      wishes_.pop_front();
      if (find(wish)) continue;
      lock.unlock();
      TableRef version = make(wish);
      if (!version->error.empty()) core_->note("opencl: table not loaded: " + version->error);
      lock.lock();
      versions_.push_back(std::move(version));
      changed_.notify_all();
    }
    std::list<TableRef> unused = take_unused();
    if (!unused.empty()) {
      lock.unlock();
      unused.clear();  // may free gigabytes
      lock.lock();
    }
    if (!wishes_.empty() || stop_) continue;
    if (any_superseded())
      changed_.wait_for(lock, kPrunePeriod);
    else
      changed_.wait(lock);
  }
  stopped_ = true;
  changed_.notify_all();
}

TableRef TableStore::make(const KernelTable& table) {
  auto version = std::make_shared<TableVersion>();
  version->table = table;
  cl_int error = 0;
  const cl_mem_flags flags = CL_MEM_READ_ONLY | (core_->shares_memory ? CL_MEM_USE_HOST_PTR : 0);
  // OpenCL takes what it only reads by a pointer to what it may write.
  version->buffer = Buffer(clCreateBuffer(core_->context.get(), flags, table.bytes,
                                          core_->shares_memory ? const_cast<void*>(table.data) : nullptr, &error));
  if (error) {
    version->error = error_name(error);
  } else if (!core_->shares_memory) {
    std::unique_lock lock(lock_);
    const TableRef before = newest(table);
    lock.unlock();
    version->error = fill(*version, before);
  }
  return version;
}

// Returns what went wrong, or an empty text.
std::string TableStore::fill(TableVersion& version, const TableRef& before) {
  cl_int error = 0;
  // For one upload: the control thread may make one while the store's own makes another.
  const CommandQueue queue(clCreateCommandQueue(core_->context.get(), core_->found.device, 0, &error));
  if (error) return error_name(error);
  const KernelTable none, &was = before ? before->table : none, &is = version.table;
  const TableDelta delta = plan_delta(was.data, was.bytes, is.data, is.bytes);
  std::vector<Event> events;
  cl_event event = nullptr;
  if (delta.keep_bytes) {
    error = clEnqueueCopyBuffer(queue.get(), before->buffer.get(), version.buffer.get(), 0, 0, delta.keep_bytes, 0,
                                nullptr, &event);
    if (!error) events.emplace_back(event);
  }
  for (const Segment64& s : delta.upload) {
    if (error) break;
    error = clEnqueueWriteBuffer(queue.get(), version.buffer.get(), CL_FALSE, s.offset, s.bytes,
                                 static_cast<const std::uint8_t*>(is.data) + s.offset, 0, nullptr, &event);
    if (!error) events.emplace_back(event);
  }
  if (!error) error = clFlush(queue.get());
  if (!finish(events)) {
    // The device may still read the table: it must never be freed.
    new KernelTable(is);
    return "the upload did not finish";
  }
  for (const Event& e : events)
    if (const int status = status_of(e.get()); status < 0 && !error) error = status;
  return error ? error_name(error) : "";
}

bool TableStore::finish(const std::vector<Event>& events) {
  if (events.empty()) return true;
  for (const std::uint64_t end_ns = now_ns() + kUploadTimeout_ns; !wait_for(events.back().get(), 50'000'000);) {
    const std::lock_guard lock(lock_);
    if (stop_ || now_ns() > end_ns) return false;
  }
  return true;
}

void TableView::open(std::shared_ptr<TableStore> store) {
  store_ = std::move(store);
  if (!store_) return;  // measuring: no tables
  epoch_ = store_->epoch();
  for (TableRef& v : store_->versions())
    if (count_ < held_.size()) held_[count_++] = std::move(v);
  superseded_ = count_;  // perhaps: prune() sees
}

const TableRef* TableView::find(const KernelTable& table) const noexcept {
  for (unsigned i = 0; i < count_; ++i)
    if (same_version(held_[i]->table, table)) return &held_[i];
  return nullptr;
}

bool TableView::resident(const KernelTable& table) noexcept {
  if (!table.data || !table.bytes) return true;
  keep_up();
  if (superseded_) prune();
  if (find(table)) return true;
  TableRef version = store_->find_or_ask(table);
  if (!version) return false;
  if (count_ == held_.size()) prune();
  if (count_ == held_.size()) return false;
  for (unsigned i = 0; i < count_; ++i) superseded_ |= table.identity && held_[i]->table.identity == table.identity;
  held_[count_++] = std::move(version);
  return true;
}

// The store holds them too, so nothing is freed here.
void TableView::prune() noexcept {
  superseded_ = false;
  const std::uint32_t now = store_->epoch();
  const bool all = epoch_ != now;
  epoch_ = now;
  for (unsigned i = 0; i < count_;) {
    const std::uint64_t identity = held_[i]->table.identity;
    bool older = false;  // a newer one of the same table stands behind it
    for (unsigned j = i + 1; j < count_; ++j) older |= identity && held_[j]->table.identity == identity;
    if (unreferenced(*held_[i]) && (older || !identity || all)) {
      std::move(held_.begin() + i + 1, held_.begin() + count_, held_.begin() + i);
      held_[--count_] = nullptr;
      continue;
    }
    superseded_ |= older;
    ++i;
  }
}

}  // namespace fulcrum::opencl
