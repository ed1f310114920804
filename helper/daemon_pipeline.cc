// SPDX-License-Identifier: MIT
// daemon_pipeline.cc - another pipeline for the running helper, at a request or a signal.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <filesystem>

#include "base/clock.h"
#include "base/log.h"
#include "daemon.h"

namespace fulcrum {
namespace {

double ms(std::uint64_t ns) { return static_cast<double>(ns) / 1e6; }

}  // namespace

ControlApi::Reply Daemon::pipeline_load(const std::string& file) {
  if (!std::filesystem::path(file).is_absolute())
    return Error{fmt::format("pipeline: {}: not an absolute path, and the helper may run elsewhere", file)};
  auto next = rt_.prepare(file, registry_);
  if (!next) {
    std::string text = next.error().text;
    while (text.ends_with('\n')) text.pop_back();
    return Error{text};
  }
  rt_.close_inline(*next);
  balancer_.refresh(now_ns());
  boost::json::array notes(next->notes.begin(), next->notes.end());
  const std::uint64_t build_ns = next->build_ns;
  const SwapReport report = rt_.swap(std::move(*next));
  pipeline_file_ = file;
  follow_ports();
  return boost::json::value(boost::json::object{{"swapped", true},
                                                {"file", file},
                                                {"build_ms", ms(build_ns)},
                                                {"gap_us", static_cast<double>(report.gap_ns) / 1e3},
                                                {"drain_ms", ms(report.drain_ns)},
                                                {"notes", std::move(notes)}});
}

// Ports that the pipeline has a FromPort for are the balancer's, at once where they were before.
void Daemon::follow_ports() {
  for (auto& p : ports_) {
    const bool known = static_cast<bool>(balancer_.view(p->name()));
    const bool in_use = rt_.ports()[p->port()].in_use;
    if (known && !in_use) balancer_.remove_port(p->name());
    if (known || !in_use) continue;
    balancer_.add_port(p.get());
    if (auto ok = first_split(p->name()); !ok) log_warn(ok.error().text);
  }
  balancer_.refresh(now_ns());
}

void Daemon::reload() {
  std::error_code failed;
  const std::string file = std::filesystem::absolute(pipeline_file_, failed).string();
  auto reply = pipeline_load(file);
  if (reply)
    log_info("pipeline loaded again: " + boost::json::serialize(*reply));
  else
    log_error("pipeline not loaded, the one before goes on:\n" + reply.error().text);
}

}  // namespace fulcrum
