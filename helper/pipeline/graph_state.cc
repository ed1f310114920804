// SPDX-License-Identifier: MIT
// graph_state.cc - what a graph counted and gathered: read, drawn, handed to the next one.
#include <algorithm>
#include <map>

#include "pipeline/graph.h"

namespace fulcrum {

std::vector<NodeStat> Graph::stats() const {
  std::vector<NodeStat> all;
  for (const Node& n : nodes_) {
    NodeStat stat{n.name, n.class_name, n.packets_in.value() + n.carried_in, n.element->counters()};
    for (CounterValue& c : stat.counters)
      if (auto carried = n.carried.find(c.name); carried != n.carried.end()) c.value += carried->second;
    all.push_back(std::move(stat));
  }
  return all;
}

namespace {

std::string dot_quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// The last word of "outer/inner".
std::string local_name(const std::string& name) { return name.substr(name.rfind('/') + 1); }

std::string node_line(std::size_t i, const std::string& name, const std::string& class_name) {
  const std::string local = local_name(name);
  const bool anonymous = local.find('@') != std::string::npos;
  return "  n" + std::to_string(i) + " [label=" + dot_quoted(anonymous ? class_name : local + " :: " + class_name) +
         "];\n";
}

// Compounds as boxes in boxes. `inside`: by "outer/inner" the lines of what is in it; an outer one for each inner one.
std::string clusters(const std::map<std::string, std::string>& inside) {
  std::string out;
  std::vector<std::string> open;
  const auto close_until = [&](const std::string& path) {
    while (!open.empty() && !path.starts_with(open.back() + "/")) {
      out += "  }\n";
      open.pop_back();
    }
  };
  for (const auto& [path, lines] : inside) {
    close_until(path);
    const std::string local = local_name(path);
    out += "  subgraph " + dot_quoted("cluster_" + path) +
           " {\n  label=" + dot_quoted(local.substr(0, local.find('@'))) + ";\n" + lines;
    open.push_back(path);
  }
  close_until("");
  return out;
}

}  // namespace

std::string Graph::dot(std::span<const Graph* const> workers) {
  std::string edges;
  std::map<std::string, std::string> inside;
  const std::vector<Node>& nodes = workers[0]->nodes_;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Node& n = nodes[i];
    const std::string id = "n" + std::to_string(i), line = node_line(i, n.name, n.class_name);
    const std::size_t last = n.name.rfind('/');
    if (last == std::string::npos)
      edges += line;
    else
      inside[n.name.substr(0, last)] += line;
    for (std::size_t at = n.name.find('/'); at < last; at = n.name.find('/', at + 1)) inside[n.name.substr(0, at)];
    for (unsigned port = 0; port < n.outputs; ++port) {
      const Edge& edge = n.out[port];
      std::uint64_t packets = 0;
      for (const Graph* g : workers) packets += g->nodes_[i].out[port].packets.value() + g->nodes_[i].carried_out[port];
      const std::string to = edge.node >= 0 ? "n" + std::to_string(edge.node) : id + "_" + std::to_string(port);
      if (edge.node < 0)
        edges += "  " + to + " [shape=plaintext,label=\"" + (edge.verdict == Verdict::kKernel ? "kernel" : "drop") +
                 "\"];\n";
      edges += "  " + id + " -> " + to + " [label=" + dot_quoted(n.output_name[port] + " " + std::to_string(packets)) +
               "];\n";
    }
  }
  return "digraph pipeline {\n  rankdir=LR;\n  node [shape=box];\n" + clusters(inside) + edges + "}\n";
}

Element* Graph::element(std::string_view name) const noexcept {
  auto at = std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& n) { return n.name == name; });
  return at == nodes_.end() ? nullptr : at->element.get();
}

bool Graph::uses(const LoadedPlugin& plugin) const {
  return std::any_of(plugins_.begin(), plugins_.end(), [&](const PluginRef& p) { return p.get() == &plugin; });
}

const PluginInfo* Graph::plugin_of(std::string_view class_name) const {
  for (const PluginRef& p : plugins_)
    for (const ElementClass& c : p->info().elements)
      if (class_name == c.name) return &p->info();
  return nullptr;
}

std::vector<std::string> Graph::element_names() const {
  std::vector<std::string> names;
  for (const Node& n : nodes_) names.push_back(n.name);
  return names;
}

void Graph::adopt(Graph& before) noexcept {
  for (Node& n : nodes_)
    for (Node& old : before.nodes_)
      if (n.name == old.name && n.class_name == old.class_name) n.element->adopt(*old.element);
}

void Graph::carry(const Graph& before) {
  for (Node& n : nodes_) {
    auto old = std::find_if(before.nodes_.begin(), before.nodes_.end(),
                            [&](const Node& o) { return o.name == n.name && o.class_name == n.class_name; });
    if (old == before.nodes_.end()) continue;
    n.carried_in += old->packets_in.value() + old->carried_in;
    for (unsigned port = 0; port < std::min(n.outputs, old->outputs); ++port)
      n.carried_out[port] += old->out[port].packets.value() + old->carried_out[port];
    n.carried = old->carried;
    for (const CounterValue& c : old->element->counters()) n.carried[c.name] += c.value;
  }
}

void Graph::reset(std::string_view name) {
  for (Node& n : nodes_) {
    if (n.name != name) continue;
    n.carried_in = 0 - n.packets_in.value();
    for (unsigned port = 0; port < n.outputs; ++port) n.carried_out[port] = 0 - n.out[port].packets.value();
    for (const CounterValue& c : n.element->counters()) n.carried[c.name] = 0 - c.value;
  }
}

}  // namespace fulcrum
