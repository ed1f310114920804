// SPDX-License-Identifier: MIT
// questions.h - `fulcrum run --call "NAME HANDLER ARGS"` -> what the element says at the end.
#pragma once

#include <string>
#include <vector>

#include "pipeline/graph.h"
#include "replay/replay.h"

namespace fulcrum {

struct Question {
  std::string words;  // as given
  Element* element = nullptr;
  std::string name, handler;
  std::vector<Arg> args;
};

// Errors: no such element or handler, with those that are there.
Result<std::vector<Question>> parse_questions(const std::vector<std::string>& calls, const Graph& graph);

// Answers go into the report. Errors: one that an element refuses.
Result<void> ask(const std::vector<Question>& questions, const Graph& graph, ReplayReport& report);

}  // namespace fulcrum
