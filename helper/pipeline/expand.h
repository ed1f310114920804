// SPDX-License-Identifier: MIT
// expand.h - bodies with compounds -> flat elements and connections of a Config.
//
// Each use of a compound is an instance of one of its bodies: its elements are
// called "use/element", its parameters have the values given there. Classes and
// variables are looked up where the compound was written, from the inside out.
#pragma once

#include "pipeline/ast.h"
#include "pipeline/config.h"

namespace fulcrum {

// Fills compounds, declarations and connections of `config`. A file that had syntax
// errors (diag is not ok) is not blamed for what it lacks, and gets no connections.
void expand(const Body& file, Config& config, Diagnostics& diag);

}  // namespace fulcrum
