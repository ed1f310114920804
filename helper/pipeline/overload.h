// SPDX-License-Identifier: MIT
// overload.h - arguments given to a compound -> the body they fit and its parameters' values.
#pragma once

#include <string>
#include <vector>

#include "pipeline/ast.h"
#include "pipeline/variables.h"

namespace fulcrum {

struct FormError {
  SourcePos pos;
  std::string text;
  std::vector<std::string> choices;
};

// The first body whose parameters `args` fit; the first of all where none fits.
const Body* choose_form(const CompoundClass& of, const std::vector<Words>& args);

// Gives the parameters of `body` their values. `used_at`: errors without an argument point there.
std::vector<FormError> bind(const CompoundClass& of, const Body& body, const std::vector<Words>& args,
                            SourcePos used_at, Variables& variables);

}  // namespace fulcrum
