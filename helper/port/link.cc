// SPDX-License-Identifier: MIT
#include "port/link.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace fulcrum {
namespace {

// One ioctl socket in the namespace of the calling thread.
class Ioctl {
 public:
  explicit Ioctl(const std::string& name) : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    std::memset(&req_, 0, sizeof(req_));
    name.copy(req_.ifr_name, IFNAMSIZ - 1);
  }
  ~Ioctl() { close(fd_); }
  bool call(unsigned long what) { return ioctl(fd_, what, &req_) == 0; }
  bool ethtool(void* data) {
    req_.ifr_data = static_cast<char*>(data);
    return call(SIOCETHTOOL);
  }
  ifreq& req() { return req_; }

 private:
  int fd_;
  ifreq req_;
};

std::string existing_links() {
  std::string out;
  if (struct if_nameindex* all = if_nameindex()) {
    for (auto* i = all; i->if_index; ++i) out += (out.empty() ? "" : ", ") + std::string(i->if_name);
    if_freenameindex(all);
  }
  return out;
}

// Channels as `ethtool -l` shows them; drivers without them have what the kernel made.
unsigned count_queues(const std::string& name) {
  ethtool_channels ch{};
  ch.cmd = ETHTOOL_GCHANNELS;
  if (Ioctl io(name); io.ethtool(&ch)) {
    unsigned n = ch.rx_count + ch.combined_count;
    if (n) return n;
  }
  return 1;
}

std::string driver_of(const std::string& name) {
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  Ioctl io(name);
  return io.ethtool(&info) ? info.driver : "";
}

int numa_of(const std::string& name, const std::array<std::uint8_t, 6>& mac) {
  // sysfs shows the namespace it was mounted in: believe it only for the same MAC.
  std::string dir = "/sys/class/net/" + name;
  std::string text;
  if (std::ifstream f(dir + "/address"); !(f >> text)) return -1;
  if (text != fmt::format("{:02x}", fmt::join(mac, ":"))) return -1;
  int node = -1;
  std::ifstream(dir + "/device/numa_node") >> node;
  return node;
}

XdpAttach attach_of(std::uint8_t mode) {
  switch (mode) {
    case XDP_ATTACHED_DRV:
      return XdpAttach::kNative;
    case XDP_ATTACHED_SKB:
      return XdpAttach::kGeneric;
    case XDP_ATTACHED_HW:
      return XdpAttach::kOffload;
    case XDP_ATTACHED_MULTI:
      return XdpAttach::kNative;
    default:
      return XdpAttach::kNone;
  }
}

}  // namespace

Result<Link> find_link(const std::string& name) {
  Link l;
  l.name = name;
  l.ifindex = name.size() < IFNAMSIZ ? if_nametoindex(name.c_str()) : 0;
  if (!l.ifindex) return Error{fmt::format("port {}: no such interface: name one of {}", name, existing_links())};
  if (Ioctl io(name); io.call(SIOCGIFHWADDR)) std::memcpy(l.mac.data(), io.req().ifr_hwaddr.sa_data, 6);
  if (Ioctl io(name); io.call(SIOCGIFMTU)) l.mtu_bytes = static_cast<std::uint32_t>(io.req().ifr_mtu);
  l.queues = count_queues(name);
  l.driver = driver_of(name);
  l.numa_node = numa_of(name, l.mac);
  LIBBPF_OPTS(bpf_xdp_query_opts, q);
  if (bpf_xdp_query(static_cast<int>(l.ifindex), 0, &q) == 0) {
    l.xdp = attach_of(q.attach_mode);
    l.xdp_prog_id = q.prog_id ? q.prog_id : q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id;
  }
  return l;
}

std::vector<std::string> ethernet_links() {
  std::vector<std::string> names;
  struct if_nameindex* all = if_nameindex();
  for (auto* i = all; i && i->if_index; ++i) {
    Ioctl kind(i->if_name), flags(i->if_name);
    if (!kind.call(SIOCGIFHWADDR) || kind.req().ifr_hwaddr.sa_family != ARPHRD_ETHER) continue;
    if (flags.call(SIOCGIFFLAGS) && (flags.req().ifr_flags & IFF_UP)) names.emplace_back(i->if_name);
  }
  if (all) if_freenameindex(all);
  return names;
}

std::uint64_t link_tx_packets(const std::string& name) {
  // /proc shows the thread's own namespace, whatever is mounted on /sys.
  std::ifstream f("/proc/thread-self/net/dev");
  for (std::string line; std::getline(f, line);) {
    auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    auto first = line.find_first_not_of(' ');
    if (line.substr(first, colon - first) != name) continue;
    std::istringstream in(line.substr(colon + 1));
    std::uint64_t v = 0;
    for (int column = 0; column < 10 && in >> v; ++column) {
    }
    return v;
  }
  return 0;
}

const char* name_of(XdpAttach mode) {
  switch (mode) {
    case XdpAttach::kNative:
      return "native";
    case XdpAttach::kGeneric:
      return "generic";
    case XdpAttach::kOffload:
      return "offload";
    case XdpAttach::kNone:
      break;
  }
  return "none";
}

}  // namespace fulcrum
