// SPDX-License-Identifier: MIT
// graph.cc - the way of a batch through the elements.
#include "pipeline/graph.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace fulcrum {

namespace {

// First node from `from` on, before `count`, that has packets; `count` if none.
std::uint16_t next_waiting(const Walk& walk, unsigned from, unsigned count) noexcept {
  for (unsigned word = from / 64; word * 64 < count; ++word) {
    std::uint64_t bits = walk.waiting[word];
    if (word == from / 64) bits &= ~std::uint64_t{0} << from % 64;
    if (bits)
      return static_cast<std::uint16_t>(std::min(count, word * 64 + static_cast<unsigned>(std::countr_zero(bits))));
  }
  return static_cast<std::uint16_t>(count);
}

bool waits(const Walk& walk, unsigned node) noexcept { return walk.waiting[node / 64] >> node % 64 & 1; }

}  // namespace

void Graph::start_made(Walk& made) noexcept {
  made.waiting.fill(0);
  made.node = 0;
  made.made = true;
}

bool Graph::start(Walk& walk, Batch& b) noexcept {
  for (const SourcePort& s : sources_) {
    if (s.port != b.in_port) continue;
    start_made(walk);
    walk.made = false;
    Node& source = nodes_[s.node];
    source.packets_in.add(b.count);
    source.out[0].packets.add(b.count);
    send(walk, b, source.out[0], b.all(), false);
    return true;
  }
  return false;
}

void Graph::enter(const Walk& maker, unsigned output, Walk& made, Batch& b, unsigned i) noexcept {
  Node& n = nodes_[maker.node];
  Edge& edge = n.out[output < n.outputs ? output : 0];
  edge.packets.add(1);
  send(made, b, edge, Mask{1} << i, true);
}

// Packets go to the node behind the edge, or get its verdict.
void Graph::send(Walk& walk, Batch& b, Edge& edge, Mask m, bool clear_reason) noexcept {
  if (edge.node >= 0) {
    const Node& to = nodes_[static_cast<std::size_t>(edge.node)];
    std::uint64_t& word = walk.waiting[static_cast<unsigned>(edge.node) / 64];
    const std::uint64_t bit = std::uint64_t{1} << static_cast<unsigned>(edge.node) % 64;
    if (!(word & bit)) {
      word |= bit;
      for (unsigned k = 0; k < to.inputs; ++k) walk.pending[to.first_input + k] = 0;
    }
    walk.pending[edge.input] |= m;
    if (clear_reason) for_each(m, [&](unsigned i) { b.reason[i] = 0; });  // meant for an output that nobody connected
  } else if (edge.verdict == Verdict::kKernel) {
    for_each(m, [&](unsigned i) { b.to_kernel(i, edge.reason); });
  } else {
    for_each(m, [&](unsigned i) { b.drop(i, b.reason[i] ? b.reason[i] : edge.reason); });
  }
}

// A packet in two outputs stays in the first, one that was not in `in` is
// ignored: a faulty element cannot duplicate or invent packets. Returns those
// for the node right behind, which nobody else sends to.
Mask Graph::distribute(Walk& walk, Batch& b, Node& n, Mask in, const Mask* out) noexcept {
#ifdef FULCRUM_CHECK
  check(n, b, in, out);
#endif
  Mask left = in, direct = 0;
  for (int port = 0; port < n.outputs; ++port) {
    const Mask m = out[port] & left;
    if (!m) continue;
    left &= ~m;
    Edge& edge = n.out[static_cast<unsigned>(port)];
    edge.packets.add(static_cast<std::uint64_t>(std::popcount(m)));
    if (port == n.direct) {
      direct = m;
      if (port) for_each(m, [&](unsigned i) { b.reason[i] = 0; });
    } else {
      send(walk, b, edge, m, port != 0);
    }
  }
  return direct;
}

void Graph::check(const Node& n, const Batch& b, Mask in, const Mask* out) noexcept {
  const char* fault = nullptr;
  Mask sent = 0;
  for (unsigned port = 0; port < n.outputs; ++port) {
    if (out[port] & ~in) fault = "sends a packet that it did not get";
    if (out[port] & sent) fault = "sends a packet twice";
    sent |= out[port];
  }
  for_each(in & ~sent, [&](unsigned i) {
    if (b.verdict[i] == Verdict::kNone) fault = "gives a packet neither an output nor a verdict";
  });
  for_each(in & sent, [&](unsigned i) {
    if (b.verdict[i] != Verdict::kNone) fault = "gives a packet both an output and a verdict";
  });
  if (!fault) return;
  std::fprintf(stderr, "element %s :: %s: %s\n", n.name.c_str(), n.class_name.c_str(), fault);
  std::abort();
}

// An element that gives a packet neither an output nor a verdict is at fault;
// the packet must still be accounted for.
void Graph::drop_undecided(Batch& b) noexcept {
  static_assert(sizeof(Verdict) == 1 && static_cast<int>(Verdict::kNone) == 0);
  if (!std::memchr(b.verdict, 0, b.count)) return;
  for (unsigned i = 0; i < b.count; ++i)
    if (b.verdict[i] == Verdict::kNone) b.drop(i, no_verdict_);
}

// Runs walk.node, and on as long as the way is direct; walk.node is the last then.
void Graph::run_node(Walk& walk, Batch& b) noexcept {
  Node* n = &nodes_[walk.node];
  const Mask* in = &walk.pending[n->first_input];
  Mask all = in[0];
  Mask out[kMaxOutputs];
  for (;; ++n, ++walk.node) {
    out[0] = out[1] = 0;  // most have no more; a memset costs more than a small element
    for (unsigned port = 2; port < n->outputs; ++port) out[port] = 0;
    if (n->inputs == 1) {
      n->packets_in.add(static_cast<std::uint64_t>(std::popcount(all)));
      n->element->process(b, all, out);
    } else {
      for (unsigned k = 1; k < n->inputs; ++k) all |= in[k];
      n->packets_in.add(static_cast<std::uint64_t>(std::popcount(all)));
      n->element->process_inputs(b, in, out);
    }
    all = distribute(walk, b, *n, all, out);
    if (!all) return;
    if (waits(walk, walk.node + 1u)) all |= walk.pending[n[1].first_input];  // entered there: packets that were added
  }
}

// Added packets that have a verdict before they ran: whoever made them changed its mind.
void Graph::take_back(Walk& walk, const Batch& b) noexcept {
  walk.made = false;
  Mask decided = 0;
  for_each(b.all(), [&](unsigned i) { decided |= Mask{b.verdict[i] != Verdict::kNone} << i; });
  for (unsigned n = 0; decided && n < nodes_.size(); ++n) {
    if (!waits(walk, n)) continue;
    Mask left = 0;
    for (unsigned k = 0; k < nodes_[n].inputs; ++k) left |= walk.pending[nodes_[n].first_input + k] &= ~decided;
    if (!left) walk.waiting[n / 64] &= ~(std::uint64_t{1} << n % 64);
  }
}

Step Graph::advance(Walk& walk, Batch& b, bool offload) noexcept {
  if (walk.made) take_back(walk, b);
  const auto count = static_cast<unsigned>(nodes_.size());
  while ((walk.node = next_waiting(walk, walk.node, count)) < count) {
    if (offload && nodes_[walk.node].offload) return Step::kOffload;
    run_node(walk, b);
    ++walk.node;
  }
  drop_undecided(b);
  return Step::kDone;
}

void Graph::finish_node(Walk& walk, Batch& b, const TaskAggregator::Results& results, unsigned stage) noexcept {
  if (!waits(walk, walk.node)) return;
  Node& n = nodes_[walk.node];
  const Mask in = walk.pending[n.first_input];
  Mask out[kMaxOutputs];
  for (unsigned port = 0; port < n.outputs; ++port) out[port] = 0;
  n.packets_in.add(static_cast<std::uint64_t>(std::popcount(in)));
  results.put_back(stage, in, b);
  n.offload->finish(b, in, results.stage(stage), out);
  const Mask direct = distribute(walk, b, n, in, out);
  if (direct) send(walk, b, n.out[static_cast<unsigned>(n.direct)], direct, false);
}

// Between two elements of a chain stand only elements without a device form, and
// what these hold did not come from the chain.
void Graph::resume(Walk& walk, Batch& b, const TaskAggregator::Results& results) noexcept {
  const std::vector<std::uint16_t>& nodes = chain_nodes_[nodes_[walk.node].chain];
  for (unsigned stage = 0; stage < nodes.size(); ++stage) {
    while ((walk.node = next_waiting(walk, walk.node, nodes[stage])) < nodes[stage]) {
      run_node(walk, b);
      ++walk.node;
    }
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

// A node with a device form is never entered directly: its packets may have to wait.
void Graph::find_direct() {
  std::vector<unsigned> incoming(nodes_.size());
  for (const Node& n : nodes_)
    for (const Edge& e : n.out)
      if (e.node >= 0) ++incoming[static_cast<std::size_t>(e.node)];
  for (std::size_t k = sources_.size(); k + 1 < nodes_.size(); ++k) {
    const Node& next = nodes_[k + 1];
    if (next.offload || next.inputs != 1 || incoming[k + 1] != 1) continue;
    for (unsigned port = 0; port < nodes_[k].outputs; ++port)
      if (nodes_[k].out[port].node == static_cast<int>(k + 1)) nodes_[k].direct = static_cast<std::int8_t>(port);
  }
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

}  // namespace fulcrum
