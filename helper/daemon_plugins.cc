// SPDX-License-Identifier: MIT
// daemon_plugins.cc - plugins of the running helper: asked for, loaded, unloaded.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/log.h"
#include "daemon.h"
#include "pipeline/plugin_json.h"

namespace fulcrum {

bool Daemon::uses(const LoadedPlugin& plugin) const {
  auto& workers = rt_.workers();
  return std::any_of(workers.begin(), workers.end(), [&](auto& w) { return w->graph().uses(plugin); });
}

ControlApi::Reply Daemon::plugin_list() {
  boost::json::object list = plugin_list_json(registry_, false);
  for (boost::json::value& row : list["plugins"].as_array())
    if (const PluginRef p = registry_.plugin(std::string_view(row.at("plugin").as_string())))
      row.as_object()["used"] = uses(*p);
  return boost::json::value(std::move(list));
}

ControlApi::Reply Daemon::plugin_info(std::string_view name) {
  auto info = plugin_info_json(registry_, name);
  if (!info) return info.error();
  if (const PluginRef p = registry_.plugin(name)) (*info)["used"] = uses(*p);
  return boost::json::value(std::move(*info));
}

ControlApi::Reply Daemon::plugin_load(std::string_view name) {
  if (registry_.plugin(name)) return Error{fmt::format("plugin {}: is loaded already: unload it first", name)};
  if (auto ok = registry_.require(name); !ok) return ok.error();
  log_info(fmt::format("plugin {}: loaded from {}", name, registry_.plugin(name)->path()));
  return plugin_info(name);
}

ControlApi::Reply Daemon::plugin_unload(std::string_view name) {
  CodeRange code;
  if (const PluginRef plugin = registry_.plugin(name)) {
    if (uses(*plugin))
      return Error{fmt::format("plugin {}: used by pipeline {}: load another pipeline first", name, pipeline_file_)};
    code = plugin->code();
  }
  if (auto ok = rt_.supervisor().forget(code); !ok) return Error{fmt::format("plugin {}: {}", name, ok.error().text)};
  if (auto ok = registry_.unload(name); !ok) return ok.error();
  log_info(fmt::format("plugin {}: unloaded", name));
  return boost::json::value(boost::json::object{{"unloaded", name}});
}

}  // namespace fulcrum
