// SPDX-License-Identifier: MIT
// reasons.h - names of drop and to-kernel reasons <-> their index.
//
// Threads: index() during set-up by one thread; name() any afterwards.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fulcrum/batch.h"

namespace fulcrum {

class ReasonTable {
 public:
  // Same name, same index; 0 is "none".
  Reason index(std::string_view name) {
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (names_[i] == name) return static_cast<Reason>(i);
    names_.emplace_back(name);
    return static_cast<Reason>(names_.size() - 1);
  }
  const std::string& name(Reason index) const { return names_[index < names_.size() ? index : 0]; }
  std::size_t size() const { return names_.size(); }

 private:
  std::vector<std::string> names_{"none"};
};

}  // namespace fulcrum
