// SPDX-License-Identifier: MIT
// doctor.cc - one function a check; each answers ok, warn or fail, and how to mend it.
#include <linux/if_xdp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/cpu.h"
#include "control/loop.h"
#include "machine.h"
#include "process.h"
#include "report.h"

namespace fulcrum::cli {
namespace {

namespace json = boost::json;

struct Finding {
  const char* state;  // "ok", "warn", "fail"
  std::string found;
  std::string mend;  // empty with ok
};

std::string first_word(const char* path) {
  std::ifstream in(path);
  std::string word;
  in >> word;
  return word;
}

// The value behind `name` in a "Name:  value" file such as /proc/meminfo.
std::string field(const char* path, const std::string& name) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(name + ":")) {
      std::istringstream rest(line.substr(name.size() + 1));
      std::string value;
      rest >> value;
      return value;
    }
  return "";
}

Finding rights() {
  constexpr std::uint64_t kNetAdmin = 1ull << 12, kBpf = 1ull << 39;
  std::uint64_t held = std::strtoull(field("/proc/self/status", "CapEff").c_str(), nullptr, 16);
  if ((held & kNetAdmin) && (held & kBpf)) return {"ok", geteuid() == 0 ? "root" : "CAP_NET_ADMIN, CAP_BPF", ""};
  return {"fail", "no CAP_NET_ADMIN and CAP_BPF", "run as root; build, unit tests and `fulcrum run` work without"};
}

Finding kernel() {
  utsname names;
  uname(&names);
  unsigned major = 0, minor = 0;
  std::sscanf(names.release, "%u.%u", &major, &minor);
  unsigned version = major * 100 + minor;
  if (version >= 518) return {"ok", names.release, ""};
  if (version >= 510)
    return {"warn", std::string(names.release) + ": no live frames",
            "Linux 5.18 or newer; until then packets leave by the TX ring"};
  return {"fail", names.release, "install Linux 5.18 or newer (Debian 12 has 6.1)"};
}

Finding bpffs() {
  constexpr long kBpfFs = 0xcafe4a11;
  struct statfs st;
  if (statfs("/sys/fs/bpf", &st) == 0 && st.f_type == kBpfFs) return {"ok", "/sys/fs/bpf", ""};
  return {"warn", "/sys/fs/bpf is not mounted", "mount -t bpf bpf /sys/fs/bpf; ip does so at the first attach"};
}

Finding xdp_sockets() {
  int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
  int error = errno;
  if (fd >= 0) close(fd);
  if (fd >= 0) return {"ok", "AF_XDP", ""};
  if (error == EPERM) return {"warn", "not tried: no permission", "run as root"};
  return {"fail", "AF_XDP: " + std::string(std::strerror(error)), "use a kernel with CONFIG_XDP_SOCKETS=y"};
}

Finding btf() {
  if (access("/sys/kernel/btf/vmlinux", R_OK) == 0) return {"ok", "/sys/kernel/btf/vmlinux", ""};
  return {"warn", "the kernel has no BTF", "use a kernel with CONFIG_DEBUG_INFO_BTF=y; bpftool shows fewer names"};
}

Finding jit() {
  std::string value = first_word("/proc/sys/net/core/bpf_jit_enable");
  if (value == "1") return {"ok", "on", ""};
  if (value.empty())
    return {"warn", "cannot tell: no net.core.bpf_jit_enable here", "look in the initial network namespace"};
  return {"warn", "bpf_jit_enable=" + value,
          "sysctl net.core.bpf_jit_enable=1; interpreted programs are several times slower"};
}

Finding memlock() {
  rlimit limit;
  getrlimit(RLIMIT_MEMLOCK, &limit);
  constexpr rlim_t kWanted = 256u << 20;
  if (limit.rlim_cur == RLIM_INFINITY) return {"ok", "unlimited", ""};
  std::string found = std::to_string(limit.rlim_cur >> 10) + " KiB";
  if (limit.rlim_cur >= kWanted || geteuid() == 0)
    return {"ok", found + (geteuid() == 0 ? ", root may exceed it" : ""), ""};
  return {"warn", found, "ulimit -l unlimited, or LimitMEMLOCK=infinity in the unit; UMEM is locked memory"};
}

Finding huge_pages() {
  std::string total = field("/proc/meminfo", "HugePages_Total"), free = field("/proc/meminfo", "HugePages_Free");
  if (!free.empty() && free != "0") return {"ok", free + " of " + total + " free", ""};
  return {"warn", "none free", "sysctl vm.nr_hugepages=64; used only where the UMEM is a memfd"};
}

Finding iproute2() {
  auto done = run_program({"ip", "-V"});
  if (!done) return {"fail", "no ip(8)", "install iproute2"};
  std::string words = done->output.substr(0, done->output.find('\n'));
  if (words.find("libbpf") != std::string::npos) return {"ok", words, ""};
  return {"fail", words + ": without libbpf", "install an iproute2 built with libbpf (Debian's is)"};
}

Finding io_uring() {
  auto loop = Loop::open();
  if (loop) return {"ok", "works", ""};
  return {"fail", loop.error().text, "sysctl kernel.io_uring_disabled=0"};
}

Finding isa() {
  Isa best = best_isa();
  if (best != Isa::kV2) return {"ok", isa_name(best), ""};
  return {"warn", isa_name(best), "a CPU with AVX2 runs the kernels of the cpu and manycore tiers faster"};
}

Finding cpus() {
  std::size_t count = allowed_cpus().size();
  std::string found = std::to_string(count) + " allowed";
  if (count >= 2) return {"ok", found, ""};
  return {"warn", found, "two or more: a worker and a device pool share one otherwise"};
}

struct Check {
  const char* name;
  Finding (*look)();
};
constexpr Check kChecks[] = {
    {"rights", rights},     {"kernel", kernel},     {"bpffs", bpffs},           {"XDP sockets", xdp_sockets},
    {"BTF", btf},           {"BPF JIT", jit},       {"locked memory", memlock}, {"huge pages", huge_pages},
    {"iproute2", iproute2}, {"io_uring", io_uring}, {"instructions", isa},      {"CPUs", cpus},
};

}  // namespace

void doctor_options(CLI::App& app, Options& o) { app.add_flag("--json", o.json, "JSON instead of text"); }

int doctor(const Options& o) {
  json::array rows;
  for (const Check& check : kChecks) {
    Finding f = check.look();
    json::object row{{"check", check.name}, {"state", f.state}, {"found", f.found}};
    if (!f.mend.empty()) row["mend"] = f.mend;
    rows.push_back(std::move(row));
  }
  bool failed =
      std::any_of(rows.begin(), rows.end(), [](const json::value& row) { return text_at(row, "state") == "fail"; });
  Report report(json::object{{"checks", rows}});
  report.table(rows, {{"state", "STATE"}, {"check", "CHECK"}, {"found", "FOUND"}, {"mend", "HOW TO MEND"}});
  report.print(o.json);
  return failed ? 1 : 0;
}

}  // namespace fulcrum::cli
