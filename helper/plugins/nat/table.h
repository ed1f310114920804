// SPDX-License-Identifier: MIT
// table.h - mappings and sessions of one NAT44, shared by all workers.
//
// A mapping joins an inside endpoint to an outside one, whoever the remote is (RFC 4787
// REQ-1). A session is a mapping's word on one remote: a permit to answer (by address, or by
// address and port, as filtering asks), or the state of a TCP connection.
//
// Found without a lock. Locks are of index buckets, held for a few writes while a flow begins
// or ends. Order: bucket of by_inside_, then of by_outside_ or of by_remote_. Who changes a
// mapping, or adds a session to it, holds the by_inside_ bucket.
//
// An entry has a generation, odd while it is free. A session names number and generation
// of its mapping, so that it dies with it; the sweep takes it away.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "chains.h"
#include "config.h"
#include "fragments.h"
#include "key.h"
#include "ports.h"
#include "tcp_state.h"

namespace fulcrum::nat {

// A line each for what both directions read, what the inside writes, what the outside writes.
struct alignas(64) Mapping {
  std::atomic<std::uint32_t> gen{1};
  std::atomic<std::uint32_t> next_inside{kNone}, next_outside{kNone}, next_free{kNone};
  std::atomic<Key> inside{0}, outside{0};
  std::atomic<std::uint32_t> states{0};   // TCP connections
  std::atomic<std::uint32_t> flushed{1};  // the generation that was flushed
  std::atomic<Tick> made{0};
  std::atomic<bool> fixed{false};  // a FORWARD
  alignas(64) std::atomic<std::uint64_t> out_packets{0};
  std::atomic<Tick> out_tick{0};
  std::atomic<std::uint64_t> last_remote{0};  // as a session's
  alignas(64) std::atomic<std::uint64_t> in_packets{0};
  std::atomic<Tick> in_tick{0};
};

struct alignas(64) Session {
  std::atomic<std::uint32_t> gen{1};
  std::atomic<std::uint32_t> next{kNone}, next_free{kNone};
  std::atomic<std::uint64_t> of{0};      // mapping's number << 32 | its generation
  std::atomic<std::uint64_t> remote{0};  // remote_key()
  std::atomic<std::uint32_t> tcp{0};     // TcpBit
  std::atomic<Tick> tick{0};
};

// Kinds of session, in the lowest bits of what names its remote.
enum SessionKind : std::uint64_t { kPermit = 1, kState = 2 };
constexpr std::uint64_t remote_key(Endpoint e, SessionKind kind) {
  return std::uint64_t{e.addr} << 32 | std::uint64_t{e.port} << 16 | kind;
}
constexpr Endpoint remote_of(std::uint64_t key) {
  return {static_cast<std::uint32_t>(key >> 32), static_cast<std::uint16_t>(key >> 16)};
}

// What a lookup found, as it was then.
struct View {
  std::uint32_t index = kNone;
  std::uint32_t gen = 0;
  Key inside = 0, outside = 0;
  bool fixed = false;
  bool made = false;  // for this packet
};

// The entry, if it is in use under this key. See the head of this file on generations.
bool read_view(const Mapping& m, const std::atomic<Key>& field, Key key, View& v) noexcept;

enum class Answer : std::uint8_t { kOk, kNoMapping, kFiltered, kNoPort, kTableFull };

// What of a packet decides. `near`: the key of its inside endpoint on the way out, of its outside one on the way in.
struct Flow {
  Key near;
  Endpoint remote;
  std::uint8_t tcp_flags = 0;
};

struct TableSize {
  std::uint32_t mappings, sessions;
};

// Threads: any, but where it says otherwise.
class Table {
 public:
  explicit Table(const Config& config);

  // A packet from the inside: finds or makes its mapping and keeps it alive.
  Answer outbound(const Flow& f, const Clock& clock, View& v) noexcept;
  // A packet from the outside.
  Answer inbound(const Flow& f, const Clock& clock, View& v) noexcept;
  // An ICMP error with a datagram of this flow in it: keeps nothing alive.
  Answer error_out(Key inside, const Clock& clock, View& v) noexcept;
  Answer error_in(const Flow& f, const Clock& clock, View& v) noexcept;

  void prefetch_inside(Key key) const noexcept { by_inside_.prefetch(hash_of(key)); }
  void prefetch_outside(Key key) const noexcept { by_outside_.prefetch(hash_of(key)); }
  // Whether packets to this address are ours to translate.
  bool is_external(std::uint32_t addr) const noexcept { return external_index(addr) >= 0; }
  // The address that this inside host is seen by; 0: there is no pool.
  std::uint32_t paired(std::uint32_t inside) const noexcept;

  // Takes what is over out of the next `entries` of those that were ever in use.
  void sweep(const Clock& clock, std::uint32_t entries) noexcept;
  // The latest moment that a batch told of: for those without a clock.
  void saw(Tick now) noexcept {
    if (now_.load(std::memory_order_relaxed) != now) now_.store(now, std::memory_order_relaxed);
  }
  Tick now() const noexcept { return now_.load(std::memory_order_relaxed); }
  std::uint32_t ever_used() const noexcept { return free_mappings_.top() + free_sessions_.top(); }

  FragmentTable& fragments() noexcept { return fragments_; }
  const Config& config() const noexcept { return config_; }
  // Entries in use, those included that are over and not yet taken out.
  TableSize used() const noexcept { return {free_mappings_.used(), free_sessions_.used()}; }
  const PortPool& ports() const noexcept { return ports_; }

  // Threads: control, of these all. Made mappings end; addr 0: all of them.
  std::uint32_t flush(std::uint32_t addr, const Clock& clock) noexcept;
  // One line a mapping, at most `limit`.
  std::string list(const Clock& clock, std::size_t limit) const;
  // Takes over what of `old` fits here. Before anybody else uses this one.
  void copy(const Table& old, const Clock& clock);

 private:
  using InsideIndex = Chains<Mapping, &Mapping::next_inside>;
  using OutsideIndex = Chains<Mapping, &Mapping::next_outside>;
  using RemoteIndex = Chains<Session, &Session::next>;

  int external_index(std::uint32_t addr) const noexcept;
  bool needs_permit(Proto proto) const noexcept;
  std::uint64_t permit_key(Proto proto, Endpoint remote) const noexcept;

  bool is_live(const View& v, const Clock& clock) const noexcept;
  bool is_live(const Session& s, const Clock& clock) const noexcept;
  Session* session(const View& v, std::uint64_t remote, const Clock& clock) noexcept;
  bool permit_again(const View& v, Endpoint remote, const Clock& clock) noexcept;
  bool pass_out(const View& v, const Flow& f, const Clock& clock) noexcept;

  Answer open(const Flow& f, const Clock& clock, View& v) noexcept;
  Answer open_in(const Flow& f, const Clock& clock, const View& v) noexcept;
  Answer make(InsideIndex::Locked& bucket, const Flow& f, const Clock& clock, View& v) noexcept;
  std::uint32_t link(InsideIndex::Locked& bucket, Key inside, Key outside, bool fixed, Tick now) noexcept;
  void unlink(InsideIndex::Locked& bucket, std::uint32_t index) noexcept;
  bool add_session(const View& v, std::uint64_t remote, std::uint32_t tcp, const Clock& clock) noexcept;
  void add_forward(const Forward& f);
  void sweep_mapping(std::uint32_t index, const Clock& clock) noexcept;
  void sweep_session(std::uint32_t index, const Clock& clock) noexcept;
  bool take_out(std::uint32_t session, std::uint32_t gen, const Clock& clock) noexcept;
  std::uint32_t copy_mapping(const Mapping& from, const View& old);

  const Config config_;
  std::unique_ptr<Mapping[]> mappings_;
  std::unique_ptr<Session[]> sessions_;
  InsideIndex by_inside_;
  OutsideIndex by_outside_;
  RemoteIndex by_remote_;
  FreeList<Mapping, &Mapping::next_free> free_mappings_;
  FreeList<Session, &Session::next_free> free_sessions_;
  PortPool ports_;
  FragmentTable fragments_;
  std::unique_ptr<std::uint16_t[]> external_;  // number + 1 by hash of the address
  alignas(64) std::atomic<std::uint32_t> swept_{0};
  alignas(64) std::atomic<Tick> now_{0};
};

}  // namespace fulcrum::nat
