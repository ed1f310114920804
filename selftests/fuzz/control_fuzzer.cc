// SPDX-License-Identifier: MIT
// control_fuzzer.cc - any bytes as a request to the control socket: one line of JSON comes back.
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "control/dispatch.h"

namespace fulcrum {
namespace {

// Says what it was asked; refuses and throws by name, as the helper may.
class Echo final : public ControlApi {
 public:
  Reply port_list() override { return boost::json::value("ports"); }
  Reply pipeline_show(bool dot) override { return boost::json::value(dot); }
  Reply pipeline_load(const std::string& file) override { return said(file); }
  Reply element_call(std::string_view element, std::string_view handler, std::string_view args) override {
    return said(std::string(element) + std::string(handler) + std::string(args));
  }
  Reply element_handlers(std::string_view element) override { return said(element); }
  Reply plugin_list() override { return boost::json::value("plugins"); }
  Reply plugin_info(std::string_view name) override { return said(name); }
  Reply plugin_load(std::string_view name) override { return said(name); }
  Reply plugin_unload(std::string_view name) override { return said(name); }
  Reply ratio_show(std::string_view port) override { return said(port); }
  Reply ratio_set(std::string_view port, const std::vector<TierShare>& shares) override {
    std::uint64_t sum_permille = 0;
    for (const TierShare& s : shares) {
      if (s.permille > kPermille) std::abort();  // dispatch() checks it
      sum_permille += s.permille;
    }
    if (sum_permille != kPermille) return Error{"ratio: sum is not 1000"};
    return said(port);
  }
  Reply ratio_auto(std::string_view port, std::string_view policy) override {
    if (policy.empty()) std::abort();  // dispatch() gives the default
    return said(port);
  }
  Reply stats() override { return boost::json::value(1); }
  Reply device_list() override { return boost::json::value(nullptr); }
  Reply device_set(std::string_view device, bool) override { return said(device); }
  Reply shutdown() override { throw std::runtime_error("shutdown"); }

 private:
  static Reply said(std::string_view text) {
    if (text == "none") return Error{"port: none: is not there"};
    return boost::json::value(boost::json::string_view(text.data(), text.size()));
  }
};

void check(std::string_view line) {
  Echo api;
  const std::string answer = dispatch(api, line);
  boost::system::error_code failed;
  const boost::json::value v = boost::json::parse(answer, failed);
  const bool one_line = !answer.empty() && answer.find('\n') == answer.size() - 1;
  const bool shaped = !failed && v.is_object() && v.as_object().contains("ok") && v.at("ok").is_bool() &&
                      v.as_object().contains(v.at("ok").as_bool() ? "data" : "error");
  if (one_line && shaped) return;
  std::fprintf(stderr, "answer is not one line of JSON: %s\n", answer.c_str());
  std::abort();
}

}  // namespace
}  // namespace fulcrum

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fulcrum::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
