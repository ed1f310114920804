// SPDX-License-Identifier: MIT
// in_place_mode.h - whether a device reads packets where they are: a setting of every back end.
#pragma once

#include <cstdint>

namespace fulcrum {

enum class InPlaceMode : std::uint8_t {
  kAuto,  // as is better for the device
  kOn,    // an error where it cannot
  kOff,   // packets are gathered and copied
};

inline const char* to_string(InPlaceMode v) {
  constexpr const char* kNames[] = {"auto", "on", "off"};
  return kNames[static_cast<unsigned>(v)];
}

}  // namespace fulcrum
