// SPDX-License-Identifier: MIT
// maps.h - the front-end's maps, found through the program attached to a port.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fulcrum.h"
#include "fulcrum/result.h"
#include "port/link.h"

namespace fulcrum {

// Owns:    descriptors of all maps, mappings of the beat and order arrays.
// Threads: claim_slot() and the writers during setup and on the control thread;
//          beat()/order() lines belong to the worker of the slot.
class FrontMaps {
 public:
  // Takes the maps from the program attached to `link`, or, where a dispatcher
  // hides them, from pins in `pin_dir`.
  // Errors: no front-end attached, maps missing, another layout.
  static Result<std::unique_ptr<FrontMaps>> open(const Link& link, const std::string& pin_dir);
  ~FrontMaps();
  FrontMaps(const FrontMaps&) = delete;
  FrontMaps& operator=(const FrontMaps&) = delete;

  // True if the program on `link` uses these very maps.
  Result<void> check_same(const Link& link, const std::string& pin_dir) const;

  // The slot of a queue: the one it had, else a free one; its counters are kept.
  Result<std::uint32_t> claim_slot(std::uint32_t ifindex, std::uint32_t queue);
  // The inline slot of a port, never one that was given to another port.
  Result<std::uint32_t> claim_inline_slot(std::uint32_t ifindex);

  Result<void> write_port(std::uint32_t ifindex, const fulcrum_port& port);
  bool read_port(std::uint32_t ifindex, fulcrum_port& port) const;
  void erase_port(std::uint32_t ifindex);
  bool read_queue(std::uint32_t ifindex, std::uint32_t queue, fulcrum_queue& out) const;
  Result<void> write_sock(const fulcrum_sock_key& key, const fulcrum_sock& value);
  void erase_sock(const fulcrum_sock_key& key);
  Result<void> write_xsk(std::uint32_t slot, unsigned ring, int socket_fd);
  void erase_xsk(std::uint32_t slot, unsigned ring);
  Result<void> write_inline(std::uint32_t inline_slot, int prog_fd);
  void erase_inline(std::uint32_t inline_slot);
  // Makes fu1_local hold exactly `addresses`.
  Result<void> write_local(const std::vector<fulcrum_addr>& addresses);

  fulcrum_beat& beat(std::uint32_t slot) { return beat_[slot]; }
  const fulcrum_order& order(std::uint32_t slot) const { return order_[slot]; }

  // For programs that are to share a map: its descriptor by name, or -1.
  int fd(const std::string& map_name) const;

 private:
  enum Index { kPort, kQueue, kBeat, kOrder, kLocal, kXsk, kSock, kInline, kGlobal, kMaps };
  FrontMaps() = default;
  Result<void> adopt(int map_fd);
  Result<void> from_program(std::uint32_t prog_id);
  Result<void> from_pins(const std::string& dir);
  Result<void> map_memory();

  void forget_vanished_ports();

  std::map<std::uint32_t, std::uint32_t> inline_slots_;  // claimed here: ifindex -> slot
  int fd_[kMaps] = {-1, -1, -1, -1, -1, -1, -1, -1, -1};
  std::uint32_t id_[kMaps] = {};
  fulcrum_beat* beat_ = nullptr;
  fulcrum_order* order_ = nullptr;
};

}  // namespace fulcrum
