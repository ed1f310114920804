// SPDX-License-Identifier: MIT
// slots.cc - the packet memory of a replay: batches with room for their frames.
#include "replay/slots.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "fulcrum_parse.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace fulcrum {
namespace {

constexpr std::uint32_t kGuardBytes = 64;  // between frames; poisoned under AddressSanitizer
static_assert(ReplayMemory::kMadeRegionBytes >= kMaxCapturedBytes + kHeadroomBytes + kTailroomBytes + 2 * kGuardBytes);

// Makes a read beyond a frame visible where the build can see it.
void guard(const std::uint8_t* at, std::size_t bytes, bool on) {
#if defined(__SANITIZE_ADDRESS__)
  on ? __asan_poison_memory_region(at, bytes) : __asan_unpoison_memory_region(at, bytes);
#else
  static_cast<void>(at), static_cast<void>(bytes), static_cast<void>(on);
#endif
}

std::uint32_t place_bytes(std::uint32_t len) {
  return (kHeadroomBytes + len + kTailroomBytes + kGuardBytes + 63) & ~63u;
}

}  // namespace

bool ReplaySlot::has_room(std::uint32_t bytes) const {
  return batch.count < kBatchSize && used_bytes + place_bytes(bytes) <= region_bytes;
}

unsigned ReplaySlot::add(std::uint32_t bytes) {
  const unsigned i = batch.count++;
  batch.data[i] = region + used_bytes + kHeadroomBytes;
  batch.len[i] = bytes;
  batch.frame[i] = 0;
  batch.reset_results(i);
  guard(batch.data[i], bytes, false);
  used_bytes += place_bytes(bytes);
  ++unwritten;
  return i;
}

void ReplaySlot::put(const CapturedPacket& p, const fulcrum_parsed& parsed) {
  const unsigned i = add(p.len);
  Batch& b = batch;
  std::memcpy(b.data[i], p.data, p.len);
  b.set_headers(i, parsed);
  b.pos[i] = 0;
  b.bucket[i] = static_cast<std::uint8_t>(parsed.hash % FULCRUM_BUCKETS);
  b.rx_ns[i] = p.time_ns;
  b.now_ns = std::max(b.now_ns, p.time_ns);
  missing[i] = p.wire_len > p.len ? p.wire_len - p.len : 0;
  time_ns[i] = p.time_ns;
}

unsigned ReplaySlot::add_like(const ReplaySlot& from, unsigned k, std::uint32_t bytes) {
  const unsigned i = add(bytes);
  batch.came_like(i, from.batch, k);
  origin[i] = static_cast<std::uint8_t>(k);
  missing[i] = 0;
  time_ns[i] = from.time_ns[k];
  return i;
}

bool ReplaySlot::finished() const {
  return state == SlotState::kDone && std::all_of(made.begin(), made.end(), [](auto* m) { return m->finished(); });
}

Result<std::unique_ptr<ReplayMemory>> ReplayMemory::open() {
  std::unique_ptr<ReplayMemory> memory(new ReplayMemory);
  // Pages come with their first frame: small captures stay small.
  void* frames = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (frames == MAP_FAILED)
    return Error{"run: no memory: " + std::to_string(kBytes >> 20) + " MiB for frames: free some"};
  memory->base_ = static_cast<std::uint8_t*>(frames);
  guard(memory->base_, kBytes, true);
  std::uint8_t* at = memory->base_;
  auto slot = [&](std::uint32_t bytes) {
    auto s = std::make_unique<ReplaySlot>();
    s->region = at;
    s->region_bytes = bytes;
    at += bytes;
    return s;
  };
  for (std::size_t i = 0; i < kSlots; ++i) memory->slots_.push_back(slot(kRegionBytes));
  at += kRegionBytes;
  for (std::size_t i = 0; i < kMadeSlots; ++i) memory->made_.push_back(slot(kMadeRegionBytes));
  return memory;
}

ReplayMemory::~ReplayMemory() {
  if (!base_) return;
  guard(base_, kBytes, false);
  munmap(base_, kBytes);
}

ReplaySlot* ReplayMemory::take(bool made) {
  for (auto& s : made ? made_ : slots_) {
    if (s->state != SlotState::kFree) continue;
    s->state = SlotState::kFilling;
    s->used_bytes = s->unwritten = 0;
    s->batch.count = 0;
    s->batch.now_ns = 0;
    return s.get();
  }
  return nullptr;
}

void ReplayMemory::give_back(ReplaySlot& s) {
  for (ReplaySlot* m : s.made) give_back(*m);
  s.made.clear();
  guard(s.region, s.used_bytes, true);
  s.state = SlotState::kFree;
}

CapturedPacket ReplayMemory::land(const CapturedPacket& p) {
  std::uint8_t* place = base_ + kSlots * kRegionBytes;
  guard(place, p.len, false);
  std::memcpy(place, p.data, p.len);
  guard(place + p.len, kGuardBytes, true);
  CapturedPacket landed = p;
  landed.data = place;
  return landed;
}

}  // namespace fulcrum
