// SPDX-License-Identifier: MIT
// chain.h - two kernels in one task on a device that copies -> what goes there and back, against what they declare.
#pragma once

#include "bench/figures.h"
#include "device/device.h"

namespace fulcrum {

// `pipeline` has PayloadMatch, then IPLookup. Bytes that differ from the declared
// minimum are findings that are wrong. `words` are strewn into the payloads.
// Context: `device` copies what it reads.
void measure_chain(Device& device, const std::string& name, const std::string& pipeline,
                   const std::vector<std::string>& words, double seconds, Findings& found);

}  // namespace fulcrum
