// SPDX-License-Identifier: MIT
// flow_table.cc - FlowTable: passes packets on and remembers which flows weigh most.
#include "pipeline/elements/watch/flow_table.h"

#include <algorithm>
#include <map>

#include "fulcrum/args.h"
#include "manual/pipeline/elements/watch/flow_table.h"
#include "pipeline/elements/watch/handler_args.h"
#include "pipeline/elements/watch/per_worker.h"

namespace fulcrum {
namespace {

using Weight = HeavyHitters::Weight;

struct Sum {
  HeavyHitters::Row row;
  std::uint64_t estimate;
  std::uint64_t room;  // of the tables that have it: the weight that one without place may have
};

std::uint64_t weight_of(const HeavyHitters::Row& r, Weight weight) {
  return weight == Weight::kBytes ? r.bytes : r.packets;
}

// The tables of all workers as one, heaviest first.
std::vector<Sum> joined(const std::vector<const HeavyHitters*>& tables, Weight weight) {
  std::map<FlowKey, Sum> sums;
  std::uint64_t room = 0;
  for (const HeavyHitters* t : tables) {
    const std::uint64_t lightest = t->lightest();
    room += lightest;
    for (const HeavyHitters::Row& r : t->rows()) {
      Sum& s = sums.try_emplace(r.key, Sum{{r.key, 0, 0, 0}, 0, 0}).first->second;
      s.row.packets += r.packets, s.row.bytes += r.bytes, s.row.over += r.over;
      s.estimate += weight_of(r, weight) + r.over;
      s.room += lightest;
    }
  }
  std::vector<Sum> all;
  for (auto& [key, s] : sums) {
    s.row.over += room - s.room;  // what workers may have seen that have no place for it
    all.push_back(s);
  }
  std::stable_sort(all.begin(), all.end(), [](const Sum& a, const Sum& b) { return a.estimate > b.estimate; });
  return all;
}

}  // namespace

std::vector<ArgError> FlowTable::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  FlowBy by = FlowBy::kFlow;
  Weight weight = Weight::kBytes;
  if (const Arg* a = args.keyword("BY"))
    by = args.choice<FlowBy>(
        *a, {{"flow", FlowBy::kFlow}, {"source", FlowBy::kSource}, {"destination", FlowBy::kDestination}}, by);
  if (const Arg* a = args.keyword("WEIGHT"))
    weight = args.choice<Weight>(*a, {{"bytes", Weight::kBytes}, {"packets", Weight::kPackets}}, weight);
  const auto capacity = static_cast<std::uint32_t>(args.number(args.keyword("CAPACITY"), {16, 65536}, 1024));
  state_ = per_worker<State>(
      "FlowTable", setup, [&] { return std::make_shared<State>(by, capacity, weight); },
      [&](const State& s) { return s.by == by && s.top.weight() == weight && s.top.capacity() == capacity; });
  return args.done();
}

void FlowTable::process(Batch& b, Mask in, Mask* out) noexcept {
  std::uint64_t counted = 0, other = 0;
  for_each(in, [&](unsigned i) {
    FlowKey key;
    if (!flow_key(b, i, state_->by, key)) {
      ++other;
      return;
    }
    ++counted;
    state_->top.add(key, 1, b.len[i]);
  });
  counted_.add(counted);
  other_.add(other);
  out[0] = in;
}

std::vector<CounterValue> FlowTable::counters() const {
  return {{"counted", counted_.value()}, {"other", other_.value()}};
}

// Of another CAPACITY; with the same settings the state is one already.
void FlowTable::adopt(Element& before) noexcept {
  const State& old = *static_cast<FlowTable&>(before).state_;
  if (&old == state_.get() || old.by != state_->by || old.top.weight() != state_->top.weight()) return;
  state_->top.merge(old.top);
}

std::span<const HandlerSpec> FlowTable::handlers() const {
  static constexpr HandlerSpec kAll[] = {{"top", "[N]", "the N heaviest, of all workers", false},
                                         {"reset", "", "forgets all", true}};
  return kAll;
}

Result<std::string> FlowTable::read(std::string_view name, std::span<const Arg> given,
                                    std::span<Element* const> peers) {
  if (name != "top") return Error{"has no such handler"};
  ArgReader args(given);
  const std::uint64_t count = args.number(args.positional(), {1, 65536}, 10);
  if (Error wrong = handler_error(args); !wrong.text.empty()) return wrong;
  std::vector<const HeavyHitters*> tables;
  for (Element* e : peers) tables.push_back(&static_cast<FlowTable*>(e)->state_->top);
  std::string out = "packets bytes over flow\n";
  std::uint64_t shown = 0;
  for (const Sum& s : joined(tables, state_->top.weight())) {
    if (shown++ == count) break;
    out += std::to_string(s.row.packets) + " " + std::to_string(s.row.bytes) + " " + std::to_string(s.row.over) + " " +
           flow_text(s.row.key, state_->by) + "\n";
  }
  return out;
}

Result<Element::Change> FlowTable::write(std::string_view name, std::span<const Arg> given, Setup&) {
  if (name != "reset") return Error{"has no such handler"};
  ArgReader args(given);
  if (Error wrong = handler_error(args); !wrong.text.empty()) return wrong;
  return Change([state = state_] { state->top.clear(); });
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}};
}
constinit const ElementClass kFlowTableClass = {
    "FlowTable",
    "FlowTable([BY flow|source|destination] [, WEIGHT bytes|packets] [, CAPACITY n])",
    "remembers which flows weigh most",
    1,
    kOutputs,
    [] { return std::unique_ptr<Element>(new FlowTable); },
    kManual};

}  // namespace fulcrum
