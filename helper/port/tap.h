// SPDX-License-Identifier: MIT
// tap.h - packets -> kernel stack through a TAP device: the last resort, where
// live frames are not to be had.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "fulcrum/result.h"

namespace fulcrum {

// Packets arrive on an interface of their own ("ful0"), not on the port they came
// from; it has the port's MAC address so that the stack takes them.
class Tap {
 public:
  static Result<std::unique_ptr<Tap>> open(const std::array<std::uint8_t, 6>& mac);
  ~Tap();
  bool write(const std::uint8_t* data, std::uint32_t len) noexcept;
  const std::string& name() const { return name_; }

 private:
  int fd_ = -1;
  std::string name_;
};

}  // namespace fulcrum
