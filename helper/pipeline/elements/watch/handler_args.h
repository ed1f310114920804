// SPDX-License-Identifier: MIT
// handler_args.h - what is wrong with a handler's arguments, as one error.
#pragma once

#include <string>

#include "fulcrum/args.h"

namespace fulcrum {

// Empty text: nothing is.
inline Error handler_error(ArgReader& args) {
  Error all;
  for (const ArgError& e : args.done()) {
    all.text += (all.text.empty() ? "" : "; ") + e.text;
    for (std::size_t i = 0; i < e.choices.size(); ++i) all.text += (i ? ", " : ": choose one of: ") + e.choices[i];
  }
  return all;
}

}  // namespace fulcrum
