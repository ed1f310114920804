// SPDX-License-Identifier: MIT
// live.h - finished packets -> native XDP frames, by running return.bpf.c.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "fulcrum/batch.h"
#include "fulcrum/result.h"
#include "port/umem.h"

struct return_bpf;

namespace fulcrum {

// One worker's copy of the return program and its burst.
// Needs CAP_NET_ADMIN and CAP_BPF, Linux 5.18.
// Threads: the worker's; open() may run elsewhere.
class Live {
 public:
  static constexpr unsigned kBurst = 256;

  // Errors: the kernel lacks live frames, no permission.
  static Result<std::unique_ptr<Live>> open(const Umem& umem);
  ~Live();

  // Adds one packet to the burst; ifindex 0 is the kernel stack. addr: UMEM address.
  // timed: not to be sent after flush()'s deadline.
  void add(std::uint64_t addr, std::uint32_t len, std::uint32_t ifindex, const L2Rewrite& l2, bool timed) noexcept;
  unsigned pending() const noexcept { return pending_; }
  // Sends the burst; frames may be reused when it returns. `ingress`/`queue`: where
  // packets for the kernel stack shall have arrived; 0: none of the burst goes there.
  // Returns how many were handed over; fewer than pending() only on an error (errno).
  unsigned flush(std::uint32_t ingress, std::uint32_t queue, std::uint64_t deadline_ns) noexcept;
  std::uint64_t refused() const noexcept;  // descriptors the program turned down
  std::uint64_t late() const noexcept;     // dropped by it after the deadline, not in refused()

  std::uint32_t max_len() const { return max_len_; }
  const std::string& note() const { return note_; }  // empty: parked where no RCU wait is paid

 private:
  explicit Live(const Umem& umem) : umem_(umem) {}
  Result<void> load();
  void park();

  const Umem& umem_;
  return_bpf* skel_ = nullptr;
  std::uint8_t* slots_ = nullptr;  // only without a map UMEM: the program's copies
  int prog_fd_ = -1, link_fd_ = -1, netns_fd_ = -1;
  unsigned pending_ = 0;
  std::uint32_t longest_ = 0, max_len_ = 0;
  std::uint8_t template_[4096] = {};
  std::string note_;
};

}  // namespace fulcrum
