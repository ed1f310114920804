// SPDX-License-Identifier: MIT
// dispatch.h - one request line -> the method of ControlApi -> one answer line.
#pragma once

#include <string>
#include <string_view>

#include "control/api.h"

namespace fulcrum {

// Never throws; whatever `line` holds, the answer is a line of JSON with its newline.
std::string dispatch(ControlApi& api, std::string_view line);

// {"ok":false,"error":…} and newline.
std::string refusal(std::string_view text);

}  // namespace fulcrum
