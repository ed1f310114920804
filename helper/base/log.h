// SPDX-License-Identifier: MIT
// log.h - words for people, on stderr. Never called per packet.
#pragma once

#include <string_view>

namespace fulcrum {

// Levels: trace, debug, info, warn, error, off. False: no such level.
// Threads: once, before the others; the log_ functions from any thread.
bool set_log_level(std::string_view level);
inline constexpr const char* kLogLevels = "trace, debug, info, warn, error, off";

void log_debug(std::string_view text);
void log_info(std::string_view text);
void log_warn(std::string_view text);
void log_error(std::string_view text);

}  // namespace fulcrum
