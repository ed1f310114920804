# SPDX-License-Identifier: MIT
"""topology.py - the three namespaces, and processes that cannot outlive the bench.

  ns gen          ns dut                  ns sink
  g0 ----------> d0  (contender)  d1 ----------> s0

Everything lies in a private mount namespace (own bpffs, own /run/netns), and each
child gets SIGKILL when this process dies: the kernel cleans up even after kill -9.
"""
import ctypes
import os
import signal
import struct
import subprocess

GEN_CPU, DUT_CPU = 0, 1
MAC = {"g0": "02:00:00:00:00:01", "d0": "02:00:00:00:00:02", "d1": "02:00:00:00:00:03", "s0": "02:00:00:00:00:04"}
ROUTES = 1000
BPFFS, NETNS = "/sys/fs/bpf", "/run/netns"
SCRATCH = NETNS + "/.bench"            # on a private tmpfs, so it goes with the process
CLONE_NEWNS, PR_SET_PDEATHSIG, SYS_SCHED_SETATTR = 0x20000, 1, 314
LIBC = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """Something did not run; the text says what and why."""


def sh(*cmd, check=True, text_in=None):
    r = subprocess.run(cmd, input=text_in, stdin=None if text_in else subprocess.DEVNULL, capture_output=True, text=True,
                       timeout=30)
    if check and r.returncode:
        raise Failure(f"{' '.join(cmd)}: {(r.stderr or r.stdout).strip()}")
    return r.stdout


def set_nice(pid, nice):
    """Nice value, with a short slice: a waking task preempts at once."""
    slice_ns = 100_000 if nice < 0 else 0
    attr = struct.pack("IIQiIQQQ", 48, 0, 0, nice, 0, slice_ns, 0, 0)
    if LIBC.syscall(SYS_SCHED_SETATTR, pid, attr, 0):
        os.setpriority(os.PRIO_PROCESS, pid, nice)


def in_child():
    """Between fork and exec. The autogroup's nice value counts too, where there are autogroups."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    set_nice(0, -20)
    try:
        with open("/proc/self/autogroup", "w") as f:
            f.write("-20")
    except OSError:
        pass


def spawn(cmd, **kw):
    return subprocess.Popen(cmd, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=in_child,
                            env={**os.environ, "RUNTIME_DIRECTORY": SCRATCH}, **kw)     # where DPDK keeps its files


def stop(process):
    if process is None:
        return
    for sig, wait_s in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        if process.poll() is None:
            process.send_signal(sig)
            try:
                process.wait(wait_s)
            except subprocess.TimeoutExpired:
                pass


def kernel_threads(prefix):
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as f:
                if f.read().startswith(prefix):
                    found.add(int(pid))
        except OSError:
            pass
    return found


def private_mounts():
    if LIBC.unshare(CLONE_NEWNS):
        raise Failure(f"unshare: {os.strerror(ctypes.get_errno())}: run as root, with CAP_SYS_ADMIN")
    sh("mount", "--make-rprivate", "/")
    os.makedirs(NETNS, exist_ok=True)
    sh("mount", "-t", "tmpfs", "netns", NETNS)
    os.mkdir(SCRATCH)
    sh("mount", "-t", "bpf", "bpf", BPFFS)


def fresh_bpffs():
    """No pin of an earlier contender is seen by the next."""
    sh("umount", BPFFS, check=False)
    sh("mount", "-t", "bpf", "bpf", BPFFS)


class Topology:
    def __init__(self):
        private_mounts()
        self.ns = {role: f"bench-{role}" for role in ("gen", "dut", "sink")}
        for name in self.ns.values():
            sh("ip", "netns", "add", name)
            sh("ip", "-n", name, "link", "set", "lo", "up")
            sh("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1",
               "net.ipv6.conf.all.disable_ipv6=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
               "net.ipv4.ip_forward=1")

    def close(self):
        for name in self.ns.values():
            sh("ip", "netns", "del", name, check=False)

    def inside(self, role, *cmd):
        """Command prefix: in the namespace, with this process' mounts (ip netns exec would hide the bpffs)."""
        return ["nsenter", f"--net={NETNS}/{self.ns[role]}", *cmd]

    def build(self, napi_thread, gro_sink):
        """New veth pairs, routes, neighbours. Returns the pid of d0's NAPI thread, or None."""
        gen, dut, sink = (self.ns[r] for r in ("gen", "dut", "sink"))
        sh("ip", "-n", gen, "link", "del", "g0", check=False)
        sh("ip", "-n", dut, "link", "del", "d1", check=False)
        for near, a, far, b in ((gen, "g0", dut, "d0"), (dut, "d1", sink, "s0")):
            sh("ip", "-n", near, "link", "add", a, "address", MAC[a], "type", "veth", "peer", "name", b, "address", MAC[b],
               "netns", far)
            sh("ip", "-n", near, "link", "set", a, "up")
            sh("ip", "-n", far, "link", "set", b, "up")
        # GRO gives d0 a NAPI, without which the generator's frames do not arrive
        sh("ip", "netns", "exec", dut, "ethtool", "-K", "d0", "gro", "on")
        if gro_sink:
            sh("ip", "netns", "exec", sink, "ethtool", "-K", "s0", "gro", "on")
        self._routes()
        return self._napi_thread() if napi_thread else None

    def _routes(self):
        lines = ["addr add 10.99.0.1/24 dev d0", "addr add 10.98.0.1/24 dev d1"]
        lines += [f"neigh add 10.98.0.{h} lladdr {MAC['s0']} dev d1 nud permanent" for h in range(64, 192)]
        lines += [f"route add 10.98.0.{h}/32 dev d1" for h in range(64, 192, 2)]
        lines += [f"route add 20.{i >> 8}.{i & 255}.0/24 via 10.98.0.64" for i in range(65, ROUTES)]
        sh("ip", "-n", self.ns["dut"], "-batch", "-", text_in="\n".join(lines) + "\n")

    def _napi_thread(self):
        before = kernel_threads("napi/d0-")
        sh("ip", "netns", "exec", self.ns["dut"], "sh", "-c", "echo 1 >/sys/class/net/d0/threaded")
        new = kernel_threads("napi/d0-") - before
        if len(new) != 1:
            raise Failure("d0 got no NAPI thread")
        pid = new.pop()
        os.sched_setaffinity(pid, {DUT_CPU})
        set_nice(pid, -20)
        return pid
