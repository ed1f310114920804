#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_watch.py - what observing elements and captures say of packets, judged by scapy, tcpdump and capinfos.

  in.pcap (scapy) ── fulcrum run ── Mirror, ToCapture ── files, read by tcpdump, capinfos and scapy
                                 └─ --call top, percentiles, rate ── counted again here

FULCRUM_TEST_SEED repeats a run.
"""
import glob
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FULCRUM = os.path.join(ROOT, os.environ.get("B", "build"), "bin/fulcrum")
DATA = os.environ.get("FULCRUM_DATA", os.path.join(ROOT, "../shared/data"))
SEED = int(os.environ.get("FULCRUM_TEST_SEED", random.randrange(1 << 30)))
PACKETS = 3000
START = 1_700_000_000


def find_scapy():
    """scapy is where Debian's python has it, which need not be the first in PATH."""
    try:
        import scapy.all  # noqa: F401
    except ImportError:
        if sys.executable == "/usr/bin/python3" or not os.path.exists("/usr/bin/python3"):
            print("1..0 # SKIP python3-scapy is not installed: run tools/deps.sh as root")
            sys.exit(4)
        os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)


class Fault(Exception):
    pass


def same(what, got, wanted):
    if got != wanted:
        raise Fault(f"{what}: {str(got)[:300]} instead of {str(wanted)[:300]}")


def make_captures(folder, rng):
    """in.pcap: flows of very different weight, IPv4 and IPv6, some ARP; one packet a millisecond.
    steered.pcap: what the front-end leaves to the helper of it, all but ARP. one.pcap: a later packet."""
    from scapy.all import ARP, Ether, IP, IPv6, Raw, TCP, UDP, wrpcap
    packets = []
    for n in range(PACKETS):
        flow = min(int(rng.paretovariate(0.7)) - 1, 400)
        ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        if n % 50 == 49:
            p = ether / ARP(pdst="10.0.0.1")
        elif flow % 7 == 6:
            p = ether / IPv6(src=f"2001:db8::{flow + 1:x}", dst="2001:db8:1::2") / UDP(sport=2000 + flow, dport=53)
        else:
            l4 = TCP(sport=1000 + flow, dport=80) if flow % 2 else UDP(sport=1000 + flow, dport=443)
            p = ether / IP(src=f"10.0.{flow // 200}.{flow % 200 + 1}", dst="10.1.0.1") / l4
        if not p.haslayer(ARP):
            p = p / Raw(rng.randbytes(rng.randrange(0, 1200)))
        p.time = START + n / 1000
        packets.append(p)
    one = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.1.0.1") / UDP(dport=2)
    one.time = START + 10
    for name, content in (("in", packets), ("steered", [p for p in packets if not p.haslayer(ARP)]), ("one", [one])):
        wrpcap(os.path.join(folder, f"{name}.pcap"), content, nano=True)


class Bench:
    def __init__(self, work):
        self.work = work

    def path(self, name):
        return os.path.join(self.work, name)

    def run(self, pipeline, *words, ok=True):
        """The report of `fulcrum run`, with stderr; the configuration lies beside the captures."""
        with open(self.path("p.click"), "w") as f:
            f.write(pipeline)
        done = subprocess.run((FULCRUM, "run", "--pipeline", self.path("p.click"), "--json", *words),
                              capture_output=True, text=True, timeout=120, cwd="/")
        if ok and done.returncode:
            raise Fault(f"exit status {done.returncode}: {done.stderr.strip()}")
        if not ok:
            same("exit status", done.returncode, 1)
            return done.stderr
        report = json.loads(done.stdout)
        report["stderr"] = done.stderr
        report["call"] = {a["call"]: a["answer"] for a in report["answers"]}
        return report

    def counters(self, report, element):
        return {k: int(v) for k, v in (line.split() for line in report["call"][f"{element} counters"].splitlines())}

    def packets(self, name):
        """(bytes, time in ns) of each packet, as scapy reads them."""
        from scapy.utils import RawPcapReader
        reader = RawPcapReader(self.path(name))
        try:
            same("nanoseconds", reader.nano, True)
            return [(bytes(data), meta.sec * 10**9 + meta.usec) for data, meta in reader]
        finally:
            reader.close()

    def capinfos_count(self, name):
        out = subprocess.run(("capinfos", "-M", "-c", self.path(name)), capture_output=True, text=True, timeout=60)
        return int(re.search(r"Number of packets:\s+(\d+)", out.stdout).group(1))


def to_capture_is_equal(t):
    report = t.run('FromCapture("in.pcap") -> t :: ToCapture(out.pcap);', "--call", "t counters")
    same("packets of ToCapture", t.packets("out.pcap"), t.packets("steered.pcap"))
    same("count of capinfos", t.capinfos_count("out.pcap"), len(t.packets("steered.pcap")))
    same("counters", t.counters(report, "t"),
         {"packets_in": report["drop"], "packets": report["drop"], "missed": 0, "failed": 0})
    same("reasons", report["drop_by_reason"], {"captured": report["drop"]})
    same("conservation", report["packets"], report["drop"] + report["kernel"] + report["tx"])


def to_capture_has_the_addresses(t):
    t.run('FromCapture("in.pcap") -> EtherRewrite(DST 02:00:00:00:00:99) -> ToCapture(out.pcap);')
    wanted = [bytes.fromhex("020000000099") + data[6:] for data, _ in t.packets("steered.pcap")]
    same("packets", [data for data, _ in t.packets("out.pcap")], wanted)


def mirror_passes_on(t):
    report = t.run('FromPort(a) -> m :: Mirror(mirror.pcap) -> ToPort(b);', "--in", t.path("in.pcap"), "--out",
                   t.path("out.pcap"), "--call", "m counters")
    same("mirrored packets", t.packets("mirror.pcap"), t.packets("steered.pcap"))
    same("passed packets", [p for p, _ in t.packets("out.pcap")], [p for p, _ in t.packets("steered.pcap")])
    same("mirrored", t.counters(report, "m")["mirrored"], report["tx"])


def mirror_cuts_and_samples(t):
    t.run('FromPort(a) -> Mirror(mirror.pcap, SNAP 60, EVERY 7) -> Discard;', "--in", t.path("in.pcap"))
    wanted = [data[:60] for data, _ in t.packets("steered.pcap")][::7]
    same("packets", [data for data, _ in t.packets("mirror.pcap")], wanted)
    shown = subprocess.run(("tcpdump", "-nn", "-tt", "-e", "-r", t.path("mirror.pcap")), capture_output=True,
                           text=True, timeout=60).stdout
    lengths = [int(n) for n in re.findall(r"^\S+ \S+ > \S+ ethertype \S+ \(0x\w+\), length (\d+):", shown, re.M)]
    same("lengths on the wire, by tcpdump", lengths, [len(d) for d, _ in t.packets("steered.pcap")][::7])


def mirror_rotates(t):
    size, files = 100 << 10, 4
    pipeline = f'FromPort(a) -> Mirror(FILE turn.pcap, MAX_SIZE {size}, FILES {files}) -> Discard;'
    t.run(pipeline, "--in", t.path("in.pcap"))
    names = ["turn.pcap"] + [f"turn.pcap.{n}" for n in range(1, files)]
    same("files", sorted(os.path.basename(f) for f in glob.glob(t.path("turn.pcap*"))), sorted(names))
    largest = max(len(d) for d, _ in t.packets("steered.pcap")) + 16
    for name in names[1:]:
        bytes_there = os.path.getsize(t.path(name))
        if not size - largest < bytes_there <= size:
            raise Fault(f"{name} has {bytes_there} bytes, the limit is {size}")
    kept = [p for name in reversed(names) for p in t.packets(name)]
    same("packets of all files: the last ones, in order", kept, t.packets("steered.pcap")[-len(kept):])
    same("count of capinfos", sum(t.capinfos_count(n) for n in names), len(kept))
    newest = t.packets("turn.pcap")
    t.run(pipeline, "--in", t.path("one.pcap"))
    same("the file of the run before", t.packets("turn.pcap.1"), newest)
    same("the new file", t.packets("turn.pcap"), t.packets("one.pcap"))


def nothing_before_the_first_packet(t):
    with open(t.path("p.click"), "w") as f:
        f.write('FromPort(a) -> Mirror(never.pcap) -> ToCapture(never2.pcap);')
    done = subprocess.run((FULCRUM, "pipeline", "check", t.path("p.click")), capture_output=True, timeout=60)
    same("exit status", done.returncode, 0)
    same("files", glob.glob(t.path("never*")), [])


def captures_meet_by_time(t):
    """Two FromCaptures and a FromPort: all packets, in order of time."""
    from scapy.utils import RawPcapWriter
    source = t.packets("steered.pcap")[:300]
    for k in range(3):
        out = RawPcapWriter(t.path(f"part{k}.pcap"), linktype=1, nano=True)
        out.write_header(None)
        for data, ns in source[k::3]:
            out.write_packet(data, sec=ns // 10**9, usec=ns % 10**9)
        out.close()
    report = t.run('FromCapture(part0.pcap, PORT x) -> c0 :: Counter -> ToPort(b);'
                   'FromCapture(part1.pcap) -> c1 :: Counter -> ToPort(b); FromPort(y) -> c2 :: Counter -> ToPort(b);',
                   "--in", t.path("part2.pcap"), "--out", t.path("out.pcap"),
                   *(w for k in range(3) for w in ("--call", f"c{k} counters")))
    same("packets of each", [t.counters(report, f"c{k}")["packets"] for k in range(3)], [100, 100, 100])
    same("packets", t.packets("out.pcap"), source)


def flow_of(p):
    """What FlowTable calls the flow, from scapy's view of it."""
    from scapy.all import IP, IPv6, TCP, UDP
    l4 = p.getlayer(TCP) or p.getlayer(UDP)
    name = "tcp" if p.haslayer(TCP) else "udp"
    if p.haslayer(IP):
        return f"{name} {p[IP].src}:{l4.sport} > {p[IP].dst}:{l4.dport}"
    return f"{name} [{p[IPv6].src}]:{l4.sport} > [{p[IPv6].dst}]:{l4.dport}"


def table(answer):
    lines = answer.splitlines()
    same("titles", lines[0], "packets bytes over flow")
    return [(int(a), int(b), int(over), flow) for a, b, over, flow in (line.split(" ", 3) for line in lines[1:])]


def top_talkers(t):
    from scapy.all import ARP, IP, IPv6, rdpcap
    bytes_of, packets_of, source_of = Counter(), Counter(), Counter()
    for p in rdpcap(t.path("in.pcap")):
        if p.haslayer(ARP):
            continue
        bytes_of[flow_of(p)] += len(p)
        packets_of[flow_of(p)] += 1
        source_of[(p.getlayer(IP) or p[IPv6]).src] += 1
    report = t.run('FromPort(a) -> f :: FlowTable -> s :: FlowTable(BY source, WEIGHT packets)'
                   ' -> small :: FlowTable(CAPACITY 16) -> Discard;', "--in", t.path("in.pcap"),
                   "--call", "f top 1000", "--call", "s top 5", "--call", "small top 5", "--call", "f counters")
    rows = table(report["call"]["f top 1000"])
    same("all flows, exact", {f: (b, p, 0) for p, b, over, f in rows},
         {f: (b, packets_of[f], 0) for f, b in bytes_of.items()})
    same("order", [b for _, b, _, _ in rows], sorted(bytes_of.values(), reverse=True))
    same("sources", [p for p, _, _, _ in table(report["call"]["s top 5"])],
         [n for _, n in source_of.most_common(5)])
    for p, b, over, flow in table(report["call"]["small top 5"]):
        if not b <= bytes_of[flow] <= b + over:
            raise Fault(f"{flow}: {bytes_of[flow]} bytes are not within {b} and {b + over}")
    heavy = {f for f, b in bytes_of.items() if b > sum(bytes_of.values()) / 16}
    known = {row[3] for row in table(t.run('FromPort(a) -> f :: FlowTable(CAPACITY 16) -> Discard;', "--in",
                                           t.path("in.pcap"), "--call", "f top 16")["call"]["f top 16"])}
    same("flows above 1/16 that are missing", heavy - known, set())


def sizes_and_rates(t):
    sizes = sorted(len(d) for d, _ in t.packets("steered.pcap"))
    report = t.run('FromPort(a) -> h :: Histogram(size) -> r :: RateCounter(INTERVAL 500ms, EWMA 4) -> Discard;', "--in",
                   t.path("in.pcap"), "--call", "h percentiles", "--call", "h classes", "--call", "r rate")
    told = dict(line.split() for line in report["call"]["h percentiles"].splitlines())
    same("count", int(told["count"]), len(sizes))
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)):
        exact = sizes[max(0, -(-int(len(sizes) * share * 1000) // 1000) - 1)]
        if not exact <= int(told[name]) <= exact * 17 / 16 + 1:
            raise Fault(f"{name}: {told[name]}, exactly it is {exact}")
    same("packets of all classes", sum(int(line.split()[1]) for line in report["call"]["h classes"].splitlines()),
         len(sizes))
    rate = {k: int(v) for k, v in (line.split() for line in report["call"]["r rate"].splitlines())}
    if not 970 <= rate["packets_per_s"] <= 990:  # one a millisecond, less the ARP that is steered elsewhere
        raise Fault(f"packets_per_s: {rate}")
    if not 970 <= rate["average_packets_per_s"] <= 990:
        raise Fault(f"average_packets_per_s: {rate}")


def print_samples(t):
    report = t.run('FromPort(a) -> Print(PREFIX "it is", EVERY 1000, MAX 4) -> Discard;', "--in", t.path("in.pcap"))
    source = t.packets("steered.pcap")[::1000]
    wanted = [rf"it is: {ns // 10**9}\.{ns % 10**9:09d} {len(d)} bytes, (tcp|udp) \S+ > \S+: 0200 0000" for d, ns in source]
    lines = report["stderr"].splitlines()
    same("lines", len(lines), len(wanted))
    for line, pattern in zip(lines, wanted):
        if not re.fullmatch(pattern, line):
            raise Fault(f"{line!r} does not match {pattern!r}")


def refusals(t):
    for pipeline, words, said in (
            ('FromPort(a) -> Mirror -> Discard;', (), "the name of a capture file is missing"),
            ('FromPort(a) -> Mirror(nowhere/x.pcap) -> Discard;', (), "cannot be written"),
            ('FromPort(a) -> Mirror(/dev/null) -> Discard;', (), "no regular file"),
            ('FromPort(a) -> Mirror(x.pcap, FILES 0) -> Discard;', (), "FILES"),
            ('FromCapture(none.pcap) -> Discard;', (), "cannot be read"),
            ('FromCapture(in.pcap) -> Discard;', ("--in", t.path("in.pcap")), "leave --in out"),
            ('FromCapture(in.pcap) -> c :: Counter -> Discard;', ("--call", "c rate"), "choose one of: counters"),
            ('FromCapture(in.pcap) -> f :: FlowTable -> Discard;', ("--call", "f top none"), "none"),
            ('FromPort(a) -> Discard;', (), "give --in FILE")):
        given = words if words or "FromPort" not in pipeline or said.startswith("give") else ("--in", t.path("in.pcap"))
        text = t.run(pipeline, *given, ok=False)
        if said not in text:
            raise Fault(f"{pipeline}: said {text.strip()!r}, not {said!r}")


def helper_refuses_from_capture(t):
    helper = os.path.join(os.path.dirname(FULCRUM), "fulcrumd")
    if not os.path.exists(helper):
        return f"{helper} is not built"
    with open(t.path("p.click"), "w") as f:
        f.write("FromCapture(in.pcap) -> Discard;")
    done = subprocess.run((helper, "--pipeline", t.path("p.click"), "--socket", t.path("control.sock")),
                          capture_output=True, text=True, timeout=60)
    same("exit status", done.returncode, 1)
    if "p.click:1:13: error: FromCapture: the helper takes packets from interfaces only" not in done.stderr:
        raise Fault(f"said {done.stderr.strip()!r}")
    return None


def real_capture(t):
    """A capture of real traffic: Mirror's copy is what ToPort sent, and tcpdump reads both alike."""
    found = sorted(glob.glob(os.path.join(DATA, "pcap", "**", "*.pcap"), recursive=True), key=os.path.getsize)
    found = [f for f in found if 10_000 < os.path.getsize(f) < 20_000_000][:3]
    if not found:
        return "no captures in shared/data/pcap"
    for path in found:
        for leftover in glob.glob(t.path("mirror.pcap*")):
            os.unlink(leftover)
        t.run('FromPort(a) -> Mirror(mirror.pcap) -> ToPort(b);', "--in", path, "--out", t.path("out.pcap"))
        if os.path.exists(t.path("mirror.pcap")):
            shown = [subprocess.run(("tcpdump", "-nn", "-t", "-r", t.path(f)), capture_output=True, timeout=120).stdout
                     for f in ("mirror.pcap", "out.pcap")]
            same(f"what tcpdump shows of {os.path.basename(path)}", shown[0] == shown[1], True)
    return None


CASES = [to_capture_is_equal, to_capture_has_the_addresses, mirror_passes_on, mirror_cuts_and_samples, mirror_rotates,
         nothing_before_the_first_packet, captures_meet_by_time, top_talkers, sizes_and_rates, print_samples, refusals,
         helper_refuses_from_capture, real_capture]


def main():
    if not os.path.exists(FULCRUM):
        print(f"1..0 # SKIP {FULCRUM} is not built: run make")
        return 4
    for program in ("tcpdump", "capinfos"):
        if not shutil.which(program):
            print(f"1..0 # SKIP {program} is not installed: run tools/deps.sh as root")
            return 4
    find_scapy()
    print(f"# seed {SEED}")
    failed = 0
    with tempfile.TemporaryDirectory() as inputs:
        make_captures(inputs, random.Random(SEED))
        for number, case in enumerate(CASES, 1):
            with tempfile.TemporaryDirectory() as work:
                shutil.copytree(inputs, work, dirs_exist_ok=True)
                skipped, good = None, True
                try:
                    skipped = case(Bench(work))
                except Exception as fault:  # whatever an answer that cannot be read leads to
                    print(f"# {type(fault).__name__}: {fault}")
                    good, failed = False, failed + 1
            print("ok" if good else "not ok", number, case.__name__ + (f" # SKIP {skipped}" if skipped else ""))
    print(f"1..{len(CASES)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
