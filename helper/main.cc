// SPDX-License-Identifier: MIT
// main.cc - fulcrumd: configuration -> runtime -> event loop -> clean stop.
#include <fmt/format.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>

#include "base/log.h"
#include "control/config.h"
#include "control/loop.h"
#include "control/server.h"
#include "daemon.h"
#include "pipeline/registry.h"
#include "runtime.h"
#include "stats_json.h"

namespace {

using namespace fulcrum;

constexpr unsigned kDrainMs = 1000;

int fail(const std::string& text) {
  std::fputs(text.ends_with('\n') ? text.c_str() : (text + "\n").c_str(), stderr);
  return 1;
}

// What people look for first: which mode, which way back, which tiers.
void say_ready(Runtime& rt) {
  for (const std::string& n : rt.notes()) log_warn(n);
  for (std::size_t i = 0; i < rt.ports().size(); ++i) {
    const PortState& p = rt.ports()[i];
    if (!p.usable) continue;
    const auto& out = *rt.workers()[0]->out().ports()[i];
    std::string modes = p.modes.empty() ? "none" : name_of(p.modes[0]);
    log_info(fmt::format("port {}: {} XDP, AF_XDP {} mode, {} queue(s), back by {}; inline tier: {}", p.link.name,
                         name_of(p.link.xdp), modes, p.link.queues, rt.workers()[0]->out().describe(out),
                         !p.named               ? "routed to"
                         : !p.receives          ? "transmit only"
                         : p.inline_why.empty() ? "yes"
                                                : p.inline_why));
  }
  for (auto& d : rt.devices())
    if (d.device)
      log_info(fmt::format("device {}: {}, launch {:.1f} us", d.config.name, d.device->info().model,
                           d.device->info().launch_us));
  std::string where;
  for (auto& w : rt.workers()) where += fmt::format(" {}@cpu{}", w->config().index, w->config().cpu);
  log_info(fmt::format("umem: {} frames of {} bytes in a {}; workers:{}", rt.frames_total(), rt.umem().frame_bytes(),
                       rt.umem().is_map()       ? "BPF map"
                       : rt.umem().huge_pages() ? "memfd, huge pages"
                                                : "memfd",
                       where));
  log_info("ready");
}

void say_goodbye(Runtime& rt, bool drained) {
  const std::uint64_t tx = sent_packets(rt);
  std::uint64_t drop = 0, kernel = 0;
  for (auto& w : rt.workers()) {
    for (auto& c : w->stats().drop) drop += c.value();
    for (auto& c : w->stats().kernel) kernel += c.value();
  }
  log_info(fmt::format("stopped: {} transmitted, {} dropped by verdict, {} to the kernel; {}", tx, drop, kernel,
                       drained ? "all rings drained" : "packets were still arriving"));
  log_info(fmt::format("frames: {} of {} home", rt.frames_home(), rt.frames_total()));
}

int serve(const HelperConfig& config) {
  Diagnostics diag;
  Config pipeline = load_config(config.pipeline_file, diag);
  Registry registry(config.plugin_dirs);
  registry.require_all(pipeline, diag);
  if (!diag.ok()) return fail(diag.text());

  auto loop = Loop::open();
  if (!loop) return fail(loop.error().text);
  Daemon* reloads = nullptr;  // once it serves
  (*loop)->on_signal([&](int signal) {
    if (signal != SIGHUP) (*loop)->stop();
    if (signal == SIGHUP && reloads) reloads->reload();
  });
  auto rt = Runtime::open(config, pipeline, registry);
  if (!rt) return fail(rt.error().text);
  Daemon daemon(**rt, **loop, registry, config.pipeline_file);
  auto server = ControlServer::open(**loop, daemon, config.socket_path);
  if (!server) return fail(server.error().text);
  if (auto ok = (*rt)->start(); !ok) return fail(ok.error().text);
  if (auto ok = daemon.begin(); !ok) return fail(ok.error().text);
  say_ready(**rt);
  reloads = &daemon;
  (*loop)->run();
  const bool drained = (*rt)->stop(kDrainMs);
  say_goodbye(**rt, drained);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  fulcrum::CommandLine cl = fulcrum::parse_command_line(argc, argv);
  if (!cl.run) {
    std::fputs(cl.output.c_str(), cl.exit_code ? stderr : stdout);
    return cl.exit_code;
  }
  fulcrum::set_log_level(cl.config.log_level);
  // UMEM pages and BPF maps of older kernels count against it.
  rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &unlimited);
  return serve(cl.config);
}
