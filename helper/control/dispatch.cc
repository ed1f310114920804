// SPDX-License-Identifier: MIT
// dispatch.cc - the table of requests; a request is one row.
#include "control/dispatch.h"

#include <algorithm>
#include <boost/json.hpp>
#include <exception>
#include <initializer_list>
#include <span>

namespace fulcrum {
namespace {

namespace json = boost::json;
using Reply = ControlApi::Reply;

// Fields of a request, checked by kind; the first error is kept.
class Fields {
 public:
  explicit Fields(const json::object& request) : request_(request) {}

  std::string text(std::string_view name, bool required = false) {
    const json::value* v = find(name, required);
    if (!v) return {};
    if (v->is_string()) return std::string(v->get_string());
    fail(name, "is not a string");
    return {};
  }
  bool flag(std::string_view name) {
    const json::value* v = find(name, false);
    if (!v) return false;
    if (v->is_bool()) return v->get_bool();
    fail(name, "is not true or false");
    return false;
  }
  std::vector<TierShare> shares(std::string_view name) {
    std::vector<TierShare> out;
    const json::value* v = find(name, true);
    if (!v) return out;
    if (!v->is_object())
      fail(name, "is not an object of tier: permille");
    else
      for (const auto& [tier, share] : v->get_object()) {
        if (share.is_int64() && share.get_int64() >= 0 && share.get_int64() <= kPermille)
          out.push_back({std::string(tier), static_cast<std::uint32_t>(share.get_int64())});
        else
          fail(tier, "is not a number from 0 to 1000");
      }
    return out;
  }
  const std::string& error() const { return error_; }

 private:
  const json::value* find(std::string_view name, bool required) {
    const json::value* v = request_.if_contains(name);
    if (!v && required) fail(name, "is missing");
    return v;
  }
  void fail(std::string_view name, const char* what) {
    if (error_.empty()) error_ = "field '" + std::string(name) + "' " + what;
  }
  const json::object& request_;
  std::string error_;
};

using Call = Reply (*)(ControlApi&, Fields&);

// Calls only where all fields were good; answer() words the error.
template <class F>
Reply checked(const Fields& fields, F call) {
  return fields.error().empty() ? call() : Reply(Error{});
}

Reply call_ratio_set(ControlApi& api, Fields& f) {
  std::string port = f.text("port");
  std::vector<TierShare> shares = f.shares("shares");
  return checked(f, [&] { return api.ratio_set(port, shares); });
}
Reply call_ratio_auto(ControlApi& api, Fields& f) {
  std::string port = f.text("port"), policy = f.text("policy");
  return checked(f, [&] { return api.ratio_auto(port, policy.empty() ? "hillclimb" : policy); });
}
Reply call_ratio_show(ControlApi& api, Fields& f) {
  std::string port = f.text("port");
  return checked(f, [&] { return api.ratio_show(port); });
}
Reply call_pipeline_show(ControlApi& api, Fields& f) {
  bool dot = f.flag("dot");
  return checked(f, [&] { return api.pipeline_show(dot); });
}
Reply call_pipeline_load(ControlApi& api, Fields& f) {
  std::string file = f.text("file", true);
  return checked(f, [&] { return api.pipeline_load(file); });
}
Reply call_element_call(ControlApi& api, Fields& f) {
  std::string element = f.text("element", true), handler = f.text("handler", true), args = f.text("args");
  return checked(f, [&] { return api.element_call(element, handler, args); });
}
Reply call_element_handlers(ControlApi& api, Fields& f) {
  std::string element = f.text("element", true);
  return checked(f, [&] { return api.element_handlers(element); });
}
template <bool kEnabled>
Reply call_device_set(ControlApi& api, Fields& f) {
  std::string device = f.text("device", true);
  return checked(f, [&] { return api.device_set(device, kEnabled); });
}
Reply call_port_list(ControlApi& api, Fields&) { return api.port_list(); }
Reply call_stats(ControlApi& api, Fields&) { return api.stats(); }
Reply call_device_list(ControlApi& api, Fields&) { return api.device_list(); }
template <Reply (ControlApi::*kCall)(std::string_view)>
Reply call_plugin(ControlApi& api, Fields& f) {
  std::string plugin = f.text("plugin", true);
  return checked(f, [&] { return (api.*kCall)(plugin); });
}
Reply call_plugin_list(ControlApi& api, Fields&) { return api.plugin_list(); }
Reply call_shutdown(ControlApi& api, Fields&) { return api.shutdown(); }

struct Row {
  std::string_view object, verb, fields;  // fields: a list of names, each between blanks
  Call call;
};
constexpr Row kRows[] = {
    {"port", "list", " ", call_port_list},
    {"pipeline", "show", " dot ", call_pipeline_show},
    {"pipeline", "load", " file ", call_pipeline_load},
    {"element", "call", " element handler args ", call_element_call},
    {"element", "handlers", " element ", call_element_handlers},
    {"ratio", "show", " port ", call_ratio_show},
    {"ratio", "set", " port shares ", call_ratio_set},
    {"ratio", "auto", " port policy ", call_ratio_auto},
    {"stats", "show", " ", call_stats},
    {"device", "list", " ", call_device_list},
    {"device", "enable", " device ", call_device_set<true>},
    {"device", "disable", " device ", call_device_set<false>},
    {"plugin", "list", " ", call_plugin_list},
    {"plugin", "info", " plugin ", call_plugin<&ControlApi::plugin_info>},
    {"plugin", "load", " plugin ", call_plugin<&ControlApi::plugin_load>},
    {"plugin", "unload", " plugin ", call_plugin<&ControlApi::plugin_unload>},
    {"helper", "shutdown", " ", call_shutdown},
};

std::string control_error(const std::string& text) { return "control: " + text; }

std::string known_requests() {
  std::string out;
  for (const Row& row : kRows) out += (out.empty() ? "" : ", ") + std::string(row.object) + " " + std::string(row.verb);
  return out;
}

Reply unknown_field(const Row& row, std::string_view name) {
  return Error{control_error(
      "request '" + std::string(row.object) + " " + std::string(row.verb) + "': unknown field '" + std::string(name) +
      "': valid are object, verb and:" + (row.fields == " " ? " no other" : std::string(row.fields)))};
}

Reply answer(ControlApi& api, const json::object& request) {
  Fields fields(request);
  std::string object = fields.text("object", true), verb = fields.text("verb", true);
  if (!fields.error().empty())
    return Error{control_error("request refused: " + fields.error() + ", send {\"object\":…,\"verb\":…}")};
  auto row = std::find_if(std::begin(kRows), std::end(kRows),
                          [&](const Row& r) { return r.object == object && r.verb == verb; });
  if (row == std::end(kRows))
    return Error{control_error("unknown request '" + object + " " + verb + "': valid are " + known_requests())};
  for (const auto& member : request) {
    std::string_view name = member.key();
    bool known = name.find(' ') == name.npos && row->fields.find(" " + std::string(name) + " ") != std::string::npos;
    if (name != "object" && name != "verb" && !known) return unknown_field(*row, name);
  }
  Reply reply = row->call(api, fields);
  if (!fields.error().empty())
    return Error{control_error("request '" + object + " " + verb + "' refused: " + fields.error() + "")};
  return reply;
}

}  // namespace

std::string refusal(std::string_view text) {
  return json::serialize(json::object{{"ok", false}, {"error", text}}) + "\n";
}

std::string dispatch(ControlApi& api, std::string_view line) {
  try {
    boost::system::error_code failed;
    json::value request = json::parse(json::string_view(line.data(), line.size()), failed);
    if (failed) return refusal(control_error("request is not JSON: " + failed.message() + ", send one object a line"));
    if (!request.is_object()) return refusal(control_error("request is not an object: send {\"object\":…,\"verb\":…}"));
    Reply reply = answer(api, request.get_object());
    if (!reply) return refusal(reply.error().text);
    return json::serialize(json::object{{"ok", true}, {"data", std::move(*reply)}}) + "\n";
  } catch (const std::exception& e) {
    return refusal(control_error(std::string("request failed: ") + e.what()));
  }
}

}  // namespace fulcrum
