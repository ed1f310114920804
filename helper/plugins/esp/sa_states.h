// SPDX-License-Identifier: MIT
// sa_states.h - what SAs have counted, kept for as long as the helper runs.
//
// An SA that comes again, in another pipeline or file, goes on where it was: a
// sequence number used twice with one key gives AES-GCM's and AES-CTR's key stream
// away, and a fresh window takes packets that were there before.
// Threads: setup.
#pragma once

#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "plugins/esp/sa.h"

namespace fulcrum::esp {

class SaStates {
 public:
  // Null: it runs with another `esn` or `replay`.
  std::shared_ptr<SaState> of(const SaSpec& spec) {
    auto [at, is_new] =
        known_.try_emplace(Key{spec.spi, spec.outer_v6, spec.dst, spec.suite, spec.key, spec.salt, spec.auth}, Known{});
    Known& k = at->second;
    if (is_new) k = {std::make_shared<SaState>(spec), spec.esn, spec.replay_pkts};
    return k.esn == spec.esn && k.replay_pkts == spec.replay_pkts ? k.state : nullptr;
  }

 private:
  using Key = std::tuple<std::uint32_t, bool, Address, std::uint32_t, std::vector<std::uint8_t>, std::uint32_t,
                         std::vector<std::uint8_t>>;
  struct Known {
    std::shared_ptr<SaState> state;
    bool esn = false;
    std::uint32_t replay_pkts = 0;
  };
  std::map<Key, Known> known_;
};

}  // namespace fulcrum::esp
