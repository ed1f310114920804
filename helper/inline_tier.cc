// SPDX-License-Identifier: MIT
#include "inline_tier.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "fulcrum_inline.h"

namespace fulcrum {
namespace {

struct CloseObject {
  void operator()(bpf_object* o) const { bpf_object__close(o); }
};
using Object = std::unique_ptr<bpf_object, CloseObject>;

fulcrum_inline_plan to_uapi(const Graph::InlinePlan& p, const std::vector<std::uint32_t>& out) {
  auto verdict = [](Verdict v) { return static_cast<fulcrum_verdict>(v); };
  fulcrum_inline_plan u{};
  u.ip4 = p.ip4;
  u.ip6 = p.ip6;
  u.check4 = p.check4;
  u.check6 = p.check6;
  u.bad4 = verdict(p.bad4);
  u.bad6 = verdict(p.bad6);
  u.no_route4 = verdict(p.no_route4);
  u.no_route6 = verdict(p.no_route6);
  u.expired4 = verdict(p.expired4);
  u.expired6 = verdict(p.expired6);
  if (out.size() <= FULCRUM_INLINE_OUT)
    for (std::size_t i = 0; i < out.size(); ++i) u.out_ifindex[i] = out[i];
  return u;
}

Error refused(const std::string& path, const char* what, int err) {
  return Error{fmt::format("inline tier: {}: {}: {}: run as root; rebuild if the object is of another version", path,
                           what, std::strerror(err))};
}

// The program shares the maps of the front-end that is attached, wherever pinned.
Result<void> share_maps(bpf_object* obj, const FrontMaps& maps, const std::string& path) {
  bpf_map* m;
  bpf_object__for_each_map(m, obj) {
    int fd = maps.fd(bpf_map__name(m));
    if (fd < 0) continue;
    bpf_map__set_pin_path(m, nullptr);
    if (bpf_map__reuse_fd(m, fd)) return refused(path, bpf_map__name(m), errno);
  }
  return {};
}

bool sysctl_on(const std::string& path) {
  int v = 0;
  std::ifstream(path) >> v;
  return v != 0;
}

}  // namespace

Result<int> load_inline_route(const std::string& bpf_dir, const Graph::InlinePlan& plan,
                              const std::vector<std::uint32_t>& out, const FrontMaps& maps) {
  const std::string path = bpf_dir + "/" + plan.object;
  Object obj(bpf_object__open_file(path.c_str(), nullptr));
  if (!obj) return refused(path, "open", errno);
  bpf_map* rodata = nullptr;
  bpf_map* m;
  bpf_object__for_each_map(m, obj.get()) if (std::string(bpf_map__name(m)).ends_with(".rodata")) rodata = m;
  const fulcrum_inline_plan u = to_uapi(plan, out);
  if (!rodata || bpf_map__set_initial_value(rodata, &u, sizeof(u))) return refused(path, "plan", EINVAL);
  if (auto r = share_maps(obj.get(), maps, path); !r) return r.error();
  if (int err = bpf_object__load(obj.get())) return refused(path, "load", -err);
  bpf_program* prog = bpf_object__find_program_by_name(obj.get(), "fulcrum_inline_route");
  if (!prog) return refused(path, "no program fulcrum_inline_route", ENOENT);
  return fcntl(bpf_program__fd(prog), F_DUPFD_CLOEXEC, 3);
}

std::string kernel_forwarding_refusal(const std::string& ifname, const Graph::InlinePlan& plan) {
  // /proc/sys/net is that of the thread's namespace.
  if (plan.ip4 && !sysctl_on("/proc/sys/net/ipv4/conf/" + ifname + "/forwarding"))
    return fmt::format("the kernel does not forward IPv4 from {0}: sysctl net.ipv4.conf.{0}.forwarding=1", ifname);
  if (plan.ip6 && !sysctl_on("/proc/sys/net/ipv6/conf/" + ifname + "/forwarding"))
    return fmt::format("the kernel does not forward IPv6 from {0}: sysctl net.ipv6.conf.{0}.forwarding=1", ifname);
  return "";
}

}  // namespace fulcrum
