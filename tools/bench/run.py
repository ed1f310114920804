#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py - measure Fulcrum and its rivals in one run on veth, print ratios and targets.

  ns gen          ns dut                  ns sink
  g0 ----------> d0  (contender)  d1 ----------> s0
  core 0          core 1                  counted where the contender sends
"""
import argparse
import json
import os
import platform
import random
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True                  # the source tree stays clean
import report
import topology
from contenders import CONTENDERS, LIMITS
from topology import DUT_CPU, GEN_CPU, MAC, ROUTES, Failure

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FRAME_BYTES = {64: 64, 512: 512, 1500: 1514}    # option -> Ethernet frame without FCS
PACED_MPPS = .2
READY_S, SETTLE_S, METER_S = 20, .3, 60
ARRIVES = .005                                  # less of the load at the sink is no forwarding
WINDOWS = 3                                     # a disturbed window is measured again
HELP = """
how it measures
  Generator: core 0, BPF_PROG_TEST_RUN live frames, 1,024 UDP flows to 128 hosts, numbered,
  four packets of a flow in a row.
  Contender: core 1. The sink checks destination MAC, order within each flow and, behind routers,
  TTL and checksum; one wrong packet and the contender counts as not run.
  load     flat out, at every size         paced   200,000 packets/s, latency, CPU share
  ping     one packet in flight, latency   start   memory of the helper when it is ready
  veth runs the receiver's softirq on the sender's core, so receiving costs core 0, and the sink's
  part costs core 1, for every contender alike. In-kernel contenders get a NAPI thread on core 1.

noise
  Repeats are interleaved in random order and medians taken. Our tasks run at nice -20. A window in
  which something else used the contender's core is measured again. Absolute figures drift by tens
  of percent from run to run: compare ratios of one run only.

exit status
  0 all ran, whether or not a target was missed; 1 something did not run; 2 usage.
"""


class Bench:
    def __init__(self, args):
        self.args, self.trials, self.failures = args, [], []
        self.bench = os.path.join(args.build, "bench")
        self.dir = topology.SCRATCH
        self.softirqd = topology.kernel_threads(f"ksoftirqd/{DUT_CPU}")
        self.net = None

    def open(self):
        self.net = topology.Topology()
        for pid in self.softirqd:
            topology.set_nice(pid, -20)

    def close(self):
        for pid in self.softirqd:
            topology.set_nice(pid, 0)
        if self.net:
            self.net.close()

    # ---- one contender ---------------------------------------------------------

    def command(self, c):
        words = {"bench": self.bench, "bin": os.path.join(self.args.build, "bin"), "dut": self.net.ns["dut"],
                 "out_dst": MAC["s0"], "out_src": MAC["d1"], "routes": ROUTES, "port_options": ""}
        for name in ("pipeline", "config", "socket"):
            words[name] = os.path.join(self.dir, name)
        if c.fulcrum:
            if c.fulcrum.tier == "inline":
                words["port_options"] = ", ON_HELPER_LOSS inline"
            with open(words["pipeline"], "w") as f:
                f.write(c.fulcrum.pipeline.format(**words))
            with open(words["config"], "w") as f:
                f.write(c.fulcrum.toml(DUT_CPU))
        return c.cmd.format(**words).split()

    def start(self, c):
        """The contender's process, ready; None where the kernel alone does the work."""
        if c.sink == "xdp":
            topology.sh(os.path.join(self.bench, "meter"), "idle", "--sink", self.net.ns["sink"], "--sink-if", "s0")
        if not c.cmd:
            return None
        if c.fulcrum:
            topology.fresh_bpffs()
            for port in ("d0", "d1") if c.routes else ("d0",):      # a router's ports are all in its pipeline
                topology.sh(*self.net.inside("dut", "ip", "link", "set", "dev", port, "xdp", "obj",
                                             os.path.join(self.args.build, "bpf", "steer.bpf.o"), "sec", "xdp"))
        cmd = self.command(c)
        if not shutil.which(cmd[0]):
            raise Failure(f"{cmd[0]}: not found (make bench-tools, or install dpdk)")
        log = os.path.join(self.dir, "log")
        with open(log, "w") as out:
            p = topology.spawn(self.net.inside("dut", "taskset", "-c", str(DUT_CPU), *cmd), stdout=out, stderr=out)
        try:
            self.await_ready(p, c, log)
        except BaseException:
            topology.stop(p)
            raise
        return p

    @staticmethod
    def await_ready(p, c, log):
        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            with open(log, errors="replace") as f:
                text = f.read()
            if p.poll() is not None:
                raise Failure(f"ended at once with status {p.returncode}: {ends(text)}")
            if re.search(c.ready, text):
                return time.sleep(SETTLE_S)
            time.sleep(.05)
        raise Failure(f"not ready after {READY_S} s: {ends(text)}")

    def measure(self, rep, c):
        napi = self.net.build(c.napi_thread, c.sink == "gro")
        p = self.start(c)
        try:
            pids = self.softirqd | {x for x in (p and p.pid, napi) if x}
            if c.fulcrum:
                self.record(rep, c, self.args.sizes[0], "start", {"rss_bytes": rss_beside_umem(p.pid)})
            for size in self.args.sizes:
                for test in c.tests:
                    if test == "load" or size == self.args.sizes[0]:
                        self.windows(rep, c, size, test, pids)
                    if p and p.poll() is not None:
                        raise Failure(f"ended during {test} at {size} B with status {p.returncode}: {self.last_words()}")
        finally:
            topology.stop(p)

    def last_words(self):
        with open(os.path.join(self.dir, "log"), errors="replace") as f:
            return ends(f.read())

    def windows(self, rep, c, size, test, pids):
        for _ in range(WINDOWS):
            r = self.meter(c, size, test, pids)
            self.record(rep, c, size, test, r)
            for key in ("bad_mac", "bad_ip", "reordered"):
                if r[key]:
                    raise Failure(f"{test} at {size} B: {r[key]} packets {key}")
            if r["rx_pkts"] < r["tx_pkts"] * ARRIVES or test == "ping" and r["lost"] > r["tx_pkts"] / 2:
                raise Failure(f"{test} at {size} B: packets do not reach the sink")
            if not r["disturbed"]:
                return

    def meter(self, c, size, test, pids):
        n = self.net.ns
        cmd = [os.path.join(self.bench, "meter"), "ping" if test == "ping" else "load", "--gen", n["gen"], "--gen-if", "g0",
               "--sink", n["sink"], "--sink-if", "s0", "--gen-dst", MAC["d0"], "--gen-src", MAC["g0"], "--out-dst", MAC["s0"],
               "--bytes", str(FRAME_BYTES[size]), "--gen-cpu", str(GEN_CPU), "--dut-cpu", str(DUT_CPU),
               "--secs", str(self.args.secs), "--ttl", "63" if c.routes else "0"]
        cmd += [x for p in sorted(pids) for x in ("--pid", str(p))]
        cmd += ["--rate", str(PACED_MPPS)] if test == "paced" else []
        cmd += ["--tc-sink"] if c.sink != "xdp" else []
        p = topology.spawn(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            out, err = p.communicate(timeout=METER_S)
        except subprocess.TimeoutExpired as e:
            raise Failure(f"meter: hangs in {test} at {size} B") from e
        finally:
            topology.stop(p)
        if p.returncode:
            raise Failure(err.strip() or f"meter: status {p.returncode}")
        return json.loads(out)

    def record(self, rep, c, size, test, r):
        # the kernel does not always charge softirq time to the task it interrupts: 12 % slack
        others = r.get("core_busy", 0) - r.get("dut_cpu", 0)
        r["disturbed"] = test == "load" and (others > .12 or r["core_steal"] > .08)
        self.trials.append({"rep": rep, "name": c.name, "size": size, "test": test, **r})
        text = f"{r['rss_bytes'] / report.MIB:.1f} MiB beside the UMEM" if test == "start" else \
            f"{r['rx_mpps']:.3f} of {r['tx_mpps']:.3f} Mpps, core {r['dut_cpu']:.2f}"
        text += f", p50 {r['p50_ns'] / 1e3:.1f} p90 {r['p90_ns'] / 1e3:.1f} us" if "p50_ns" in r else ""
        print(f"  {rep + 1}/{self.args.reps} {c.name:18}{size:>5} B {test:6}{text}{', disturbed' if r['disturbed'] else ''}",
              file=sys.stderr, flush=True)

    def run(self, todo):
        for rep in range(self.args.reps):
            for c in random.Random(rep).sample(todo, len(todo)):
                if c.name in (name for name, _ in self.failures):
                    continue
                try:
                    self.measure(rep, c)
                except (Failure, subprocess.SubprocessError, OSError, ValueError) as e:
                    self.failures.append((c.name, str(e)))
                    print(f"  {rep + 1}/{self.args.reps} {c.name}: did not run: {e}", file=sys.stderr, flush=True)
        # a wrong packet in one repeat spoils the contender's figures of all
        failed = {name for name, _ in self.failures}
        self.trials = [t for t in self.trials if t["name"] not in failed]


def ends(text):
    """A log's first and last words: some programs put the cause first, some last."""
    text = text.strip()
    return text if len(text) < 900 else f"{text[:400]}\n...\n{text[-400:]}"


def rss_beside_umem(pid):
    """Resident bytes of a process less its packet memory (a BPF map or a memfd of 1 MiB or more)."""
    total, umem, big_map = 0, 0, False
    with open(f"/proc/{pid}/smaps") as f:
        for line in f:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
            if head:
                size = int(head[2], 16) - int(head[1], 16)
                big_map = size >= report.MIB and ("bpf-map" in line or "memfd:" in line)
            elif line.startswith("Rss:"):
                rss = int(line.split()[1]) * 1024
                total, umem = total + rss, umem + rss * big_map
    return total - umem


def parse_args():
    ap = argparse.ArgumentParser(description=__doc__, epilog=HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--list", action="store_true", help="list the contenders and leave")
    ap.add_argument("--only", default="", metavar="NAMES", help="comma-separated contenders; a trailing * matches a prefix")
    ap.add_argument("--reps", type=int, help="repeats (5)")
    ap.add_argument("--secs", type=float, help="length of a measuring window (1.0)")
    ap.add_argument("--sizes", help="comma-separated, of 64, 512, 1500 (all)")
    ap.add_argument("--quick", action="store_true", help="a look in a minute or two: --reps 1 --secs 0.4 --sizes 64,1500")
    ap.add_argument("--json", metavar="FILE", help="write all figures there")
    ap.add_argument("--build", default=os.path.join(ROOT, "build"), metavar="DIR", help="build directory (build)")
    args = ap.parse_args()
    args.reps = args.reps or (1 if args.quick else 5)
    args.secs = args.secs or (.4 if args.quick else 1.)
    sizes = (args.sizes or ("64,1500" if args.quick else "64,512,1500")).split(",")
    if not all(s.isdigit() and int(s) in FRAME_BYTES for s in sizes):
        ap.error("--sizes: each must be 64, 512 or 1500")
    args.sizes = sorted({int(s) for s in sizes})
    args.build = os.path.abspath(args.build)
    return ap, args


def choose(ap, only):
    if not only:
        return CONTENDERS
    known, chosen = CONTENDERS + LIMITS, []
    for pattern in only.split(","):
        hit = [c for c in known if c.name == pattern or pattern.endswith("*") and c.name.startswith(pattern[:-1])]
        if not hit:
            ap.error(f"--only {pattern}: no such contender; there are {', '.join(c.name for c in known)}")
        chosen += [c for c in hit if c not in chosen]
    return chosen


def write_json(path, bench, rows, elapsed_s):
    with open("/proc/cpuinfo") as f:
        cpu = next((x.split(":")[1].strip() for x in f if x.startswith("model name")), "")
    env = {"kernel": platform.release(), "cpu": cpu, "cpus": os.cpu_count(), "date": time.strftime("%F %T"),
           "reps": bench.args.reps, "window_s": bench.args.secs, "sizes": bench.args.sizes, "elapsed_s": round(elapsed_s)}
    with open(path, "w") as f:
        json.dump({"env": env, "ratios": rows, "failures": dict(bench.failures), "trials": bench.trials}, f, indent=1)
        f.write("\n")


def raise_exit(*_):
    sys.exit(1)


def main():
    ap, args = parse_args()
    todo = choose(ap, args.only)
    if args.list:
        for c in CONTENDERS + LIMITS:
            print(f"{c.name:18} sink {c.sink:3} {'+'.join(c.tests):15} {c.note}{'' if c in CONTENDERS else ' (only with --only)'}")
        return 0
    if os.geteuid():
        sys.exit("run.py: needs root, for namespaces and BPF; without it only --list works")
    if os.cpu_count() < 2:
        sys.exit("run.py: needs two cores, one for the generator and one for the contender")
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, raise_exit)
    began_s = time.monotonic()
    bench = Bench(args)
    try:
        bench.open()
        bench.run(todo)
    finally:
        bench.close()
    rows = report.judged(bench.trials, args.sizes)
    print()
    report.print_rates(bench.trials, [c.name for c in todo], args.sizes)
    report.print_targets(rows)
    for name, why in bench.failures:
        print(f"\n{name} did not run: {why}")
    if args.json:
        write_json(args.json, bench, rows, time.monotonic() - began_s)
    return 1 if bench.failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except Failure as e:
        sys.exit(f"run.py: {e}")
