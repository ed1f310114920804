// SPDX-License-Identifier: MIT
// open_outputs.h - names of one instance's outputs -> what Element::outputs() gives.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "fulcrum/element.h"

namespace fulcrum {

inline constexpr unsigned kMaxSwitchOutputs = 64;  // what the graph allows an element

class OpenOutputs {
 public:
  void add(std::string name, Unconnected unconnected = Unconnected::kError, const char* reason = "") {
    names_.push_back(std::move(name));
    specs_.push_back({names_.back().c_str(), unconnected, reason});
  }
  std::span<const OutputSpec> specs() const { return specs_; }
  std::size_t size() const { return specs_.size(); }

 private:
  std::deque<std::string> names_;  // stay where they are: specs_ points to them
  std::vector<OutputSpec> specs_;
};

}  // namespace fulcrum
