// SPDX-License-Identifier: MIT
// plugin_json.h - plugins -> what `fulcrum plugin list` and `info` say, with a helper or without.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "fulcrum/result.h"
#include "pipeline/registry.h"

namespace fulcrum {

// One plugin in full; shapes are in control/api.h.
boost::json::object plugin_json(const PluginInfo& info, std::string_view path);
// One plugin, loaded or not; a look at its file starts nothing.
// Errors: there is none of that name; its file is refused.
Result<boost::json::object> plugin_info_json(const Registry& registry, std::string_view name);
// {"plugins":[…]}: loaded ones, and files that could be. With `look` the files are mapped
// for a moment, so that more than their names is known.
boost::json::object plugin_list_json(const Registry& registry, bool look);

}  // namespace fulcrum
