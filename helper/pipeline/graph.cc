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
    } else if (edge.verdict == Verdict::kKernel) {
      for_each(m, [&](unsigned i) { b.to_kernel(i, edge.reason); });
    } else {
      for_each(m, [&](unsigned i) { b.drop(i, edge.reason); });
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

Step Graph::advance(Walk& walk, Batch& b, bool offload) noexcept {
  const std::size_t count = nodes_.size();
  for (; walk.node < count; ++walk.node) {
    const Mask in = walk.pending[walk.node];
    if (!in) continue;
    Node& n = nodes_[walk.node];
    if (offload && n.offload) return Step::kOffload;
    Mask out[kMaxOutputs] = {};
    n.packets_in.add(static_cast<std::uint64_t>(std::popcount(in)));
    n.element->process(b, in, out);
    distribute(walk, b, n, in, out);
  }
  drop_undecided(b);
  return Step::kDone;
}

void Graph::resume(Walk& walk, Batch& b, const std::uint32_t* result) noexcept {
  Node& n = nodes_[walk.node];
  const Mask in = walk.pending[walk.node];
  Mask out[kMaxOutputs] = {};
  n.packets_in.add(static_cast<std::uint64_t>(std::popcount(in)));
  n.offload->finish(b, in, result, out);
  distribute(walk, b, n, in, out);
  ++walk.node;
}

bool Graph::has_offload() const {
  for (const Node& n : nodes_)
    if (n.offload) return true;
  return false;
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
