// SPDX-License-Identifier: MIT
// attach_test.cc - plain iproute2 attaches the front-end, and the machine stays reachable.
//
//   a1 (namespace of a child) ── a0 (here, front-end attached)
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front.h"

namespace fulcrum::test {
namespace {

// A network namespace that lasts as long as the object.
class Neighbour {
 public:
  Neighbour() {
    int ready[2];
    if (pipe(ready)) return;
    pid_ = fork();
    if (pid_ == 0) {
      (void)!unshare(CLONE_NEWNET);
      (void)!write(ready[1], "", 1);
      for (;;) pause();
    }
    char byte;
    (void)!read(ready[0], &byte, 1);
    close(ready[0]), close(ready[1]);
  }
  ~Neighbour() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::string pid() const { return std::to_string(pid_); }
  int shell(const std::string& command) const {
    return test::shell("nsenter -t " + pid() + " -n sh -c '" + command + "'");
  }

 private:
  pid_t pid_ = -1;
};

bool pings(const Neighbour& n) {
  return n.shell("ping -q -c 3 -i 0.01 -W 2 10.5.0.1 >/dev/null && ping -q -c 3 -i 0.01 -W 2 fd05::1 >/dev/null") == 0;
}

}  // namespace

void test_attach(Tap& tap, Front& front, const std::string& bpf_dir) {
  Neighbour n;
  shell("ip link add a0 type veth peer name a1 netns " + n.pid() +
        " && ip addr add 10.5.0.1/24 dev a0 && ip addr add fd05::1/64 dev a0 nodad && ip link set a0 up");
  n.shell("ip addr add 10.5.0.2/24 dev a1 && ip addr add fd05::2/64 dev a1 nodad && ip link set a1 up");
  tap.check(shell("ip link set dev a0 xdp obj " + bpf_dir + "/steer.bpf.o sec xdp") == 0,
            "iproute2 attaches steer.bpf.o");
  tap.check(shell("ip -d link show dev a0 | grep -q fulcrum_steer") == 0, "... natively, under its name");
  const auto before = front.global();
  tap.check(pings(n), "ping to the machine, before a helper claims the port");
  tap.check(front.global().pass_unknown_port > before.pass_unknown_port,
            "... through the front-end, on the maps that were pinned");
  const unsigned a0 = if_nametoindex("a0");
  front.reset();
  front.port.on_loss = FULCRUM_LOSS_DROP;
  front.add_local("10.5.0.1");
  front.add_local("fd05::1");
  front.add_queue(a0, Front::kSlot + 2);
  front.write_port(a0);
  tap.check(pings(n), "ping to the machine, on a port that drops what the helper cannot take");
  const fulcrum_queue q = front.queue(a0);
  tap.check(q.pass_local >= 6 && q.rx_packets == outcomes(q), "... counted as local");
  tap.check(shell("bpftool map dump pinned " FULCRUM_PIN_DIR "/fu1_port | grep -q FULCRUM_TIER_CPU") == 0,
            "bpftool prints the split by names");
  tap.check(shell("bpftool map dump pinned " FULCRUM_PIN_DIR "/fu1_queue | grep -q pass_local") == 0,
            "bpftool prints the counters by names");
  tap.check(shell("ip link set dev a0 xdp off") == 0 && pings(n), "detached: ping goes on");
}

}  // namespace fulcrum::test
