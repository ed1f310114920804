// SPDX-License-Identifier: MIT
// small.cc - what parity_static leaves out: captures and large tasks. It runs in a guest of some MHz.
#include <random>

#include "parity.h"

namespace fulcrum::parity {

Options default_options() {
  Options o;
  o.seed = std::random_device{}();
  o.max_items = 255;
  o.max_bytes = 20'000;
  return o;
}

std::vector<Bytes> real_frames(const std::string&) { return {}; }

}  // namespace fulcrum::parity
