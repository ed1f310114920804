// SPDX-License-Identifier: MIT
// graph_build.cc - Config + Registry -> Graph, or every error that is in the way.
#include <algorithm>

#include "pipeline/elements/ports/source.h"
#include "pipeline/graph.h"

namespace fulcrum {
namespace {

std::string quoted(const std::string& name) { return "'" + name + "'"; }

// "Counter 'c'", or "Counter" where the configuration gave no name.
std::string title(const Declaration& d) { return d.anonymous ? d.class_name : d.class_name + " " + quoted(d.name); }

std::string at_line(SourcePos pos) {
  return "line " + std::to_string(pos.line) + " column " + std::to_string(pos.column);
}

std::vector<std::string> port_choices(std::span<const OutputSpec> outputs) {
  std::vector<std::string> choices;
  for (std::size_t i = 0; i < outputs.size(); ++i) choices.push_back("[" + std::to_string(i) + "] " + outputs[i].name);
  return choices;
}

std::vector<std::string> input_choices(unsigned inputs) {
  std::vector<std::string> choices;
  for (unsigned i = 0; i < inputs; ++i) choices.push_back("[" + std::to_string(i) + "]");
  return choices;
}

}  // namespace

// One run of Graph::build(); indices are those of Config::declarations.
class GraphBuilder {
 public:
  GraphBuilder(const Config& config, const Registry& registry, Setup& setup, Diagnostics& diag)
      : config_(config),
        registry_(registry),
        setup_(setup),
        diag_(diag),
        doubtful_(!diag.ok()),
        vertices_(config.declarations.size()) {}

  std::unique_ptr<Graph> build() {
    if (vertices_.size() > kMaxNodes) {
      if (!config_.partial)
        diag_.error({}, "has " + std::to_string(vertices_.size()) + " elements, " + std::to_string(kMaxNodes) +
                            " is the limit: split the pipeline");
      return nullptr;
    }
    for (std::size_t i = 0; i < vertices_.size(); ++i) make_element(i);
    setup_.set_element("");
    for (const NamedClass& c : config_.classes)
      if (registry_.find(c.name))
        diag_.warning(c.pos, "elementclass " + quoted(c.name) + " hides the element class of that name");
    if (config_.partial) return nullptr;
    for (const Connection& c : config_.connections) connect(c);
    if (!config_.loose) check_connected();
    check_sources();
    std::vector<std::size_t> order = topological_order();
    if (!diag_.ok()) return nullptr;
    return assemble(order);
  }

 private:
  struct Link {
    const Connection* connection = nullptr;  // null: not connected
  };
  struct Vertex {
    const ElementClass* element_class = nullptr;  // null: unknown, already reported
    PluginRef plugin;                             // of the class; null: built in
    std::unique_ptr<Element> element;
    std::span<const OutputSpec> spec;  // of its outputs
    bool outputs_known = true;
    std::vector<Link> out;      // by output
    std::vector<bool> reached;  // by input
  };

  const Declaration& decl(std::size_t i) const { return config_.declarations[i]; }

  void error(const Declaration& d, SourcePos pos, std::string text, std::vector<std::string> choices = {}) {
    diag_.error(pos, std::move(text), std::move(choices), notes_within(config_, d.within));
  }

  void unknown_class(const Declaration& d) {
    const std::string plugin = registry_.plugin_with_class(d.class_name);
    if (!plugin.empty())
      return error(d, d.class_pos,
                   "element class " + quoted(d.class_name) + " is in plugin " + quoted(plugin) +
                       ", which is not required: add 'require(" + plugin + ");'");
    std::vector<std::string> known = registry_.class_names();
    for (const NamedClass& c : config_.classes) known.push_back(c.name);
    if (d.bare)
      for (const Declaration& other : config_.declarations)
        if (!other.anonymous && other.within == d.within) known.push_back(other.name.substr(other.name.rfind('/') + 1));
    std::vector<std::string> near = nearest(d.class_name, known);
    // What was not understood may have declared it.
    if (doubtful_ && (near.empty() || d.bare)) return;
    const std::string hint = near.empty() ? ": 'fulcrum element list' shows those there are" : "";
    error(d, d.class_pos,
          d.bare ? "unknown name " + quoted(d.class_name) + ": neither an element nor an element class"
                 : "unknown element class " + quoted(d.class_name) + hint,
          std::move(near));
  }

  void make_element(std::size_t i) {
    const Declaration& d = decl(i);
    Vertex& v = vertices_[i];
    v.element_class = registry_.find(d.class_name);
    if (!v.element_class) return unknown_class(d);
    v.reached.resize(v.element_class->inputs);
    v.outputs_known = !d.broken;
    if (d.broken) return;  // reported
    v.plugin = registry_.owner_of(d.class_name);
    setup_.set_element(d.name, v.plugin);
    bool refused = true;
    try {
      v.element = v.element_class->make();
      std::vector<ArgError> wrong = v.element->configure(d.args, setup_);
      refused = !wrong.empty();
      for (ArgError& e : wrong) {
        const SourcePos pos = e.pos.line ? e.pos : d.class_pos;
        error(d, pos, d.class_name + ": " + e.text, std::move(e.choices));
      }
    } catch (const std::exception& e) {
      error(d, d.class_pos, d.class_name + ": failed in its set-up: " + e.what());
    } catch (...) {
      error(d, d.class_pos, d.class_name + ": failed in its set-up");
    }
    // What it refused may have said how many outputs there are.
    v.outputs_known = !v.element_class->open_outputs || !refused;
    v.spec = v.element_class->open_outputs && v.outputs_known ? v.element->outputs() : v.element_class->outputs;
    v.out.resize(v.spec.size());
    if (v.out.size() > kMaxOutputs)
      error(d, d.class_pos,
            title(d) + " has " + std::to_string(v.out.size()) + " outputs, " + std::to_string(kMaxOutputs) +
                " is the limit");
  }

  void connect(const Connection& c) {
    check_input(c);
    Vertex& from = vertices_[c.from];
    if (!from.element_class || !from.outputs_known) return;
    const std::string name = title(decl(c.from));
    if (from.out.empty()) return error(decl(c.from), c.output_pos, name + " has no output: a chain ends here");
    if (c.output >= from.out.size())
      return error(decl(c.from), c.output_pos, name + " has no output " + std::to_string(c.output),
                   port_choices(from.spec));
    Link& link = from.out[c.output];
    if (link.connection)
      return error(decl(c.from), c.output_pos,
                   "output " + std::to_string(c.output) + " of " + name + " is connected twice: first at " +
                       at_line(link.connection->output_pos));
    link.connection = &c;
  }

  void check_input(const Connection& c) {
    Vertex& to = vertices_[c.to];
    if (!to.element_class) return;
    if (c.input < to.reached.size())
      to.reached[c.input] = true;
    else
      to.reached.assign(to.reached.size(), true);  // one error is enough
    const std::string name = title(decl(c.to));
    if (to.element_class->inputs == 0)
      error(decl(c.to), c.input_pos, name + " has no input: it starts a chain");
    else if (c.input >= to.element_class->inputs)
      error(decl(c.to), c.input_pos, name + " has no input " + std::to_string(c.input),
            input_choices(to.element_class->inputs));
  }

  void check_connected() {
    for (std::size_t i = 0; i < vertices_.size(); ++i) {
      const Vertex& v = vertices_[i];
      const Declaration& d = decl(i);
      if (!v.element_class) continue;
      if (v.element_class->inputs && std::find(v.reached.begin(), v.reached.end(), true) == v.reached.end())
        error(d, d.name_pos, "input of " + title(d) + " is not connected: no packet reaches it");
      for (std::size_t port = 0; port < v.out.size(); ++port) {
        const OutputSpec& spec = v.spec[port];
        if (!v.out[port].connection && spec.unconnected == Unconnected::kError)
          error(d, d.name_pos,
                "output " + std::to_string(port) + " (" + spec.name + ") of " + title(d) + " is not connected",
                {"-> ToPort", "-> ToKernel", "-> Discard"});
      }
    }
  }

  const Source* source(std::size_t i) const { return dynamic_cast<const Source*>(vertices_[i].element.get()); }

  void check_sources() {
    bool any = false, unknown = false;
    for (std::size_t i = 0; i < vertices_.size(); ++i) {
      unknown |= !vertices_[i].element;
      const Source* from = source(i);
      if (!from) continue;
      any = true;
      for (std::size_t j = 0; j < i; ++j) {
        const Source* other = source(j);
        if (other && !from->name().empty() && other->name() == from->name())
          error(decl(i), decl(i).name_pos,
                "port " + quoted(from->name()) + " has two sources: first in line " +
                    std::to_string(decl(j).name_pos.line) + ": join their chains");
      }
    }
    // An unknown class may have been meant as FromPort: one error is enough.
    if (!any && !unknown)
      diag_.error({}, "has no FromPort, so no packet ever enters: start a chain with 'FromPort(eth0) -> …'");
  }

  // The vertices behind i, once for each connection.
  std::vector<std::size_t> successors(std::size_t i) const {
    std::vector<std::size_t> next;
    for (const Link& l : vertices_[i].out)
      if (l.connection) next.push_back(l.connection->to);
    return next;
  }

  // Kahn's algorithm; sources first. A chain stays together (its masks then pass from
  // element to element without a detour), else the order of the file holds. What is
  // left over lies on a cycle or behind one.
  std::vector<std::size_t> topological_order() {
    std::vector<unsigned> incoming(vertices_.size());
    for (std::size_t i = 0; i < vertices_.size(); ++i)
      for (std::size_t to : successors(i)) ++incoming[to];
    std::vector<std::size_t> order;
    std::vector<bool> placed(vertices_.size());
    auto place = [&](std::size_t i) {
      placed[i] = true;
      order.push_back(i);
      for (std::size_t to : successors(i)) --incoming[to];
    };
    auto ready = [&](std::size_t i) { return !placed[i] && !incoming[i]; };
    for (std::size_t i = 0; i < vertices_.size(); ++i)
      if (source(i)) place(i);
    for (;;) {
      std::vector<std::size_t> next = order.empty() ? std::vector<std::size_t>{} : successors(order.back());
      for (std::size_t i = 0; i < vertices_.size(); ++i) next.push_back(i);
      auto at = std::find_if(next.begin(), next.end(), ready);
      if (at == next.end()) break;
      place(*at);
    }
    if (order.size() < vertices_.size()) report_cycle(placed);
    return order;
  }

  // Follows successors among the unplaced ones until one comes again.
  void report_cycle(const std::vector<bool>& placed) {
    std::vector<std::size_t> path;
    // Start from a vertex that can reach a cycle by going backwards: every
    // unplaced vertex has an unplaced predecessor.
    std::size_t at = static_cast<std::size_t>(std::find(placed.begin(), placed.end(), false) - placed.begin());
    while (std::find(path.begin(), path.end(), at) == path.end()) {
      path.push_back(at);
      at = unplaced_predecessor(at, placed);
    }
    std::vector<std::size_t> cycle(std::find(path.begin(), path.end(), at), path.end());
    std::reverse(cycle.begin(), cycle.end());
    auto first = std::min_element(cycle.begin(), cycle.end());
    std::rotate(cycle.begin(), first, cycle.end());
    std::string way;
    for (std::size_t i : cycle) way += decl(i).name + " -> ";
    error(decl(cycle[0]), decl(cycle[0]).name_pos, "packets would go round for ever: " + way + decl(cycle[0]).name);
  }

  std::size_t unplaced_predecessor(std::size_t i, const std::vector<bool>& placed) const {
    for (std::size_t p = 0; p < vertices_.size(); ++p) {
      if (placed[p]) continue;
      const std::vector<std::size_t> next = successors(p);
      if (std::find(next.begin(), next.end(), i) != next.end()) return p;
    }
    return i;
  }

  std::unique_ptr<Graph> assemble(const std::vector<std::size_t>& order) {
    auto graph = std::unique_ptr<Graph>(new Graph);
    std::vector<Place> place(vertices_.size());
    unsigned inputs = 0;
    for (std::size_t k = 0; k < order.size(); ++k) {
      place[order[k]] = {static_cast<std::int16_t>(k), static_cast<std::uint16_t>(inputs)};
      inputs += vertices_[order[k]].element_class->inputs;
    }
    if (inputs > kMaxInputs) {
      diag_.error({}, "has elements with " + std::to_string(inputs) + " inputs, " + std::to_string(kMaxInputs) +
                          " is the limit: split the pipeline");
      return nullptr;
    }
    graph->no_verdict_ = setup_.reason("no_verdict");
    for (const Vertex& v : vertices_)
      if (v.plugin && !graph->uses(*v.plugin)) graph->plugins_.push_back(v.plugin);
    for (std::size_t i : order) {
      if (const Source* from = source(i))
        graph->sources_.push_back({from->name(), from->port(), static_cast<std::uint16_t>(place[i].node),
                                   from->ordering(), from->on_helper_loss(), from->capture()});
      graph->nodes_.push_back(node(i, place));
    }
    graph->find_chains();
    graph->find_direct();
    return graph;
  }

  struct Place {
    std::int16_t node = -1;
    std::uint16_t first_input = 0;
  };

  Graph::Node node(std::size_t i, const std::vector<Place>& place) {
    Vertex& v = vertices_[i];
    Graph::Node n;
    n.name = decl(i).name;
    n.class_name = decl(i).class_name;
    n.first_input = place[i].first_input;
    n.inputs = static_cast<std::uint8_t>(v.element_class->inputs);
    n.outputs = static_cast<std::uint8_t>(v.out.size());
    n.out.resize(v.out.size());
    n.carried_out.resize(v.out.size());
    for (std::size_t port = 0; port < v.out.size(); ++port) {
      const OutputSpec& spec = v.spec[port];
      n.output_name.emplace_back(spec.name);
      Graph::Edge& edge = n.out[port];
      if (const Connection* c = v.out[port].connection) {
        edge.node = place[c->to].node;
        edge.input = static_cast<std::uint16_t>(place[c->to].first_input + c->input);
      } else {
        edge.verdict = spec.unconnected == Unconnected::kKernel ? Verdict::kKernel : Verdict::kDrop;
        edge.reason = setup_.reason(spec.reason && *spec.reason ? spec.reason : "none");
      }
    }
    n.offload = v.element->offload();
    n.element = std::move(v.element);
    return n;
  }

  const Config& config_;
  const Registry& registry_;
  Setup& setup_;
  Diagnostics& diag_;
  const bool doubtful_;  // there are errors already: what is unknown may be due to them
  std::vector<Vertex> vertices_;
};

std::unique_ptr<Graph> Graph::build(const Config& config, const Registry& registry, Setup& setup, Diagnostics& diag) {
  return GraphBuilder(config, registry, setup, diag).build();
}

}  // namespace fulcrum
