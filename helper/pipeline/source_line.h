// SPDX-License-Identifier: MIT
// source_line.h - a line of a source file and a column -> what a terminal shows, with a caret.
#pragma once

#include <string>
#include <string_view>

namespace fulcrum {

// "  LINE\n  ^\n" with the caret under byte `column` (1-based). A long line is cut to what
// is around it; what is no printable UTF-8 is shown as '?'.
std::string line_with_caret(std::string_view line, int column);

// `text` with '?' for each byte that is a control character or no UTF-8.
std::string printable(std::string_view text);

}  // namespace fulcrum
