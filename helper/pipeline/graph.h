// SPDX-License-Identifier: MIT
// graph.h - elements wired up, and the way of a batch through them.
//
// Nodes stand in topological order; a batch walks them once, each node taking
// the packets that any earlier node sent to it. A split partitions the mask, a
// join is an OR: no packet moves, sparse branches meet again by themselves.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/aggregate.h"
#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "pipeline/config.h"
#include "pipeline/registry.h"

namespace fulcrum {

inline constexpr unsigned kMaxNodes = 256;
inline constexpr unsigned kMaxInputs = 256;  // of all elements together
inline constexpr unsigned kMaxOutputs = 64;  // of one element

// Where a batch stands in the graph. Travels with the batch while a device has it.
struct Walk {
  std::array<Mask, kMaxInputs> pending;                 // packets at each input; valid where the node waits
  std::array<std::uint64_t, kMaxNodes / 64> waiting{};  // nodes that have packets
  std::uint16_t node = 0;                               // next node to run; at kOffload the node that waits
  bool made = false;                                    // holds added packets that have not run yet
};

enum class Step : std::uint8_t { kDone, kOffload };

// One FromPort or FromCapture of the configuration.
struct SourcePort {
  std::string name;
  std::uint16_t port;  // Setup::port(name)
  std::uint16_t node;
  fulcrum_ordering ordering = FULCRUM_ORDER_FLOW;
  fulcrum_on_loss on_helper_loss = FULCRUM_LOSS_PASS;
  std::string capture{};  // file that packets come from; empty: from the port
};

struct NodeStat {
  std::string name;
  std::string class_name;
  std::uint64_t packets_in;
  std::vector<CounterValue> counters;
};

class Graph {
 public:
  // Builds one worker's instance. Errors are appended to `diag` and make the
  // result null; all of them are found in one go.
  static std::unique_ptr<Graph> build(const Config& config, const Registry& registry, Setup& setup, Diagnostics& diag);

  const std::vector<SourcePort>& sources() const { return sources_; }

  // Data path. Threads: the owning worker.
  // Puts all packets of `b` behind the source of b.in_port; false: no such source.
  bool start(Walk& walk, Batch& b) noexcept;
  // Runs on from walk.node. With `offload`, stops before a node that has a device
  // form and packets waiting; the caller runs its kernel, then calls resume().
  Step advance(Walk& walk, Batch& b, bool offload) noexcept;
  std::size_t chain_at(const Walk& walk) const noexcept { return nodes_[walk.node].chain; }
  Mask offload_mask(const Walk& walk) const noexcept { return walk.pending[nodes_[walk.node].first_input]; }
  void resume(Walk& walk, Batch& b, const TaskAggregator::Results& results) noexcept;
  // Every packet of the batch must have a verdict at kDone; one that has none is
  // dropped as "no_verdict" by advance(). With FULCRUM_CHECK defined an element
  // that breaks the contract ends the program, named.

  // For a holder's PacketMaker: a batch of packets that elements add.
  void start_made(Walk& made) noexcept;
  // Puts packet i of batch `b` behind `output` of the node that `maker` is at.
  // Call advance(made, …) once the batch of `maker` is done.
  void enter(const Walk& maker, unsigned output, Walk& made, Batch& b, unsigned i) noexcept;

  // For each element with a device form the chain that starts at it: it, and as far as they go those behind it
  // whose kernels can run in the same task. chain_at() is an index here. Empty: no element has one.
  OffloadChains chains() const { return chains_; }
  std::vector<NodeStat> stats() const;  // Threads: any; values may be a batch old

  // What follows is in graph_state.cc.
  // The graph of all workers, which are equal but for counts, as Graphviz text;
  // edges carry the output's name and its packets.
  static std::string dot(std::span<const Graph* const> workers);
  // Null: there is no element of that name.
  Element* element(std::string_view name) const noexcept;
  std::vector<std::string> element_names() const;
  // Has elements of this plugin.
  bool uses(const LoadedPlugin& plugin) const;
  // The plugin that has this class, among those the graph uses, or null.
  const PluginInfo* plugin_of(std::string_view class_name) const;
  // State of equally named elements of one class. Threads: the worker, between batches.
  void adopt(Graph& before) noexcept;
  // Their counts, once `before` counts no more. Threads: control.
  void carry(const Graph& before);
  // The counts of one element start again from 0. Threads: control.
  void reset(std::string_view name);

  // Why the pipeline behind `source` cannot run as a BPF program; empty: it can,
  // and `plan` says what the program has to do.
  struct InlinePlan {
    std::string object = "inline_route.bpf.o";             // of the plugin that looks routes up
    bool ip4 = false, ip6 = false;                         // route this family; else its packets go by other_verdict
    bool check4 = false, check6 = false;                   // verify the header before routing
    Verdict bad4 = Verdict::kDrop, bad6 = Verdict::kDrop;  // failed check
    Verdict no_route4 = Verdict::kKernel, no_route6 = Verdict::kKernel;
    Verdict expired4 = Verdict::kKernel, expired6 = Verdict::kKernel;
    Verdict other_verdict4 = Verdict::kKernel, other_verdict6 = Verdict::kKernel;  // a family that is not routed
    bool operator==(const InlinePlan&) const = default;
  };
  std::string inline_refusal(const SourcePort& source, InlinePlan& plan) const;

 private:
  struct Edge {
    std::int16_t node = -1;   // -1: unconnected, apply verdict
    std::uint16_t input = 0;  // index in Walk::pending
    Verdict verdict = Verdict::kDrop;
    Reason reason = 0;
    Count packets;
  };
  struct Node {
    std::unique_ptr<Element> element;
    Offload* offload = nullptr;     // element's
    std::size_t chain = 0;          // index in chains_, where there is one
    std::uint16_t first_input = 0;  // index in Walk::pending
    std::int8_t direct = -1;        // output whose packets, and no others, go to the next node; -1: none
    std::uint8_t inputs = 0;
    std::uint8_t outputs = 0;
    std::vector<Edge> out;  // by output
    Count packets_in;
    std::string name, class_name;
    std::vector<std::string> output_name;
    // Added to what it counts: of pipelines before, less what was reset.
    std::uint64_t carried_in = 0;
    std::vector<std::uint64_t> carried_out;        // by output
    std::map<std::string, std::uint64_t> carried;  // by counter
  };
  friend class GraphBuilder;  // graph_build.cc
  friend class InlineTrace;   // graph_inline.cc

  void take_back(Walk& walk, const Batch& b) noexcept;
  void run_node(Walk& walk, Batch& b) noexcept;
  void send(Walk& walk, Batch& b, Edge& edge, Mask m, bool clear_reason) noexcept;
  static void check(const Node& n, const Batch& b, Mask in, const Mask* out) noexcept;
  void finish_node(Walk& walk, Batch& b, const TaskAggregator::Results& results, unsigned stage) noexcept;
  void find_chains();
  void find_direct();
  bool joins(std::size_t node, std::size_t next, const OffloadChain& chain) const;
  Mask distribute(Walk& walk, Batch& b, Node& n, Mask in, const Mask* out) noexcept;
  void drop_undecided(Batch& b) noexcept;

  std::vector<PluginRef> plugins_;  // whose code nodes_ run; go last
  std::vector<Node> nodes_;         // sources first
  std::vector<SourcePort> sources_;
  std::vector<OffloadChain> chains_;
  std::vector<std::vector<std::uint16_t>> chain_nodes_;  // of each chain
  Reason no_verdict_ = 0;
};

}  // namespace fulcrum
