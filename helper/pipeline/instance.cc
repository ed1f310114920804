// SPDX-License-Identifier: MIT
// instance.cc - bodies in use -> connections between elements, through the ports of compounds.
#include "pipeline/instance.h"

#include <string>
#include <utility>

namespace fulcrum {
namespace {

// "X 'x'", "compound 'x'", or "X" where the configuration gave no name.
std::string title(const Item& item) {
  const std::string what = item.compound ? "compound" : item.class_name;
  return item.anonymous ? what : what + " '" + item.name + "'";
}

std::vector<std::string> numbers(unsigned count) {
  std::vector<std::string> all;
  for (unsigned i = 0; i < count && i < 16; ++i) all.push_back("[" + std::to_string(i) + "]");
  return all;
}

}  // namespace

void Connector::error(const Instance& in, SourcePos pos, std::string text, std::vector<std::string> choices) {
  diag_.error(pos, std::move(text), std::move(choices), notes_within(config_, in.compound));
}

// The slot of an item that is a compound, or null.
const Instance::Slot* Connector::compound(const Instance& in, std::size_t item) const {
  if (item >= in.slots.size() || in.slots[item].kind != Instance::Kind::kCompound) return nullptr;
  return &in.slots[item];
}

void Connector::check_link(Instance& in, const LinkText& link) {
  if (const Slot* to = compound(in, link.to); to && link.input >= body_of(*to).inputs) {
    blamed_.insert({&in, link.to});
    const unsigned count = body_of(*to).inputs;
    const std::string name = title(in.body->items[link.to]);
    error(in, link.input_pos, name + " has no input" + (count ? " " + std::to_string(link.input) : ""), numbers(count));
  }
  const Slot* from = compound(in, link.from);
  if (from && link.output >= body_of(*from).outputs) {
    blamed_.insert({&in, link.from});
    const unsigned count = body_of(*from).outputs;
    const std::string name = title(in.body->items[link.from]);
    error(in, link.output_pos, name + " has no output" + (count ? " " + std::to_string(link.output) : ""),
          numbers(count));
  }
  const LinkText* first = in.leaving.emplace(std::pair(link.from, link.output), &link).first->second;
  if (from && first != &link)
    error(in, link.output_pos,
          "output " + std::to_string(link.output) + " of " + title(in.body->items[link.from]) +
              " is connected twice: first at line " + std::to_string(first->output_pos.line) + " column " +
              std::to_string(first->output_pos.column));
}

void Connector::check_slots(const Instance& in) {
  std::map<std::pair<std::size_t, unsigned>, bool> reached;
  for (const LinkText& l : in.body->links) reached[{l.to, l.input}] = true;
  for (std::size_t i = 0; i < in.slots.size(); ++i) {
    const Slot* slot = compound(in, i);
    if (!slot || blamed_.contains({&in, i})) continue;
    const Item& item = in.body->items[i];
    for (unsigned port = 0; port < body_of(*slot).inputs; ++port)
      if (!reached.contains({i, port}))
        error(in, item.name_pos,
              "input " + std::to_string(port) + " of " + title(item) + " is not connected: no packet reaches it");
    for (unsigned port = 0; port < body_of(*slot).outputs; ++port)
      if (!in.leaving.contains({i, port}))
        error(in, item.name_pos, "output " + std::to_string(port) + " of " + title(item) + " is not connected",
              {"-> ToPort", "-> ToKernel", "-> Discard"});
  }
}

void Connector::check() {
  for (Instance& in : instances_) {
    for (const LinkText& l : in.body->links) check_link(in, l);
    check_slots(in);
  }
}

// The element that `link` ends at, through compounds and out of them; `link` becomes the last of the way.
Instance::Slot Connector::end_of(std::size_t instance, const LinkText*& link) {
  const LinkText* first = link;
  std::size_t at = instance;
  for (std::size_t step = 0; step <= links_; ++step) {
    const Instance& in = instances_[at];
    std::pair<std::size_t, unsigned> next{kInputEnd, link->input};
    if (link->to == kOutputEnd) {
      next.first = in.item;
      at = in.parent;
    } else if (in.slots[link->to].kind == Instance::Kind::kCompound) {
      at = in.slots[link->to].index;
    } else {
      return in.slots[link->to];
    }
    auto found = instances_[at].leaving.find(next);
    if (found == instances_[at].leaving.end()) return {};
    link = found->second;
  }
  if (!std::exchange(round_, true))
    error(instances_[instance], first->output_pos, "packets would go round for ever, through compounds and no element");
  return {};
}

void Connector::connect() {
  for (const Instance& in : instances_) links_ += in.body->links.size();
  for (std::size_t i = 0; i < instances_.size(); ++i)
    for (const LinkText& l : instances_[i].body->links) {
      if (l.from == kInputEnd) continue;
      const LinkText* last = &l;
      const Slot &from = instances_[i].slots[l.from], to = end_of(i, last);
      if (from.kind == Instance::Kind::kElement && to.kind == Instance::Kind::kElement)
        config_.connections.push_back({from.index, l.output, l.output_pos, to.index, last->input, last->input_pos});
    }
}

}  // namespace fulcrum
