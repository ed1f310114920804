// SPDX-License-Identifier: MIT
// graph.cc - the way of a batch through the elements, and what can be read of them.
#include "pipeline/graph.h"

#include <cstring>

namespace fulcrum {

bool Graph::start(Walk& walk, Batch& b) noexcept {
  for (const SourcePort& s : sources_) {
    if (s.port != b.in_port) continue;
    std::memset(walk.pending.data(), 0, nodes_.size() * sizeof(Mask));
    walk.node = static_cast<std::uint16_t>(sources_.size());  // sources only send
    Node& source = nodes_[s.node];
    const Mask all = b.all();
    source.packets_in.add(b.count);
    source.packets_out[0].add(b.count);
    walk.pending[static_cast<std::size_t>(source.out[0].node)] = all;
    return true;
  }
  return false;
}

// Hands the packets of each output to the node behind it, or gives them the
// output's verdict. A packet in two outputs stays in the first, one that was
// not in `in` is ignored: a faulty element cannot duplicate or invent packets.
void Graph::distribute(Walk& walk, Batch& b, Node& n, Mask in, const Mask* out) noexcept {
  Mask left = in;
  for (unsigned port = 0; port < n.outputs; ++port) {
    const Mask m = out[port] & left;
    if (!m) continue;
    left &= ~m;
    n.packets_out[port].add(static_cast<std::uint64_t>(std::popcount(m)));
    const Edge& edge = n.out[port];
    if (edge.node >= 0) {
      walk.pending[static_cast<std::size_t>(edge.node)] |= m;
      if (port) for_each(m, [&](unsigned i) { b.reason[i] = 0; });  // meant for an output that nobody connected
    } else if (edge.verdict == Verdict::kKernel) {
      for_each(m, [&](unsigned i) { b.to_kernel(i, edge.reason); });
    } else {
      for_each(m, [&](unsigned i) { b.drop(i, b.reason[i] ? b.reason[i] : edge.reason); });
    }
  }
}

// An element that gives a packet neither an output nor a verdict is at fault;
// the packet must still be accounted for.
void Graph::drop_undecided(Batch& b) noexcept {
  static_assert(sizeof(Verdict) == 1 && static_cast<int>(Verdict::kNone) == 0);
  if (!std::memchr(b.verdict, 0, b.count)) return;
  for (unsigned i = 0; i < b.count; ++i)
    if (b.verdict[i] == Verdict::kNone) b.drop(i, no_verdict_);
}

void Graph::run_node(Walk& walk, Batch& b) noexcept {
  const Mask in = walk.pending[walk.node];
  if (!in) return;
  Node& n = nodes_[walk.node];
  Mask out[kMaxOutputs] = {};
  n.packets_in.add(static_cast<std::uint64_t>(std::popcount(in)));
  n.element->process(b, in, out);
  distribute(walk, b, n, in, out);
}

Step Graph::advance(Walk& walk, Batch& b, bool offload) noexcept {
  const std::size_t count = nodes_.size();
  for (; walk.node < count; ++walk.node) {
    if (offload && nodes_[walk.node].offload && walk.pending[walk.node]) return Step::kOffload;
    run_node(walk, b);
  }
  drop_undecided(b);
  return Step::kDone;
}

void Graph::finish_node(Walk& walk, Batch& b, const TaskAggregator::Results& results, unsigned stage) noexcept {
  const Mask in = walk.pending[walk.node];
  if (!in) return;
  Node& n = nodes_[walk.node];
  Mask out[kMaxOutputs] = {};
  n.packets_in.add(static_cast<std::uint64_t>(std::popcount(in)));
  results.put_back(stage, in, b);
  n.offload->finish(b, in, results.stage(stage), out);
  distribute(walk, b, n, in, out);
}

// Between two elements of a chain stand only elements without a device form, and
// what these hold did not come from the chain.
void Graph::resume(Walk& walk, Batch& b, const TaskAggregator::Results& results) noexcept {
  const std::vector<std::uint16_t>& nodes = chain_nodes_[nodes_[walk.node].chain];
  for (unsigned stage = 0; stage < nodes.size(); ++stage) {
    for (; walk.node < nodes[stage]; ++walk.node) run_node(walk, b);
    finish_node(walk, b, results, stage);
    ++walk.node;
  }
}

// Can `next` run in one task behind `node`? Only if nothing else sends it packets
// and no other task stands between them.
bool Graph::joins(std::size_t node, std::size_t next, const OffloadChain& chain) const {
  const Offload* to = nodes_[next].offload;
  if (!to || !can_follow(chain.links, to->kernel())) return false;
  const Condition when = nodes_[node].offload->chain().when;
  const bool all_here = chain.links.back().only_if == Condition::kAlways;
  // A kernel that left an item out gave 0: only a condition that 0 does not meet leaves it out further on.
  if (!all_here && when != Condition::kIfNonZero) return false;
  // In columns (an SA's next sequence number) are for packets that get there.
  if (to->kernel().in_bytes && !(all_here && when == Condition::kAlways)) return false;
  for (std::size_t k = node + 1; k < next; ++k)
    if (nodes_[k].offload) return false;
  unsigned incoming = 0;
  for (const Node& n : nodes_)
    for (unsigned port = 0; port < n.outputs; ++port) incoming += n.out[port].node == static_cast<int>(next);
  return incoming == 1;
}

void Graph::find_chains() {
  for (std::size_t k = 0; k < nodes_.size(); ++k) {
    if (!nodes_[k].offload) continue;
    OffloadChain chain;
    std::vector<std::uint16_t> nodes;
    Condition only_if = Condition::kAlways;
    for (std::size_t at = k;;) {
      Offload* o = nodes_[at].offload;
      chain.stage.push_back(o);
      chain.links.push_back({&o->kernel(), only_if});
      nodes.push_back(static_cast<std::uint16_t>(at));
      const Offload::Chain way = o->chain();
      if (way.output < 0 || way.output >= nodes_[at].outputs) break;
      const int next = nodes_[at].out[static_cast<unsigned>(way.output)].node;
      if (next < 0 || !joins(at, static_cast<std::size_t>(next), chain)) break;
      only_if = way.when;
      at = static_cast<std::size_t>(next);
    }
    nodes_[k].chain = chains_.size();
    chains_.push_back(std::move(chain));
    chain_nodes_.push_back(std::move(nodes));
  }
}

std::vector<NodeStat> Graph::stats() const {
  std::vector<NodeStat> all;
  for (const Node& n : nodes_) all.push_back({n.name, n.class_name, n.packets_in.value(), n.element->counters()});
  return all;
}

// Graphviz; labels of edges are the output's name and its packets.
std::string Graph::dot() const {
  std::string out = "digraph pipeline {\n  rankdir=LR;\n  node [shape=box];\n";
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const Node& n = nodes_[i];
    const std::string id = "n" + std::to_string(i);
    const bool anonymous = n.name.find('@') != std::string::npos;
    out += "  " + id + " [label=\"" + (anonymous ? n.class_name : n.name + " :: " + n.class_name) + "\"];\n";
    for (unsigned port = 0; port < n.outputs; ++port) {
      const Edge& edge = n.out[port];
      const std::string label = std::string(n.output_name[port]) + " " + std::to_string(n.packets_out[port].value());
      const std::string to = edge.node >= 0 ? "n" + std::to_string(edge.node) : id + "_" + std::to_string(port);
      if (edge.node < 0)
        out += "  " + to + " [shape=plaintext,label=\"" + (edge.verdict == Verdict::kKernel ? "kernel" : "drop") +
               "\"];\n";
      out += "  " + id + " -> " + to + " [label=\"" + label + "\"];\n";
    }
  }
  return out + "}\n";
}

}  // namespace fulcrum
