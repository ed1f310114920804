#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_flow.py - which way packets go: switches, classifiers, rates and rules, judged by tcpdump and scapy.

  packets (scapy) ── [element] ─┬─ ToPort(o0)     tcpdump with the same expression, scapy's
                                └─ ToPort(o1) …   fields, or exact arithmetic say which

FULCRUM_TEST_SEED repeats a run. Needs no root.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from fractions import Fraction

try:
    from scapy.all import (ICMP, IP, SCTP, TCP, UDP, Dot1Q, Ether, ICMPv6EchoRequest, IPv6, Raw, RawPcapReader,
                           fragment, wrpcap)
except ImportError:
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)  # scapy is where Debian puts it
    print("1..0 # SKIP python3-scapy is not installed: run tools/deps.sh as root")
    sys.exit(4)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FULCRUM = os.path.join(ROOT, os.environ.get("B", "build"), "bin", "fulcrum")
EXAMPLES = os.path.join(ROOT, "tools/examples")
SEED = int(os.environ.get("FULCRUM_TEST_SEED", random.randrange(1 << 31)))
COUNT = 600
rng = random.Random(SEED)


# ---- packets -----------------------------------------------------------------------
def address(v6):
    few = [rng.randrange(4) for _ in range(3)]
    return "2001:db8:{}::{}:{}".format(*few) if v6 else "10.{}.{}.{}".format(*few)


def packet():
    """One datagram, or its fragments. Payloads are random, so nothing above L4 is to be read again by scapy."""
    v6 = rng.random() < 0.3
    ports = {"sport": rng.choice([53, 80, 443, 8080, rng.randrange(1, 100)]),
             "dport": rng.choice([53, 80, 443, 1023, 1024])}
    net = IPv6(src=address(True), dst=address(True))
    if not v6:
        net = IP(src=address(False), dst=address(False), ttl=rng.randrange(2, 255), tos=rng.choice([0, 0, 184]))
    l4 = rng.choice([TCP(**ports, flags=rng.choice(["S", "SA", "A", "FA"])), UDP(**ports), UDP(**ports), SCTP(**ports),
                     ICMPv6EchoRequest() if v6 else ICMP()])
    tags = Dot1Q(vlan=rng.randrange(1, 4)) if rng.random() < 0.1 else None
    payload = Raw(rng.randbytes(rng.choice([20, 26, 100, 500, 1200, rng.randrange(20, 1400)])))
    head = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    head = head / tags if tags else head
    if not v6 and len(payload) > 300 and rng.random() < 0.3:
        return [head / f for f in fragment(net / l4 / payload, 200)]
    return [head / net / l4 / payload]


def make_packets():
    """`COUNT` frames, each a known number of microseconds behind the one before."""
    frames, now = [], 1700000000000000
    while len(frames) < COUNT:
        for p in packet():
            now += rng.choice([1, 1, 3, 50, 400])
            p.time = now / 1000000
            frames.append((now, p))
    return frames[:COUNT]


# ---- runs -----------------------------------------------------------------------
class Bench:
    def __init__(self, work):
        self.work, self.number = work, 0
        self.times, self.frames = zip(*make_packets())
        self.bytes = [bytes(p) for p in self.frames]
        self.input = self.path("in.pcap")
        wrpcap(self.input, self.frames)

    def path(self, name):
        return os.path.join(self.work, name)

    def run(self, config, out_port=()):
        """Lines of --verdicts, in order."""
        with open(self.path("pipeline.click"), "w", encoding="utf-8") as f:
            f.write(config)
        words = [FULCRUM, "run", "--pipeline", self.path("pipeline.click"), "--in", self.input]
        words += ["--verdicts", self.path("verdicts")]
        for name in out_port:
            words += ["--out-port", f"{name}={self.path(name + '.pcap')}"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise RuntimeError(done.stderr[-600:] or f"exit status {done.returncode}")
        with open(self.path("verdicts"), encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def ways(self, element, outputs):
        """By packet the number of the output it took, or the reason it was dropped for."""
        config = f"FromPort(in) -> s :: {element};"
        config += "".join(f"s[{k}] -> ToPort(o{k});" for k in range(outputs))
        return [int(v["port"][1:]) if v["verdict"] == "tx" else v["reason"] for v in self.run(config)]

    def met(self, expression):
        """Numbers of the packets that tcpdump takes, which it tells by their times."""
        out = self.path("met.pcap")
        subprocess.run(["tcpdump", "-n", "-r", self.input, "-w", out, expression], check=True, capture_output=True,
                       timeout=60)
        number = {t: k for k, t in enumerate(self.times)}
        return {number[m.sec * 1000000 + m.usec] for _, m in RawPcapReader(out)}

    def first_met(self, expressions, none):
        way = [none] * COUNT
        for k in reversed(range(len(expressions))):
            for n in self.met(expressions[k]) if expressions[k] else range(COUNT):
                way[n] = k
        return way


def differ(have, want):
    if have == want:
        return []
    bad = [k for k in range(COUNT) if have[k] != want[k]]
    return [f"{len(bad)} of {COUNT} went elsewhere, first packet {bad[0]}: {have[bad[0]]}, judged {want[bad[0]]}"]


def spread(have, least):
    """Each of the ways in `least` was taken so often: a test that all packets pass by tells nothing."""
    return [f"only {have.count(w)} packets took {w}" for w, n in least.items() if have.count(w) < n]


# ---- cases ----------------------------------------------------------------------
def ip_classifier(b):
    expressions = ["tcp dst port 80", "src net 10.0.0.0/14 and udp", "vlan and ip", "ip6 and not icmp6",
                   "tcp[tcpflags] & tcp-syn != 0", "ip[6:2] & 0x1fff != 0", "len > 1000", "portrange 400-500", "icmp"]
    quoted = ", ".join(f'"{e}"' for e in expressions)
    have = b.ways(f"IPClassifier({quoted})", len(expressions))
    faults = differ(have, b.first_met(expressions, "no_pattern")) + spread(have, {0: 5, 1: 5, 2: 5, 3: 5, 6: 5, 8: 1})
    rest = b.ways(f"IPClassifier({quoted}, -)", len(expressions) + 1)
    return faults + differ(rest, b.first_met(expressions + [None], "no_pattern"))


def ip_classifier_errors(b):
    with open(b.path("bad.click"), "w", encoding="utf-8") as f:
        f.write("FromPort(in) -> s :: IPClassifier(tcp,\n  udp prot 53);\ns -> ToPort(o);\n")
    check = [FULCRUM, "pipeline", "check", b.path("bad.click")]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60)
    judge = ["tcpdump", "-n", "-r", b.input, "udp prot 53"]
    said = subprocess.run(judge, capture_output=True, text=True, timeout=60)
    why = said.stderr.strip().splitlines()[-1].removeprefix("tcpdump: ")
    text = done.stdout + done.stderr
    good = done.returncode == 1 and "bad.click:2:3: error: IPClassifier: 'udp prot 53'" in text and why in text
    return [] if good else [f"status {done.returncode}, tcpdump says '{why}'"] + text.splitlines()


def classifier(b):
    """Click's patterns, and the same for tcpdump."""
    patterns = [("12/0800 23/06 !20/0000%1fff", "ether[12:2]=0x800 and ether[23]=6 and ether[20:2]&0x1fff!=0"),
                ("12/0800 14/45 23/06 36/0050",
                 "ether[12:2]=0x800 and ether[14]=0x45 and ether[23]=6 and ether[36:2]=80"),
                ("12/0800 23/11 26/0a0?0?",
                 "ether[12:2]=0x800 and ether[23]=17 and ether[26]=10 and ether[27]<16 and ether[28]<16"),
                ("12/8100 14/???1 16/0800", "ether[12:2]=0x8100 and ether[15]&0xf=1 and ether[16:2]=0x800"),
                ("!12/8100 !12/0800 20/06", "ether[12:2]!=0x8100 and ether[12:2]!=0x800 and ether[20]=6"),
                ("12/0800 22/80%80", "ether[12:2]=0x800 and ether[22]&0x80!=0"),
                ("12/86dd 54/0000%fc00", "ether[12:2]=0x86dd and ether[54:2]&0xfc00=0")]
    have = b.ways(f"Classifier({', '.join(p for p, _ in patterns)})", len(patterns))
    want = b.first_met([e for _, e in patterns], "no_pattern")
    return differ(have, want) + spread(have, {1: 1, 2: 5, 4: 5, 5: 5, "no_pattern": 5})


def packet_size(b):
    sizes = [64, 128, 512, 1024]
    have = b.ways("PacketSizeClassifier(64, 128B, 512, 1KiB)", 5)
    return differ(have, [sum(len(p) > s for s in sizes) for p in b.bytes]) + spread(have, {k: 5 for k in range(1, 5)})


def flow_of(p):
    """Both directions of a connection are one; of fragments the addresses alone."""
    net = p[IPv6] if IPv6 in p else p[IP]
    split = IP in p and (net.flags.MF or net.frag)
    l4 = next((p[c] for c in (TCP, UDP, SCTP) if c in p), None) if not split else None
    ends = sorted([(net.src, l4.sport if l4 else 0), (net.dst, l4.dport if l4 else 0)])
    return ends, None if split else type(net.payload).__name__


def hash_switch(b):
    have = b.ways("HashSwitch(N 4)", 4)
    taken = {}
    for n, p in enumerate(b.frames):
        taken.setdefault(str(flow_of(p)), set()).add(have[n])
    faults = [f"flow {f} took {w}" for f, w in taken.items() if len(w) > 1]
    have = b.ways("HashSwitch(N 4, OFFSET 26, LENGTH 8)", 4)
    taken = {}
    for n in range(COUNT):
        taken.setdefault(b.bytes[n][26:34], set()).add(have[n])
    faults += [f"bytes {k.hex()} took {w}" for k, w in taken.items() if len(w) > 1]
    return faults + spread(have, {k: 60 for k in range(4)})


def round_robin(b):
    return differ(b.ways("RoundRobinSwitch(7)", 7), [k % 7 for k in range(COUNT)])


def random_switch(b):
    have = b.ways("RandomSwitch(3, 0, 1, SEED 5)", 3)
    faults = [] if have == b.ways("RandomSwitch(3, 0, 1, SEED 5)", 3) else ["the same seed went another way"]
    faults += [] if have != b.ways("RandomSwitch(3, 0, 1, SEED 6)", 3) else ["another seed went the same way"]
    share = have.count(0) / COUNT  # standard deviation 0.018
    return faults + ([] if abs(share - 0.75) < 0.09 and have.count(1) == 0 else [f"share of the first is {share}"])


def paint(b):
    lines = b.run("FromPort(in) -> c :: IPClassifier(tcp, ip6, -); c[0] -> Paint(7) -> k :: CheckPaint(7);"
                  "c[1] -> Paint(8) -> k; c[2] -> k; k[0] -> ToPort(o0); k[1] -> ToPort(o1);")
    have = [v["port"] for v in lines]
    want = b.met("tcp")
    return differ(have, ["o0" if n in want else "o1" for n in range(COUNT)])


def tee(b):
    lines = b.run("FromPort(in) -> t :: Tee(3); t[0] -> c :: IPClassifier(ip, -); c[0] -> DecIPTTL -> j :: Counter;"
                  "c[1] -> j -> ToPort(a); t[1] -> ToPort(b); t[2] -> IPClassifier(tcp) -> ToPort(c);", out_port="abc")
    read = {name: [p for p, _ in RawPcapReader(b.path(name + ".pcap"))] for name in "abc"}
    tcp, ip = b.met("tcp"), b.met("ip")
    faults = [] if read["b"] == b.bytes else ["copies are not what came"]
    faults += [] if read["c"] == [b.bytes[n] for n in range(COUNT) if n in tcp] else ["tcp copies are not what came"]
    for n, sent in enumerate(read["a"]):
        want = b.bytes[n]
        if n in ip:
            header = IP(want[14:34])
            header.ttl -= 1
            del header.chksum
            want = want[:14] + bytes(header) + want[34:]
        if sent != want:
            faults.append(f"packet {n} itself is not what scapy makes of it")
            break
    made = sum(bool(v.get("made")) for v in lines)
    return faults + ([] if made == 2 * COUNT and len(read["a"]) == COUNT else [f"{made} packets added"])


def buckets(b, rates, burst, of_bits):
    """By packet how many of the rates it is above, exactly."""
    full = Fraction(burst * (8 if of_bits else 1))
    tokens, last, way = [full] * len(rates), b.times[0], []
    for t, p in zip(b.times, b.bytes):
        tokens = [min(full, have + Fraction(t - last, 1000000) * r) for have, r in zip(tokens, rates)]
        last, cost, k = t, len(p) * 8 if of_bits else 1, len(rates)
        while k and tokens[k - 1] >= cost:
            tokens[k - 1] -= cost
            k -= 1
        way.append(k)
    return way


def policer(b):
    have = b.ways("Policer(8kpps, BURST 5)", 2)
    faults = differ(have, buckets(b, [8000], 5, False)) + spread(have, {0: 50, 1: 50})
    have = b.ways("Policer(20Mbps, BURST 3000)", 2)
    faults += differ(have, buckets(b, [20000000], 3000, True)) + spread(have, {0: 50, 1: 50})
    alone = b.run("FromPort(in) -> Policer(8kpps, BURST 5) -> ToPort(o0);")
    reasons = {v["reason"] for v in alone if v["verdict"] == "drop"}
    return faults + ([] if reasons == {"policed"} else [f"dropped as {reasons}"])


def meter(b):
    have = b.ways("Meter(4kpps, 6kpps, 9kpps, BURST 4)", 4)
    return differ(have, buckets(b, [4000, 6000, 9000], 4, False)) + spread(have, {k: 20 for k in range(4)})


def acl_rule():
    """A rule, and the same for tcpdump."""
    v6 = rng.random() < 0.3
    protocol = rng.choice(["tcp", "udp", "sctp", "any", "icmp6" if v6 else "icmp"])
    words = {"any": "(ip or ip6)", "icmp6": "ip6 proto 58", "icmp": "ip proto 1"}
    words |= {name: f"(ip proto {n} or ip6 proto {n})" for name, n in (("tcp", 6), ("udp", 17), ("sctp", 132))}
    rule, judge = [rng.choice(["allow", "deny"]), protocol], [words[protocol]]
    for side in ("src", "dst"):
        form = rng.randrange(4)
        if form == 0:
            rule.append("any")
        elif form == 1:
            rule.append(address(v6))
            judge.append(f"{side} host {rule[-1]}")
        elif form == 2 or v6:
            rule.append(f"2001:db8:{rng.randrange(4)}::/48" if v6 else f"10.{rng.randrange(4)}.0.0/16")
            judge.append(f"{side} net {rule[-1]}")
        else:
            low, high = sorted((rng.randrange(4), rng.randrange(4)))
            rule.append(f"10.{low}.0.0-10.{high}.1.255")
            at = 12 if side == "src" else 16
            judge.append(f"ip[{at}:4] >= {0x0a000000 + (low << 16)} and ip[{at}:4] <= {0x0a0001ff + (high << 16)}")
        if protocol.startswith("icmp") or rng.random() < 0.6:
            rule.append("any")
        else:
            low, high = sorted((rng.choice([53, 80, 443, 1024]), rng.randrange(1, 1100)))
            rule.append(f"{low}-{high}" if rng.random() < 0.5 else str(low))
            judge.append(f"{side} portrange {low}-{high}" if "-" in rule[-1] else f"{side} port {low}")
    return " ".join(rule), " and ".join(judge)


def acl(b):
    """tcpdump does not look behind tags unless told, so tagged packets are left out."""
    rules = sorted((acl_rule() for _ in range(80)), key=lambda r: r[0].count("any"))  # wide ones last, or they hide all
    with open(b.path("rules.acl"), "w", encoding="utf-8") as f:
        f.write("# rules\n" + "\n".join(r for r, _ in rules[10:]) + "\n")
    given = ", ".join(f'RULE "{r}"' for r, _ in rules[:10])
    met = b.first_met([j for _, j in rules], None)
    tagged = b.met("vlan")
    faults = []
    for default, code in (("deny", 1), ("allow", 0)):
        have = b.ways(f"ACL({given}, FILE rules.acl, DEFAULT {default})", 2)
        want = [code if m is None else int(rules[m][0].startswith("deny")) for m in met]
        faults += differ([None if n in tagged else h for n, h in enumerate(have)],
                         [None if n in tagged else w for n, w in enumerate(want)])
    late, none = sum(m is not None and m >= 10 for m in met), met.count(None)
    return faults + ([] if late > 30 and none > 5 else [f"{late} met rules of the file, {none} met none"])


ROUTES = "".join(f"10.{n}.0.0/16 via 192.0.2.1 dev eth{n % 2} lladdr 02:00:00:00:0e:01\n" for n in range(3))
ROUTES += "2001:db8::/32 via fe80::1 dev eth1 lladdr 02:00:00:00:0e:02\n"


def example(b, name):
    """Verdicts of an example as it stands, but for routes, which are those of a file here."""
    with open(os.path.join(EXAMPLES, name), encoding="utf-8") as f:
        text = f.read()
    with open(b.path("routes.txt"), "w", encoding="utf-8") as f:
        f.write(ROUTES)
    return [v.get("port", v["reason"]) for v in b.run(text.replace("FIB kernel", "FIB routes.txt"))]


def back(b, name="eth0"):
    """Packets a port sent that are those which came, addresses exchanged."""
    came = {p[6:12] + p[:6] + p[12:] for p in b.bytes}
    sent = [p for p, _ in RawPcapReader(b.path(name + ".pcap"))]
    return len(sent) if all(p in came for p in sent) else -1


def branch_example(b):
    with open(os.path.join(EXAMPLES, "nba-branch.click"), encoding="utf-8") as f:
        ways = [v.get("port", v["reason"]) for v in b.run(f.read(), out_port=["eth0"])]
    ip = b.met("ip") | b.met("vlan and ip")
    share = ways.count("eth0") / len(ip)  # standard deviation 0.025
    faults = [f"packet {n}: {w}" for n, w in enumerate(ways)
              if w not in (("eth0", "branch_b") if n in ip else ("bad_ip_header",))]
    faults += [] if abs(share - 0.6) < 0.13 else [f"a share of {share} goes back"]
    return faults[:3] + ([] if back(b) == ways.count("eth0") else ["what goes back is not what came"])


def levels_example(b):
    with open(os.path.join(EXAMPLES, "nba-branch-levels.click"), encoding="utf-8") as f:
        ways = [v.get("port", v["reason"]) for v in b.run(f.read(), out_port=["eth0"])]
    return differ(ways, ["eth0"] * COUNT) + ([] if back(b) == COUNT else ["what goes back is not what came"])


def routed(p):
    second = int(p[IP].dst.split(".")[1]) if IP in p else None
    return "eth1" if IPv6 in p else {0: "eth0", 1: "eth1", 2: "eth0"}.get(second, "to_kernel")


def classifier_example(b):
    ip = b.met("ip")
    return differ(example(b, "nba-classifier.click"),
                  [routed(p) if n in ip else "no_pattern" for n, p in enumerate(b.frames)])


def families_example(b):
    untagged = b.met("ip or ip6")
    return differ(example(b, "nba-families.click"),
                  [routed(p) if n in untagged else "no_pattern" for n, p in enumerate(b.frames)])


def size_example(b):
    turns = iter(["eth0", "eth1"] * COUNT)
    return differ(example(b, "nba-packet-size.click"),
                  ["eth0" if len(p) <= 128 else "middle" if len(p) <= 512 else next(turns) for p in b.bytes])


CASES = [("IPClassifier: tcpdump agrees on the first expression met", ip_classifier),
         ("IPClassifier: what libpcap refuses is told at the argument", ip_classifier_errors),
         ("Classifier: tcpdump agrees on byte patterns", classifier),
         ("PacketSizeClassifier: scapy agrees on lengths", packet_size),
         ("HashSwitch: flows as scapy sees them stay together", hash_switch),
         ("RoundRobinSwitch: by turns", round_robin),
         ("RandomSwitch: shares hold, a seed repeats", random_switch),
         ("Paint, CheckPaint: as tcpdump tells them apart", paint),
         ("Tee: copies are whole, and changes of one way stay there", tee),
         ("Policer: exact in packets and in bytes", policer),
         ("Meter: each rate exact", meter),
         ("ACL: tcpdump agrees on the first rule met", acl),
         ("nba-branch.click: 60 in 100 go back", branch_example),
         ("nba-branch-levels.click: all ways meet again", levels_example),
         ("nba-classifier.click: IPv4 is routed", classifier_example),
         ("nba-families.click: both families are routed", families_example),
         ("nba-packet-size.click: by size, and by turns", size_example)]


def main():
    if not os.path.exists(FULCRUM):
        print(f"1..0 # SKIP {FULCRUM} is not built: run make")
        return 4
    if not shutil.which("tcpdump"):
        print("1..0 # SKIP tcpdump is not installed: run tools/deps.sh as root")
        return 4
    print(f"TAP version 13\n# seed {SEED}")
    failed = 0
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(work)
        for number, (name, case) in enumerate(CASES, 1):
            try:
                faults = case(bench)
            except (RuntimeError, subprocess.SubprocessError) as e:
                faults = str(e).splitlines()
            failed += bool(faults)
            print(*(f"# {f}" for f in faults), sep="\n", end="\n" if faults else "")
            print("not ok" if faults else "ok", number, name, flush=True)
    print(f"1..{len(CASES)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
