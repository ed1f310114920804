// SPDX-License-Identifier: MIT
// graph_inline.cc - can a BPF program do what the graph does, and what would it have to do?
//
// The graph is followed once for each IP family. The program's one shape is:
// check the header, look the route up in the kernel, lower the time to live,
// send to the routed port; packets that leave this way early get a verdict.
#include "pipeline/graph.h"

namespace fulcrum {

class InlineTrace {
 public:
  InlineTrace(const Graph& graph, const SourcePort& source, bool v6) : graph_(graph), v6_(v6) {
    follow(graph_.nodes_[source.node].out[0]);
  }

  std::string refusal;  // empty: it can
  std::string object;   // BPF object of the lookup's plugin; empty: no plugin said
  bool routed = false, checked = false;
  Verdict bad = Verdict::kDrop, no_route = Verdict::kKernel, expired = Verdict::kKernel, other = Verdict::kKernel;

 private:
  using Edge = Graph::Edge;
  using Node = Graph::Node;

  std::string family() const { return v6_ ? "IPv6" : "IPv4"; }
  static std::string title(const Node& n) {
    return n.name.find('@') == std::string::npos ? n.class_name + " '" + n.name + "'" : n.class_name;
  }
  static Edge edge_of(const Node& n, unsigned port) { return port < n.outputs ? n.out[port] : Edge{}; }
  void refuse(const Node& n, const std::string& why) {
    if (refusal.empty()) refusal = title(n) + " " + why;
  }

  // Where packets end that leave by a side output. Packets that failed one
  // family's check fail the other's, too.
  Verdict side(const Node& from, unsigned port) {
    Edge edge = edge_of(from, port);
    while (edge.node >= 0) {
      const Node& n = graph_.nodes_[static_cast<std::size_t>(edge.node)];
      const InlineOp op = n.element->inline_op();
      if (op == InlineOp::kToKernel) return Verdict::kKernel;
      if (op == InlineOp::kDiscard) return Verdict::kDrop;
      if (op != InlineOp::kCheckIp4 && op != InlineOp::kCheckIp6) {
        refuse(n, "behind a side output of " + title(from) + " has no inline form: end it in ToKernel or Discard");
        return Verdict::kDrop;
      }
      edge = edge_of(n, 1);
    }
    return edge.verdict;
  }

  // Runs one node; false: the family's packets end there.
  bool run(const Node& n, Edge& next) {
    next = edge_of(n, 0);
    switch (n.element->inline_op()) {
      case InlineOp::kCheckIp4:
      case InlineOp::kCheckIp6:
        return check(n, next);
      case InlineOp::kRouteKernel:
        if (looked_up_) refuse(n, "is a second lookup and has no inline form");
        return look_up(n);
      case InlineOp::kDecTtl4:
      case InlineOp::kDecTtl6:
        return decrease(n);
      case InlineOp::kToRoutedPort:
        if (!looked_up_)
          refuse(n, "without argument has no lookup before it for " + family() + " packets");
        else if (!decreased_)
          refuse(n, "gets " + family() + " packets whose time to live nobody lowered, which has no inline form");
        routed = true;
        return false;
      case InlineOp::kToKernel:
        return end(n, Verdict::kKernel);
      case InlineOp::kDiscard:
        return end(n, Verdict::kDrop);
      case InlineOp::kNone:
        refuse(n, "has no inline form");
        return false;
    }
    return false;
  }

  bool look_up(const Node& n) {
    if (const PluginInfo* plugin = graph_.plugin_of(n.class_name)) {
      if (plugin->inline_object)
        object = plugin->inline_object;
      else
        refuse(n, std::string("is of plugin ") + plugin->name + ", which has no BPF object");
    }
    looked_up_ = true;
    no_route = side(n, 1);
    return true;
  }

  bool check(const Node& n, Edge& next) {
    const bool own = (n.element->inline_op() == InlineOp::kCheckIp6) == v6_;
    if (!own) {
      next = edge_of(n, 1);
      return true;
    }
    if (looked_up_) refuse(n, "behind a lookup has no inline form: put it in front");
    checked = true;
    bad = side(n, 1);
    return true;
  }

  bool decrease(const Node& n) {
    const bool own = (n.element->inline_op() == InlineOp::kDecTtl6) == v6_;
    if (!own) return true;  // the other family passes
    if (!looked_up_) refuse(n, "in front of a lookup has no inline form: put it behind");
    if (decreased_) refuse(n, "lowers the time to live a second time, which has no inline form");
    decreased_ = true;
    expired = side(n, 1);
    return true;
  }

  bool end(const Node& n, Verdict verdict) {
    if (looked_up_ || checked)
      refuse(n, "ends the way of " + family() + " packets that were looked at, which has no inline form");
    other = verdict;
    return false;
  }

  void follow(Edge edge) {
    while (refusal.empty() && edge.node >= 0) {
      Edge next;
      if (!run(graph_.nodes_[static_cast<std::size_t>(edge.node)], next)) return;
      edge = next;
    }
    other = edge.verdict;  // an unconnected output
  }

  const Graph& graph_;
  bool v6_;
  bool looked_up_ = false, decreased_ = false;
};

std::string Graph::inline_refusal(const SourcePort& source, InlinePlan& plan) const {
  const InlineTrace four(*this, source, false);
  if (!four.refusal.empty()) return four.refusal;
  const InlineTrace six(*this, source, true);
  if (!six.refusal.empty()) return six.refusal;
  plan = {.ip4 = four.routed,
          .ip6 = six.routed,
          .check4 = four.checked,
          .check6 = six.checked,
          .bad4 = four.bad,
          .bad6 = six.bad,
          .no_route4 = four.no_route,
          .no_route6 = six.no_route,
          .expired4 = four.expired,
          .expired6 = six.expired,
          .other_verdict4 = four.other,
          .other_verdict6 = six.other};
  for (const std::string& object : {four.object, six.object})
    if (!object.empty()) plan.object = object;
  return {};
}

}  // namespace fulcrum
