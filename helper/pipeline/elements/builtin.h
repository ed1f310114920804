// SPDX-License-Identifier: MIT
// builtin.h - the tables of built-in element classes, one a folder: its table.cc.
#pragma once

#include <span>

#include "fulcrum/element.h"

namespace fulcrum {

std::span<const ElementClass* const> port_elements();    // ports/: where packets come in and go out
std::span<const ElementClass* const> flow_elements();    // flow/: which way a packet goes
std::span<const ElementClass* const> packet_elements();  // packet/: checks and changes of packets
std::span<const ElementClass* const> watch_elements();   // watch/: what can be seen of them

}  // namespace fulcrum
