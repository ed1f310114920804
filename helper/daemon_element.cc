// SPDX-License-Identifier: MIT
// daemon_element.cc - what one element of the running pipeline can be asked and told.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>

#include "daemon.h"

namespace fulcrum {
namespace {

namespace json = boost::json;

// Every element has these, unless it has its own of the same name.
constexpr HandlerSpec kGeneric[] = {
    {"class", "", "name of its class", false},
    {"config", "", "its arguments as configured", false},
    {"counters", "", "packets in and its own counters, sums of all workers", false},
    {"reset", "", "its counters start again from 0", true},
};

const HandlerSpec* find(std::span<const HandlerSpec> handlers, std::string_view name) {
  auto at = std::find_if(handlers.begin(), handlers.end(), [&](const HandlerSpec& h) { return h.name == name; });
  return at == handlers.end() ? nullptr : &*at;
}

std::string did_you_mean(std::string_view word, std::vector<std::string> known) {
  const std::vector<std::string> near = nearest(word, known);
  if (!near.empty()) return fmt::format("did you mean {}?", fmt::join(near, ", "));
  std::sort(known.begin(), known.end());
  return fmt::format("valid: {}", fmt::join(known, ", "));
}

// Its own ones first.
std::vector<const HandlerSpec*> all_handlers(const Element& e) {
  std::vector<const HandlerSpec*> all;
  for (const HandlerSpec& h : e.handlers()) all.push_back(&h);
  for (const HandlerSpec& h : kGeneric)
    if (!find(e.handlers(), h.name)) all.push_back(&h);
  return all;
}

const Declaration* declaration(const RunningPipeline& pipeline, std::string_view name) {
  for (const Declaration& d : pipeline.config.declarations)
    if (d.name == name) return &d;
  return nullptr;
}

std::string quoted(const Arg& a) {
  if (!a.quoted) return a.text;
  std::string out = "\"";
  for (char c : a.text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string config_text(const Declaration& d) {
  std::vector<std::string> args;
  for (const Arg& a : d.args) {
    const std::string value = quoted(a);
    args.push_back(a.keyword + (a.keyword.empty() || value.empty() ? "" : " ") + value);
  }
  return fmt::format("{}", fmt::join(args, ", "));
}

// As between the parentheses of a declaration.
Result<std::vector<Arg>> parse_args(const std::string& what, std::string_view args) {
  Diagnostics diag;
  Config config = parse_config(what, "x :: X(" + std::string(args) + ");", diag);
  if (!diag.ok()) return Error{diag.text()};
  if (config.declarations.size() != 1 || !config.required.empty())
    return Error{fmt::format("{}: '{}' is not a list of arguments: quote text that has parentheses in it", what, args)};
  return std::move(config.declarations[0].args);
}

}  // namespace

// The element in all workers.
Result<std::vector<Element*>> Daemon::elements(std::string_view name) {
  std::vector<Element*> all;
  for (auto& w : rt_.workers())
    if (Element* e = w->graph().element(name)) all.push_back(e);
  if (all.empty())
    return Error{fmt::format("element {}: the running pipeline has no such element: {}", name,
                             did_you_mean(name, rt_.pipeline().graph().element_names()))};
  return all;
}

std::string Daemon::counters_text(std::string_view name) {
  std::uint64_t in = 0;
  std::vector<CounterValue> sum;
  for (auto& w : rt_.workers())
    for (NodeStat& n : w->graph().stats()) {
      if (n.name != name) continue;
      in += n.packets_in;
      if (sum.empty())
        sum = std::move(n.counters);
      else
        for (std::size_t c = 0; c < sum.size(); ++c) sum[c].value += n.counters[c].value;
    }
  std::string text = fmt::format("packets_in {}\n", in);
  for (const CounterValue& c : sum) text += fmt::format("{} {}\n", c.name, c.value);
  return text;
}

Result<std::string> Daemon::call_generic(std::string_view element, std::string_view handler) {
  const Declaration* d = declaration(rt_.pipeline(), element);
  if (handler == "counters") return counters_text(element);
  if (handler == "class") return (d ? d->class_name : "") + "\n";
  if (handler == "config") return (d ? config_text(*d) : "") + "\n";
  reset(element);
  return std::string();
}

void Daemon::reset(std::string_view element) {
  for (auto& w : rt_.workers()) w->graph().reset(element);
}

// Prepared for every worker before one of them changes.
Result<void> Daemon::write(std::string_view element, std::string_view handler, std::span<const Arg> args,
                           std::span<Element* const> all) {
  std::vector<std::vector<Element::Change>> changes(all.size());
  for (std::size_t w = 0; w < all.size(); ++w) {
    HelperSetup& setup = *rt_.pipeline().setups[w];
    setup.set_element(std::string(element));
    auto change = all[w]->write(handler, args, setup);
    if (!change) return change.error();
    if (*change) changes[w].push_back(std::move(*change));
  }
  rt_.change(std::move(changes));
  if (handler == "reset") reset(element);  // what it does not count itself, too
  return {};
}

ControlApi::Reply Daemon::element_call(std::string_view element, std::string_view handler, std::string_view args) {
  auto all = elements(element);
  if (!all) return all.error();
  Element& first = *all->front();
  const std::string what = fmt::format("element {}: {}", element, handler);
  const std::vector<const HandlerSpec*> known = all_handlers(first);
  auto at = std::find_if(known.begin(), known.end(), [&](const HandlerSpec* h) { return h->name == handler; });
  if (at == known.end()) {
    std::vector<std::string> names;
    for (const HandlerSpec* h : known) names.emplace_back(h->name);
    return Error{what + ": no such handler: " + did_you_mean(handler, names)};
  }
  auto parsed = parse_args(what, args);
  if (!parsed) return parsed.error();
  json::object reply{{"element", element}, {"handler", handler}};
  const bool generic = !find(first.handlers(), handler);
  if (generic && !parsed->empty()) return Error{what + ": takes no arguments"};
  if ((*at)->writes && !generic) {
    if (auto ok = write(element, handler, *parsed, *all); !ok) return Error{what + ": " + ok.error().text};
    return json::value(std::move(reply));
  }
  auto text = generic ? call_generic(element, handler) : first.read(handler, *parsed, *all);
  if (!text) return Error{what + ": " + text.error().text};
  if (!(*at)->writes) reply["text"] = *text;
  return json::value(std::move(reply));
}

ControlApi::Reply Daemon::element_handlers(std::string_view element) {
  auto all = elements(element);
  if (!all) return all.error();
  const Declaration* d = declaration(rt_.pipeline(), element);
  json::array handlers;
  for (const HandlerSpec* h : all_handlers(*all->front()))
    handlers.push_back(
        json::object{{"name", h->name}, {"args", h->args}, {"writes", h->writes}, {"summary", h->summary}});
  return json::value(
      json::object{{"element", element}, {"class", d ? d->class_name : ""}, {"handlers", std::move(handlers)}});
}

}  // namespace fulcrum
