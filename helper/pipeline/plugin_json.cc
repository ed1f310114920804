// SPDX-License-Identifier: MIT
// plugin_json.cc - plugins -> what `fulcrum plugin list` and `info` say, with a helper or without.
#include "pipeline/plugin_json.h"

#include <boost/json.hpp>

namespace fulcrum {
namespace {

namespace json = boost::json;

// Which processors a kernel was built for.
json::array targets_of(const KernelDecl& k) {
  json::array targets;
  if (k.cpu.v2) targets.push_back("x86-64-v2");
  if (k.cpu.v3) targets.push_back("x86-64-v3");
  if (k.cpu.v4) targets.push_back("x86-64-v4");
  if (k.cpu.knl) targets.push_back("knl");
  if (k.opencl) targets.push_back("opencl");
  if (k.cuda && k.cuda().bytes) targets.push_back("cuda");
  return targets;
}

json::object heading(const PluginInfo& info, std::string_view path) {
  json::object o{{"plugin", info.name}, {"version", info.version ? info.version : ""}};
  if (!path.empty()) o["path"] = path;
  if (info.summary && *info.summary) o["summary"] = info.summary;
  return o;
}

json::object not_loaded(const Registry& registry, const std::string& name, bool look) {
  const std::string file = plugin_file(name, registry.folders());
  const auto refused = [&](const Error& error) {
    return json::object{{"plugin", name}, {"state", "refused"}, {"path", file}, {"error", error.text}};
  };
  if (!look) {
    if (auto ok = check_plugin_owner(file); !ok) return refused(ok.error());
    return {{"plugin", name}, {"state", "available"}, {"path", file}};
  }
  Result<PluginFile> opened = PluginFile::open(name, file);
  if (!opened) return refused(opened.error());
  json::object o = heading(opened->info(), file);
  o["state"] = "available";
  opened->close();
  return o;
}

}  // namespace

json::object plugin_json(const PluginInfo& info, std::string_view path) {
  json::object o = heading(info, path);
  o["abi"] = info.abi;
  json::array elements, kernels, tables;
  for (const ElementClass& c : info.elements)
    elements.push_back({{"class", c.name}, {"synopsis", c.synopsis}, {"summary", c.summary}});
  for (const KernelDecl* k : info.kernels) kernels.push_back({{"kernel", k->name}, {"targets", targets_of(*k)}});
  for (const char* t : info.tables) tables.push_back(t);
  o["elements"] = std::move(elements);
  o["kernels"] = std::move(kernels);
  o["tables"] = std::move(tables);
  if (info.inline_object) o["inline_object"] = info.inline_object;
  if (info.kernel_module) o["kernel_module"] = info.kernel_module;
  return o;
}

Result<json::object> plugin_info_json(const Registry& registry, std::string_view name) {
  if (const PluginRef loaded = registry.plugin(name)) {
    json::object o = plugin_json(loaded->info(), loaded->path());
    o["state"] = "loaded";
    return o;
  }
  Result<PluginFile> opened = registry.open(name);
  if (!opened) return opened.error();
  json::object o = plugin_json(opened->info(), opened->path());
  o["state"] = "available";
  opened->close();
  return o;
}

json::object plugin_list_json(const Registry& registry, bool look) {
  json::array all;
  for (const std::string& name : registry.available_plugins()) {
    const PluginRef loaded = registry.plugin(name);
    json::object o = loaded ? heading(loaded->info(), loaded->path()) : not_loaded(registry, name, look);
    if (loaded) o["state"] = "loaded";
    all.push_back(std::move(o));
  }
  return {{"plugins", std::move(all)}};
}

}  // namespace fulcrum
