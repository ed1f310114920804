// SPDX-License-Identifier: MIT
// attach.cc - port attach, port detach: ip(8) does the work, its errors get a remedy.
#include <net/if.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>

#include "base/data_dir.h"
#include "machine.h"
#include "process.h"
#include "report.h"

namespace fulcrum::cli {
namespace {

namespace json = boost::json;

// if_link.h: XDP_ATTACHED_*
enum : int { kDetached = 0, kNative = 1, kGeneric = 2, kOffloaded = 3 };

const char* mode_name(int mode) {
  static constexpr const char* kNames[] = {"none", "native", "generic", "offloaded", "several"};
  return kNames[mode < 0 || mode > 4 ? 4 : mode];
}

Error port_error(const Options& o, const std::string& text) { return Error{"port: " + o.port + ": " + text}; }

// Mode of the program attached to the port now.
int attached_mode(const std::string& port) {
  auto done = run_program({"ip", "-j", "link", "show", "dev", port});
  if (!done || done->exit_code) return kDetached;
  boost::system::error_code failed;
  json::value links = json::parse(done->output, failed);
  if (failed || !links.is_array() || links.get_array().empty()) return kDetached;
  const json::object& xdp = object_at(links.get_array()[0], "xdp");
  return xdp.empty() ? kDetached : static_cast<int>(number_at(json::value(xdp), "mode"));
}

Result<void> check_port(const Options& o) {
  if (o.port.empty() || o.port.size() >= IF_NAMESIZE || !if_nametoindex(o.port.c_str()))
    return port_error(o, "no such interface: see `ip link`");
  return {};
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// What ip(8) or the kernel behind it means, and what to do.
Error explain(const Options& o, const std::string& words) {
  std::string said = words.empty() ? "ip said nothing" : words.substr(0, words.find('\n'));
  if (said.starts_with("Error: ")) said.erase(0, 7);
  if (said.ends_with('.')) said.pop_back();
  if (has(words, "Operation not permitted") || has(words, "EPERM") || geteuid() != 0)
    return port_error(o, "no permission: " + said + ", run as root (needs CAP_NET_ADMIN and CAP_BPF)");
  if (has(words, "does not support XDP") || has(words, "doesn't support XDP") || has(words, "Operation not supported"))
    return port_error(o, "its driver has no native XDP: " + said + ", use --mode generic");
  if (has(words, "already attached") || has(words, "File exists") || has(words, "busy"))
    return port_error(o, "another XDP program is attached: `fulcrum port detach " + o.port + "` first");
  if (has(words, "reuse pinned map") || has(words, "parameter mismatch") || has(words, "incompatible"))
    return port_error(o, "pinned maps have another layout: " + said + ", run `fulcrum unpin`");
  if (has(words, "MTU") || has(words, "Numerical result"))
    return port_error(
        o, "its driver refuses this MTU: " + said + ", lower it by `ip link set dev " + o.port + " mtu 1500`");
  return port_error(o, "ip could not do it: " + said);
}

}  // namespace

void attach_options(CLI::App& app, Options& o) {
  app.add_option("DEV", o.port, "network interface")->required();
  app.add_option("--mode", o.mode, "native: in the driver; generic: any driver, slower; auto: what the kernel chooses")
      ->check(CLI::IsMember({"native", "generic", "auto"}))
      ->capture_default_str();
  app.add_option("--bpf-dir", o.bpf_dir, "folder of steer.bpf.o (default: where make or make install put it)");
}

int attach(const Options& o) {
  if (auto ok = check_port(o); !ok) return refuse(ok.error());
  std::string object = (o.bpf_dir.empty() ? default_data_dir("bpf") : o.bpf_dir) + "/steer.bpf.o";
  if (std::error_code failed; !std::filesystem::exists(object, failed))
    return refuse(port_error(o, object + " is missing: run make, or give --bpf-dir"));
  if (int mode = attached_mode(o.port); mode != kDetached)
    return refuse(port_error(o, std::string("a program is attached already (") + mode_name(mode) +
                                    "): `fulcrum port detach " + o.port + "` first"));
  const char* how = o.mode == "native" ? "xdpdrv" : o.mode == "generic" ? "xdpgeneric" : "xdp";
  auto done = run_program({"ip", "link", "set", "dev", o.port, how, "obj", object, "sec", "xdp"});
  if (!done) return refuse(done.error());
  int mode = attached_mode(o.port);
  if (done->exit_code || mode == kDetached) return refuse(explain(o, done->errors));
  std::fprintf(stderr, "port: %s: attached, %s mode%s\n", o.port.c_str(), mode_name(mode),
               mode == kGeneric && o.mode == "auto" ? " (the driver has no native XDP)" : "");
  return 0;
}

void detach_options(CLI::App& app, Options& o) { app.add_option("DEV", o.port, "network interface")->required(); }

int detach(const Options& o) {
  if (auto ok = check_port(o); !ok) return refuse(ok.error());
  int mode = attached_mode(o.port);
  if (mode == kDetached) return refuse(port_error(o, "no XDP program is attached: nothing to do"));
  const char* how = mode == kNative      ? "xdpdrv"
                    : mode == kGeneric   ? "xdpgeneric"
                    : mode == kOffloaded ? "xdpoffload"
                                         : "xdp";
  auto done = run_program({"ip", "link", "set", "dev", o.port, how, "off"});
  if (!done) return refuse(done.error());
  if (done->exit_code || attached_mode(o.port) != kDetached) return refuse(explain(o, done->errors));
  std::fprintf(stderr, "port: %s: detached\n", o.port.c_str());
  return 0;
}

}  // namespace fulcrum::cli
