// SPDX-License-Identifier: MIT
// questions.cc - `fulcrum run --call "NAME HANDLER ARGS"` -> what the element says at the end.
#include "replay/questions.h"

#include <sstream>

namespace fulcrum {
namespace {

// What every element answers.
constexpr const char* kCounters = "counters";

void append(std::string& list, const std::string& word) { list += (list.empty() ? "" : ", ") + word; }

Result<Question> parse_question(const std::string& words, const Graph& graph) {
  Question q;
  q.words = words;
  std::istringstream in(words);
  in >> q.name >> q.handler;
  for (std::string arg; in >> arg;) q.args.push_back({{}, arg, false, {}});
  q.element = graph.element(q.name);
  if (!q.element) {
    std::string near;
    for (const std::string& n : nearest(q.name, graph.element_names())) append(near, n);
    return Error{"--call " + words + ": the pipeline has no element '" + q.name + "'" +
                 (near.empty() ? "" : ": did you mean " + near + "?")};
  }
  std::string readable = kCounters;
  if (q.handler == kCounters) return q;
  for (const HandlerSpec& h : q.element->handlers()) {
    if (!h.writes && q.handler == h.name) return q;
    if (!h.writes) append(readable, h.name);
  }
  return Error{"--call " + words + ": '" + q.handler + "' cannot be read of it: choose one of: " + readable};
}

std::string counters_of(const std::string& name, const Graph& graph) {
  std::string out;
  for (const NodeStat& n : graph.stats()) {
    if (n.name != name) continue;
    out += "packets_in " + std::to_string(n.packets_in) + "\n";
    for (const CounterValue& c : n.counters) out += std::string(c.name) + " " + std::to_string(c.value) + "\n";
  }
  return out;
}

}  // namespace

Result<std::vector<Question>> parse_questions(const std::vector<std::string>& calls, const Graph& graph) {
  std::vector<Question> all;
  for (const std::string& words : calls) {
    Result<Question> q = parse_question(words, graph);
    if (!q) return q.error();
    all.push_back(std::move(*q));
  }
  return all;
}

Result<void> ask(const std::vector<Question>& questions, const Graph& graph, ReplayReport& report) {
  for (const Question& q : questions) {
    if (q.handler == kCounters) {
      report.answers.emplace_back(q.words, counters_of(q.name, graph));
      continue;
    }
    Element* const peers[] = {q.element};
    Result<std::string> answer = q.element->read(q.handler, q.args, peers);
    if (!answer) return Error{"--call " + q.words + ": " + answer.error().text};
    report.answers.emplace_back(q.words, std::move(*answer));
  }
  return {};
}

}  // namespace fulcrum
