#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_lb.py - LoadBalancer on captures: scapy and tshark take apart what it sends.

  packets (scapy) ── [LoadBalancer] ── outer header, inner datagram, backend: as scapy and a
                                       plain Maglev in this file have them

FULCRUM_TEST_SEED repeats a run. Needs no root.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

try:
    from scapy.all import (ICMP, IP, TCP, UDP, Dot1Q, Ether, ICMPv6EchoRequest, ICMPv6PacketTooBig, IPv6,
                           IPv6ExtHdrFragment, PcapReader, Raw, defragment, fragment, fragment6, wrpcap)
except ImportError:
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)  # scapy is where Debian puts it
    print("1..0 # SKIP python3-scapy is not installed: run tools/deps.sh as root")
    sys.exit(4)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FULCRUM = os.path.join(ROOT, os.environ.get("B", "build"), "bin", "fulcrum")
SEED = int(os.environ.get("FULCRUM_TEST_SEED", random.randrange(1 << 31)))
VIP4, VIP6, CLIENT4, CLIENT6 = "203.0.113.10", "2001:db8:f::10", "198.51.100.7", "2001:db8:c::7"
SOURCES = "SOURCE 10.0.0.1, SOURCE fd00::1"
WEIGHTS4 = {"10.0.0.2": 3, "10.0.0.3": 1, "10.0.1.4": 2}
WEIGHTS6 = {"fd00::2": 1, "fd00::3": 1, "fd00:1::4": 4}
TABLE = 65537
MASK64 = (1 << 64) - 1


# ---- the same answer by other means ----------------------------------------------
def mix(x):
    x = x * 0x9e3779b97f4a7c15 & MASK64
    x ^= x >> 32
    x = x * 0xd6e8feb86659fd93 & MASK64
    return x ^ x >> 32


def address_bytes(text):
    import socket
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def address_hash(text, seed):
    raw = address_bytes(text).ljust(16, b"\0")
    lo, hi = (int.from_bytes(raw[at:at + 8], sys.byteorder) for at in (0, 8))
    return mix((mix((seed + lo) & MASK64) + hi) & MASK64)


def maglev(weights):
    """The paper's table, one round a turn for each unit of weight of the heaviest."""
    names = sorted((n for n in weights if weights[n]), key=lambda n: (":" in n, address_bytes(n)))
    heaviest = max(weights.values())
    step = {n: (address_hash(n, 1) % TABLE, address_hash(n, 2) % (TABLE - 1) + 1) for n in names}
    table, nth, taken, full, turn = [None] * TABLE, dict.fromkeys(names, 0), dict.fromkeys(names, 0), 0, 0
    while full < TABLE:
        turn += 1
        for n in names:
            if full == TABLE or taken[n] * heaviest >= turn * weights[n]:
                continue
            offset, skip = step[n]
            while table[(offset + nth[n] * skip) % TABLE] is not None:
                nth[n] += 1
            table[(offset + nth[n] * skip) % TABLE] = n
            taken[n] += 1
            full += 1
    return table


TABLES = {}


def backend_of(weights, client, client_port=0, service_port=0, proto=0):
    key = tuple(weights.items())
    if key not in TABLES:
        TABLES[key] = maglev(weights)
    raw = address_bytes(client)
    if len(raw) == 4:
        hi, lo = 0, int.from_bytes(raw, sys.byteorder)
    else:
        hi, lo = (int.from_bytes(raw[at:at + 8], sys.byteorder) for at in (0, 8))
    rest = client_port << 48 | service_port << 32 | proto << 24
    h = mix((mix((hi + rest) & MASK64) + lo) & MASK64)
    return TABLES[key][(h >> 32) * TABLE >> 32], h


# ---- cases -------------------------------------------------------------------------
class Tap:
    cases = failed = 0

    def check(self, name, test):
        self.cases += 1
        try:
            test()
            print(f"ok {self.cases} {name}", flush=True)
        except (AssertionError, subprocess.CalledProcessError, IndexError, KeyError) as e:
            self.failed += 1
            for line in (f"{type(e).__name__}: {e}\n" + (getattr(e, "stderr", "") or "")).splitlines():
                print("#", line)
            print(f"not ok {self.cases} {name}", flush=True)


class Run:
    """Frames through one LoadBalancer; what came of each."""

    def __init__(self, work, frames, arguments, weights):
        backends = "".join(f', BACKEND "{a} weight {w}"' for a, w in weights.items())
        pipeline, self.out = os.path.join(work, "lb.click"), os.path.join(work, "out.pcap")
        with open(pipeline, "w", encoding="utf-8") as f:
            f.write(f"require(lb);\nFromPort(in) -> LoadBalancer({arguments}{backends}, TABLE {TABLE}) -> ToPort(out);\n")
        wrpcap(os.path.join(work, "in.pcap"), frames)
        subprocess.run([FULCRUM, "run", "--pipeline", pipeline, "--in", os.path.join(work, "in.pcap"), "--out", self.out,
                        "--verdicts", os.path.join(work, "verdicts.jsonl")], check=True, capture_output=True, text=True)
        with open(os.path.join(work, "verdicts.jsonl"), encoding="utf-8") as f:
            self.verdicts = [json.loads(line) for line in f]
        with PcapReader(self.out) as reader:
            sent = iter(list(reader))
        self.sent = [next(sent) if v["verdict"] == "tx" else None for v in self.verdicts]
        assert len(self.verdicts) == len(frames) and next(sent, None) is None


def equal(got, want, what):
    assert got == want, f"{what}: got {got!r}, expected {want!r}"


def rebuilt(packet):
    """Its bytes with every length and checksum of the outer headers anew, as scapy has them."""
    again = Ether(bytes(packet))
    layer = again
    for _ in range(4):
        for field in ("chksum", "len", "plen"):
            if field in getattr(layer, "fields", {}):
                delattr(layer, field)
        layer = layer.payload
        if isinstance(layer, (TCP, ICMP)):
            break
    return bytes(again)


def outer_is(got, want, sent_frame, proto4, proto6, ecn_class):
    """The outer IP header of `got`; returns the bytes behind it."""
    ip = got.getlayer(IPv6 if ":" in want else IP)
    equal(ip.dst, want, "outer destination")
    if ":" in want:
        equal((ip.src, ip.nh, ip.hlim, ip.tc), ("fd00::1", proto6, 64, ecn_class), "outer IPv6 header")
        equal(ip.plen, len(bytes(ip.payload)), "payload length")
    else:
        equal((ip.src, ip.proto, ip.ttl, ip.tos, str(ip.flags), ip.ihl), ("10.0.0.1", proto4, 64, ecn_class, "DF", 5),
              "outer IPv4 header")
        equal(ip.len, len(bytes(ip)), "total length")
        header = IP(bytes(ip)[:20])
        del header.chksum
        equal(bytes(header)[10:12], bytes(ip)[10:12], "header checksum")
    equal(bytes(got)[:12], bytes(sent_frame)[:12], "Ethernet addresses")
    return bytes(ip.payload)


# ---- traffic ------------------------------------------------------------------------
def ether():
    return Ether(src="02:00:00:00:00:11", dst="02:00:00:00:00:22")


def ip_to_vip(v6, **fields):
    return IPv6(src=CLIENT6, dst=VIP6, **fields) if v6 else IP(src=CLIENT4, dst=VIP4, **fields)


def flows(rng, v6, count=300):
    frames = []
    for _ in range(count):
        tos = rng.choice([0, 1, 2, 3, 0xb8, 0xba])
        ip = ip_to_vip(v6, tc=tos) if v6 else ip_to_vip(v6, tos=tos, id=rng.randrange(65536))
        l4 = TCP(sport=rng.randrange(1024, 65536), dport=80, flags=rng.choice(["S", "A", "PA", "FA", "R"]))
        link = ether() / Dot1Q(vlan=7) if rng.randrange(8) == 0 else ether()
        frames.append(Ether(bytes(link / ip / l4 / Raw(rng.randbytes(rng.choice([0, 1, 5, 100, 1000]))))))
    frames[0] = Ether(bytes(frames[0]) + bytes(18))  # as a short frame is padded
    return frames


def inner_of(frame):
    ip = frame.getlayer(IPv6) or frame.getlayer(IP)
    return bytes(ip)[:ip.plen + 40 if ip.version == 6 else ip.len]


def balanced(work, rng, mode, vip6, weights):
    frames = flows(rng, vip6)
    run = Run(work, frames, f"VIP {VIP6 if vip6 else VIP4}, PROTO tcp, PORT 80, MODE {mode}, {SOURCES}", weights)
    seen = {}
    for frame, got in zip(frames, run.sent):
        ip = frame.getlayer(IPv6) or frame.getlayer(IP)
        want, h = backend_of(weights, ip.src, ip[TCP].sport, 80, 6)
        seen[want] = seen.get(want, 0) + 1
        inner, proto = inner_of(frame), 41 if vip6 else 4
        tos = ip.tc if vip6 else ip.tos
        equal(Dot1Q in got, Dot1Q in frame, "VLAN tag")
        body = outer_is(got, want, frame, 17 if mode == "gue" else proto, 17 if mode == "gue" else proto, tos)
        if mode == "gue":
            udp = got[UDP]
            equal((udp.sport, udp.dport, udp.len), (0xc000 | h & 0x3fff, 6080, len(inner) + 12), "UDP header")
            equal(udp.chksum == 0, ":" not in want, "UDP checksum left out")
            equal(body[8:12], bytes([0, proto, 0, 0]), "GUE header")
            body = body[12:]
            if ":" in want:
                equal(rebuilt(got), bytes(got), "lengths and UDP checksum by scapy")
        equal(body, inner, "inner datagram")
    equal(set(seen), set(weights), "backends that took flows")
    tshark_is_content(run.out)


def tshark_is_content(capture):
    """No checksum that tshark finds wrong, nothing malformed (it has no word for GUE)."""
    bad = "ip.checksum.status == 0 || udp.checksum.status == 0 || _ws.malformed"
    out = subprocess.run(["tshark", "-n", "-r", capture, "-d", "tcp.port==80,data", "-d", "udp.port==6080,data",
                          "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-Y", bad],
                         check=True, capture_output=True, text=True)
    equal(out.stdout, "", "packets that tshark refuses")


def plain_l3(work, rng):
    backends = ('BACKEND "10.0.0.2 mac 02:00:00:00:01:02 dev north", BACKEND "10.0.0.3 mac 02:00:00:00:01:03 dev south", '
                'FILE "more.txt"')
    with open(os.path.join(work, "more.txt"), "w", encoding="utf-8") as f:
        f.write("# one more\n\n10.0.1.4 weight 2 mac 02:00:00:00:01:04 dev south\n")
    macs = {"10.0.0.2": "02:00:00:00:01:02", "10.0.0.3": "02:00:00:00:01:03", "10.0.1.4": "02:00:00:00:01:04"}
    frames = flows(rng, False)
    run = Run(work, frames, f"VIP {VIP4}, MODE l3, {backends}", {})
    for frame, got in zip(frames, run.sent):
        want, _ = backend_of({"10.0.0.2": 1, "10.0.0.3": 1, "10.0.1.4": 2}, CLIENT4, frame[TCP].sport, 80, 6)
        equal((got.dst, got.src), (macs[want], frame.dst), "Ethernet addresses")
        equal(bytes(got)[12:], bytes(frame)[12:], "rest of the frame")


def icmp_errors(work, rng):
    """What a router on the way back says about a datagram of the VIP goes to the backend that sent it."""
    frames, want = [], []
    for _ in range(100):
        port = rng.randrange(1024, 65536)
        answer = IP(src=VIP4, dst=CLIENT4, id=5) / TCP(sport=80, dport=port, seq=9, flags="PA") / Raw(bytes(1400))
        error = IP(src="192.0.2.9", dst=VIP4) / rng.choice(
            [ICMP(type=3, code=4, nexthopmtu=1280), ICMP(type=11), ICMP(type=3, code=1)]) / Raw(bytes(answer)[:28])
        frames.append(ether() / error)
        want.append(backend_of(WEIGHTS4, CLIENT4, port, 80, 6)[0])
    other = IP(src=VIP4, dst=CLIENT4) / TCP(sport=81, dport=5, flags="A")
    frames.append(ether() / IP(src="192.0.2.9", dst=VIP4) / ICMP(type=3, code=1) / Raw(bytes(other)[:28]))
    frames.append(ether() / IP(src="192.0.2.9", dst=VIP4) / ICMP(type=3, code=1) / Raw(bytes(answer)[:22]))
    frames.append(ether() / IP(src=CLIENT4, dst=VIP4) / ICMP() / Raw(b"echo"))
    run = Run(work, frames, f"VIP {VIP4}, PROTO tcp, PORT 80, {SOURCES}", WEIGHTS4)
    for frame, got, backend in zip(frames, run.sent, want):
        equal(outer_is(got, backend, frame, 4, None, 0), inner_of(frame := Ether(bytes(frame))), "inner datagram")
    equal([v["verdict"] for v in run.verdicts[100:]], ["kernel"] * 3, "another port's, cut off, echo")


def icmp6_errors(work, rng):
    frames, want = [], []
    for _ in range(100):
        port = rng.randrange(1024, 65536)
        answer = IPv6(src=VIP6, dst=CLIENT6) / TCP(sport=80, dport=port, flags="PA") / Raw(bytes(1200))
        frames.append(Ether(bytes(ether() / IPv6(src="2001:db8::9", dst=VIP6) / ICMPv6PacketTooBig(mtu=1280) /
                                  Raw(bytes(answer)[:1000]))))
        want.append(backend_of(WEIGHTS6, CLIENT6, port, 80, 6)[0])
    frames.append(ether() / IPv6(src=CLIENT6, dst=VIP6) / ICMPv6EchoRequest())
    run = Run(work, frames, f"VIP {VIP6}, PROTO tcp, PORT 80, {SOURCES}", WEIGHTS6)
    for frame, got, backend in zip(frames, run.sent, want):
        equal(outer_is(got, backend, frame, None, 41, 0), inner_of(frame), "inner datagram")
    equal(run.verdicts[100]["verdict"], "kernel", "echo")


def fragments(work, rng):
    """All of a datagram go where its flow goes; scapy puts them together again."""
    whole, frames = [], []
    for n in range(40):
        d = IP(src=CLIENT4, dst=VIP4, id=n + 1) / UDP(sport=rng.randrange(1024, 65536), dport=5000) / Raw(rng.randbytes(2500))
        whole.append(IP(bytes(d)))
        frames += [ether() / f for f in fragment(d, fragsize=800)]
    stray = fragment(IP(src=CLIENT4, dst=VIP4, id=9999) / UDP(sport=1, dport=5000) / Raw(bytes(2500)), fragsize=800)[1:]
    run = Run(work, frames + [ether() / f for f in stray], f"VIP {VIP4}, PROTO udp, PORT 5000, {SOURCES}", WEIGHTS4)
    inner, to = [], {}
    for got in run.sent[:len(frames)]:
        datagram = IP(bytes(got[IP].payload))
        inner.append(datagram)
        to.setdefault(datagram.id, set()).add(got[IP].dst)
    again = {d.id: bytes(d) for d in defragment(inner)}
    for d in whole:
        equal(to[d.id], {backend_of(WEIGHTS4, CLIENT4, d[UDP].sport, 5000, 17)[0]}, "backend of the fragments")
        equal(again[d.id][20:], bytes(d)[20:], "datagram put together")
    equal([v["verdict"] for v in run.verdicts[len(frames):]], ["kernel"] * len(stray), "fragments without a first")


def fragments6(work, rng):
    frames, want = [], []
    for n in range(40):
        port = rng.randrange(1024, 65536)
        d = (IPv6(src=CLIENT6, dst=VIP6) / IPv6ExtHdrFragment(id=n + 1) / UDP(sport=port, dport=5000) /
             Raw(rng.randbytes(2500)))
        parts = fragment6(IPv6(bytes(d)), 1280)
        assert len(parts) >= 2
        frames += [Ether(bytes(ether() / p)) for p in parts]
        want += [backend_of(WEIGHTS6, CLIENT6, port, 5000, 17)[0]] * len(parts)
    stray = frames[1].copy()
    stray[IPv6ExtHdrFragment].id = 9999
    run = Run(work, frames + [stray], f"VIP {VIP6}, PROTO udp, PORT 5000, {SOURCES}", WEIGHTS6)
    for frame, got, backend in zip(frames, run.sent, want):
        equal(outer_is(got, backend, frame, None, 41, 0), inner_of(frame), "inner fragment")
    equal(run.verdicts[-1]["verdict"], "kernel", "fragment without a first")


def not_for_the_service(work, _rng):
    long = Ether(bytes(ether() / IP(src=CLIENT4, dst=VIP4, len=500) / TCP(dport=80) / Raw(bytes(20))))
    rows = [
        (ether() / ip_to_vip(False) / TCP(dport=81), "kernel", "not_balanced"),
        (ether() / ip_to_vip(False) / UDP(dport=80) / Raw(b"x"), "kernel", "not_balanced"),
        (ether() / IP(src=CLIENT4, dst="203.0.113.11") / TCP(dport=80), "kernel", "not_balanced"),
        (ether() / ip_to_vip(True) / TCP(dport=80), "kernel", "not_balanced"),
        (Ether(bytes(ether())[:12] + b"\x08\x06" + bytes(46)), "kernel", "not_ip"),
        (long, "drop", "lb_malformed"),
        (ether() / ip_to_vip(False) / TCP(dport=80) / Raw(bytes(1441)), "drop", "lb_too_big"),
        (ether() / ip_to_vip(False) / TCP(dport=80) / Raw(bytes(1440)), "tx", None),
    ]
    run = Run(work, [r[0] for r in rows], f"VIP {VIP4}, PROTO tcp, PORT 80, {SOURCES}", WEIGHTS4)
    for n, (v, (_, verdict, reason)) in enumerate(zip(run.verdicts, rows)):
        equal(v["verdict"], verdict, f"verdict of packet {n}")
        equal(v.get("reason") if reason else None, reason, f"reason of packet {n}")
    equal(len(bytes(run.sent[-1])), 14 + 1500, "bytes of the longest that fits")


def by_client(work, rng):
    frames, want = [], []
    for n in range(100):
        client = f"198.51.{n}.7"
        for _ in range(3):
            frames.append(ether() / IP(src=client, dst=VIP4) / TCP(sport=rng.randrange(1, 65536), dport=rng.choice([80, 81])))
            want.append(backend_of(WEIGHTS4, client)[0])
    run = Run(work, frames, f"VIP {VIP4}, AFFINITY client, {SOURCES}", WEIGHTS4)
    equal([got[IP].dst for got in run.sent], want, "backends")


def no_backend(work, rng):
    frames = flows(rng, False, 10)
    run = Run(work, frames, f"VIP {VIP4}, {SOURCES}", {"10.0.0.2": 0})
    equal({(v["verdict"], v["reason"]) for v in run.verdicts}, {("drop", "no_backend")}, "verdicts")


def main():
    if not os.path.exists(FULCRUM) or not os.path.exists(os.path.join(os.path.dirname(FULCRUM), "../plugins/lb.so")):
        print("1..0 # SKIP bin/fulcrum or plugins/lb.so is not built: run make")
        return 4
    if subprocess.run(["tshark", "-v"], capture_output=True, check=False).returncode:
        print("1..0 # SKIP tshark is not installed: run tools/deps.sh as root")
        return 4
    print(f"# seed {SEED}", flush=True)
    tap = Tap()
    with tempfile.TemporaryDirectory() as work:
        for mode in ("ipip", "gue"):
            for vip6, weights in ((False, WEIGHTS4), (True, WEIGHTS4), (False, WEIGHTS6), (True, WEIGHTS6)):
                name = f"{mode}: IPv{6 if vip6 else 4} in {'IPv6' if weights is WEIGHTS6 else 'IPv4'}"
                tap.check(name, lambda m=mode, v=vip6, w=weights: balanced(work, random.Random(SEED), m, v, w))
        for name, test in (("l3: backends of arguments and file, by Ethernet address", plain_l3),
                           ("ICMP errors go to the flow's backend", icmp_errors),
                           ("ICMPv6 errors go to the flow's backend", icmp6_errors),
                           ("IPv4 fragments stay together", fragments),
                           ("IPv6 fragments stay together", fragments6),
                           ("AFFINITY client: all flows of a client to one backend", by_client),
                           ("what is not for the service, malformed or too big", not_for_the_service),
                           ("no backend takes new flows", no_backend)):
            tap.check(name, lambda t=test: t(work, random.Random(SEED)))
    print(f"1..{tap.cases}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
