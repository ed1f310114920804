// SPDX-License-Identifier: MIT
// expand.cc - bodies with compounds -> flat elements and connections of a Config.
#include "pipeline/expand.h"

#include <algorithm>
#include <set>

#include "pipeline/instance.h"
#include "pipeline/overload.h"
#include "pipeline/variables.h"

namespace fulcrum {
namespace {

// A small file can ask for any number of these.
constexpr std::size_t kMaxElements = 1024;
constexpr std::size_t kMaxCompounds = 512;
constexpr std::size_t kMaxLinks = 8192;
constexpr std::size_t kMaxDepth = 16;  // of compounds used inside one another
constexpr unsigned kMaxAliases = 16;

// Where names are looked up. On the stack of those that use it.
struct Scope {
  const Body& body;
  Scope* outer;
  Variables variables;
};

class Expander {
 public:
  Expander(Config& config, Diagnostics& diag) : config_(config), diag_(diag), substitution_(diag) {}

  void run(const Body& file) {
    config_.partial = !diag_.ok();
    instances_.emplace_back().body = &file;
    total_links_ = file.links.size();
    Scope scope{file, nullptr, Variables(nullptr)};
    fill(scope, 0);
    if (total_links_ > kMaxLinks && !full_) {
      diag_.error({}, "has more than " + std::to_string(kMaxLinks) + " connections: split the pipeline");
      full_ = true;
    }
    config_.partial |= full_;
    if (config_.partial) return;
    Connector connector(instances_, config_, diag_);
    const std::size_t errors = diag_.count();
    connector.check();
    connector.connect();
    config_.loose |= diag_.count() != errors;
    warn_classes(file);
  }

 private:
  struct Found {
    const CompoundClass* compound = nullptr;  // null: a class of the registry
    Scope* scope = nullptr;                   // that it was declared in
    std::string name;                         // of the class of the registry
    bool good = true;
  };

  std::vector<Note> notes(std::size_t instance) const { return notes_within(config_, instances_[instance].compound); }

  // Elements of instance `at`, whose parameters are in `scope`.
  void fill(Scope& scope, std::size_t at) {
    for (const Define& d : scope.body.defines) {
      std::vector<Words> value;
      substitution_.append(d.value, scope.variables, notes(at), value);
      scope.variables.set(d.name, std::move(value), d.pos);
    }
    instances_[at].slots.resize(scope.body.items.size());
    for (std::size_t i = 0; i < scope.body.items.size() && !full_; ++i) add(scope, at, i);
    // With an error, what would have used a variable may be missing.
    if (!diag_.ok()) return;
    for (const auto& [name, value] : scope.variables.here())
      if (!value.used) diag_.warning(value.pos, "$" + name + " is never used", notes(at));
  }

  void add(Scope& scope, std::size_t at, std::size_t i) {
    const Item& item = scope.body.items[i];
    Found found = find(scope, item, at);
    if (!found.good) return refused();
    std::vector<Words> args;
    bool whole = !item.broken;
    for (const ArgText& text : item.args) whole &= substitution_.append(text, scope.variables, notes(at), args);
    if (substitution_.exhausted()) full_ = true;
    if (!found.compound) return add_element(at, i, found.name, args, whole);
    if (!whole) return refused();
    add_compound(found, at, i, args);
  }

  // What is connected with it has nothing to be connected with.
  void refused() { config_.loose = true; }

  std::string full_name(std::size_t at, const Item& item) const {
    const std::size_t within = instances_[at].compound;
    return within == kNotWithin ? item.name : config_.compounds[within].name + "/" + item.name;
  }

  void add_element(std::size_t at, std::size_t i, const std::string& class_name, const std::vector<Words>& args,
                   bool whole) {
    const Item& item = instances_[at].body->items[i];
    if (config_.declarations.size() == kMaxElements) return too_much(at, item, kMaxElements, "elements");
    Declaration d{full_name(at, item), class_name, {}, item.name_pos, item.class_pos, item.anonymous, item.bare};
    d.within = instances_[at].compound;
    d.broken = !whole;
    for (const Words& words : args) d.args.push_back(make_arg(words));
    instances_[at].slots[i] = {Instance::Kind::kElement, config_.declarations.size()};
    config_.declarations.push_back(std::move(d));
  }

  void add_compound(const Found& found, std::size_t at, std::size_t i, const std::vector<Words>& args) {
    const Item& item = instances_[at].body->items[i];
    if (config_.compounds.size() == kMaxCompounds) return too_much(at, item, kMaxCompounds, "compounds");
    Scope inner{*choose_form(*found.compound, args), found.scope, Variables(&found.scope->variables)};
    const std::vector<FormError> wrong = bind(*found.compound, inner.body, args, item.class_pos, inner.variables);
    for (const FormError& e : wrong) diag_.error(e.pos, e.text, e.choices, notes(at));
    if (!wrong.empty() || !may_enter(inner.body, at, item)) return refused();
    total_links_ += inner.body.links.size();
    if (total_links_ > kMaxLinks) return too_much(at, item, kMaxLinks, "connections");
    const std::size_t made = instances_.size();
    instances_[at].slots[i] = {Instance::Kind::kCompound, made};
    Instance& instance = instances_.emplace_back();
    instance.body = &inner.body;
    instance.compound = config_.compounds.size();
    instance.parent = at;
    instance.item = i;
    config_.compounds.push_back({full_name(at, item), found.compound->name, item.name_pos, instances_[at].compound});
    fill(inner, made);
  }

  // A body inside itself would have no end.
  bool may_enter(const Body& body, std::size_t at, const Item& item) {
    std::string way = found_name(item);
    std::size_t depth = 0;
    for (std::size_t i = at; i != 0; i = instances_[i].parent, ++depth) {
      way = found_name(instances_[instances_[i].parent].body->items[instances_[i].item]) + " -> " + way;
      if (instances_[i].body != &body) continue;
      diag_.error(item.class_pos, "'" + item.class_name + "' contains itself: " + way, {}, notes(at));
      return false;
    }
    if (depth < kMaxDepth) return true;
    diag_.error(item.class_pos,
                "compounds are used inside one another more than " + std::to_string(kMaxDepth) + " deep", {},
                notes(at));
    return false;
  }

  static std::string found_name(const Item& item) { return item.compound ? "{…}" : item.class_name; }

  void too_much(std::size_t at, const Item& item, std::size_t limit, const char* what) {
    if (!full_)
      diag_.error(item.name_pos,
                  "this is where there are more than " + std::to_string(limit) + " " + what +
                      ", those of compounds counted each time: split the pipeline",
                  {}, notes(at));
    full_ = true;
  }

  Found find(Scope& scope, const Item& item, std::size_t at) {
    Found found{item.compound.get(), &scope, item.class_name};
    if (found.compound) return found;
    for (unsigned step = 0; step < kMaxAliases; ++step) {
      look_up(found);
      if (!found.compound || !found.compound->forms.empty()) return found;
      found.name = found.compound->alias;
    }
    diag_.error(item.class_pos, "elementclass '" + item.class_name + "' is only another name for itself", {},
                notes(at));
    found.good = false;
    return found;
  }

  // From found.scope outwards.
  void look_up(Found& found) {
    found.compound = nullptr;
    for (Scope* s = found.scope; s; s = s->outer)
      for (const auto& c : s->body.classes)
        if (c->name == found.name) {
          used_.insert(c.get());
          found.compound = c.get();
          found.scope = s;
          return;
        }
  }

  void warn_classes(const Body& body) {
    for (const auto& c : body.classes) {
      if (!used_.contains(c.get()))
        diag_.warning(c->pos, "elementclass '" + c->name + "' is never used");
      else
        for (const auto& form : c->forms) warn_classes(*form);
    }
  }

  Config& config_;
  Diagnostics& diag_;
  Substitution substitution_;
  Instances instances_;
  std::set<const CompoundClass*> used_;
  std::size_t total_links_ = 0;
  bool full_ = false;  // a limit was met: no more is made
};

}  // namespace

std::vector<Note> notes_within(const Config& config, std::size_t within) {
  std::vector<Note> notes;
  for (; within != kNotWithin; within = config.compounds[within].within) {
    const Compound& c = config.compounds[within];
    notes.push_back({c.pos, "in compound '" + c.name + "'" +
                                (c.class_name.empty() ? "" : " of class '" + c.class_name + "'") + ", declared"});
  }
  return notes;
}

void expand(const Body& file, Config& config, Diagnostics& diag) { Expander(config, diag).run(file); }

}  // namespace fulcrum
