#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_nat.py - captures through NAT44: scapy makes them, scapy and tshark judge what comes out.

  inside.pcap ─ in ┐                    ┌ out ─ to the outside
                   NAT44 (pipeline below)
  outside.pcap ─ out ┘                  └ in ─ to the inside

FULCRUM_TEST_SEED repeats a run.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("B", "build"))
SEED = int(os.environ.get("FULCRUM_TEST_SEED", random.randrange(1 << 31)))

try:
    from scapy.all import (ICMP, IP, TCP, UDP, Ether, ICMPerror, IPerror, Raw, TCPerror, UDPerror,
                           defragment, fragment, rdpcap, wrpcap)
except ImportError:
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):  # where Debian has scapy
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("1..0 # SKIP python3-scapy is not installed: run tools/deps.sh as root")
    sys.exit(4)

PIPELINE = """require(nat);
FromPort(in) -> CheckIPHeader -> nat :: NAT44(EXTERNAL 203.0.113.1, FORWARD tcp 203.0.113.1:80 10.0.0.2:8080%s)
  -> ToPort(out);
FromPort(out) -> CheckIPHeader -> [1]nat;
nat[1] -> ToPort(in);
"""
HOST, OTHER, REMOTE, EXTERNAL = "10.0.0.1", "10.0.0.2", "198.51.100.7", "203.0.113.1"
ETH = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", type=0x0800)
cases = failed = 0


def check(name, good, *words):
    global cases, failed
    cases += 1
    failed += not good
    if not good:
        print("#", *words)
    print("ok" if good else "not ok", cases, name)


def run(work, packets, more="", tier="cpu"):
    """packets: (port, frame, seconds). Each frame as it left or None, and each verdict, in order."""
    for port in ("in", "out"):
        frames = []
        for where, frame, at in packets:
            if where == port:
                frame = ETH / frame
                frame.time = 1700000000 + at
                frames.append(frame)
        wrpcap(f"{work}/{port}.pcap", frames, linktype=1)
    with open(f"{work}/nat.click", "w", encoding="utf-8") as f:
        f.write(PIPELINE % more)
    command = [f"{BUILD}/bin/fulcrum", "run", "--pipeline", f"{work}/nat.click", "--out", f"{work}/all.pcap",
               "--verdicts", f"{work}/verdicts.jsonl", "--tier", tier]
    for port in ("in", "out"):
        command += ["--in", f"{port}={work}/{port}.pcap"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with open(f"{work}/verdicts.jsonl", encoding="utf-8") as f:
        verdicts = [json.loads(line) for line in f]
    left = list(rdpcap(f"{work}/all.pcap"))
    out = [left.pop(0)[IP] if v["verdict"] == "tx" else None for v in verdicts]
    return out, verdicts


def sound(work, layers=("ip", "tcp", "udp", "icmp")):
    """What tshark finds wrong in checksums, those within ICMP errors included; of cut TCP it takes them for wrong."""
    said = subprocess.run(["tshark", "-n", "-r", f"{work}/all.pcap", "-o", "ip.check_checksum:TRUE", "-o",
                           "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "ip.defragment:TRUE", "-Y",
                           " || ".join(f"{layer}.checksum.status==0" for layer in layers)], capture_output=True, text=True, check=True)
    return said.stdout


def payload(n):
    return Raw(random.randbytes(n))


def test_flows(work):
    """Requests of all kinds, and an answer to each as the outside sees it."""
    requests = []
    for i in range(200):
        host, port = f"10.0.0.{random.randrange(1, 250)}", random.randrange(1, 65536)
        kind = random.choice((UDP(sport=port, dport=4444), TCP(sport=port, dport=4443, flags="S"), ICMP(id=port)))
        requests.append(IP(src=host, dst=REMOTE, ttl=random.randrange(2, 255), tos=random.randrange(256),
                           id=random.randrange(65536)) / kind / payload(random.randrange(0, 1200)))
    out, _ = run(work, [("in", p, i / 1000) for i, p in enumerate(requests)])
    check("200 flows leave", all(out), [i for i, p in enumerate(out) if p is None])
    bad = [(r.summary(), o.summary()) for r, o in zip(requests, out)
           if o.src != EXTERNAL or o.dst != REMOTE or (r.ttl, r.tos, r.id) != (o.ttl, o.tos, o.id)
           or bytes(r[1].payload) != bytes(o[1].payload)]
    check("only their source changed", not bad, bad[:3])
    ends = {(o.proto, o[ICMP].id if ICMP in o else o.sport) for o in out}
    inside = {(r.proto, r.src, r[ICMP].id if ICMP in r else r.sport) for r in requests}
    check("each inside endpoint has an external one", len(ends) == len(inside), len(ends), len(inside))
    said = sound(work)
    check("tshark: checksums of flows", not said, said[:500])

    answers = []
    for o in out:
        if UDP in o:
            l4 = UDP(sport=4444, dport=o.sport)
        elif TCP in o:
            l4 = TCP(sport=4443, dport=o.sport, flags="SA")
        else:
            l4 = ICMP(type=0, id=o[ICMP].id)
        answers.append(IP(src=REMOTE, dst=EXTERNAL) / l4 / payload(30))
    both = [("in", p, i / 1000) for i, p in enumerate(requests)] + [("out", p, 10 + i / 1000) for i, p in enumerate(answers)]
    back, _ = run(work, both)
    back = back[len(requests):]
    wrong = [(r.summary(), b and b.summary()) for r, b in zip(requests, back)
             if not b or b.dst != r.src or (b[ICMP].id != r[ICMP].id if ICMP in r else b.dport != r.sport)]
    check("each answer finds who asked", not wrong, wrong[:3])
    said = sound(work)
    check("tshark: checksums of answers", not said, said[:500])


def test_errors(work):
    """ICMP errors, both ways, with as little and as much of the datagram as routers send."""
    requests = [IP(src=HOST, dst=REMOTE) / UDP(sport=7000, dport=4444) / payload(100),
                IP(src=HOST, dst=REMOTE) / TCP(sport=7000, dport=80, flags="S") / payload(100),
                IP(src=HOST, dst=REMOTE) / ICMP(id=7000) / payload(100)]
    # 7000 is taken, so that ports and identifiers have to change in what errors hold.
    first = [IP(src=OTHER, dst=REMOTE) / type(p[1])(**({"id": 7000} if ICMP in p else {"sport": 7000})) for p in requests]
    sent, _ = run(work, [("in", p, i / 1000) for i, p in enumerate(first + requests)])
    sent = sent[3:]
    for length in (28, 48, 140):  # 140: all of it
        errors = [IP(src="192.0.2.9", dst=EXTERNAL) / ICMP(type=t, code=c) / Raw(bytes(p)[:length])
                  for p in sent for t, c in ((3, 1), (3, 4), (11, 0), (12, 0))]
        got, verdicts = run(work, [("in", p, i / 1000) for i, p in enumerate(first + requests)] +
                            [("out", p, 1 + i / 1000) for i, p in enumerate(errors)])
        got = got[6:]
        bad = [v for v, g in zip(verdicts[6:], got) if g is None]
        check(f"errors about {length} bytes come in", not bad, bad[:3])
        wrong = []
        for i, g in enumerate(got):
            if g is None:
                continue
            inner, asked = g[IPerror], requests[i // 4]
            l4 = g.getlayer(UDPerror) or g.getlayer(TCPerror) or g.getlayer(ICMPerror)
            port = l4.id if isinstance(l4, ICMPerror) else l4.sport
            if (g.dst, g.src, inner.src, inner.dst, port) != (HOST, "192.0.2.9", HOST, REMOTE, 7000):
                wrong.append(g.summary())
            elif bytes(inner)[:length] != bytes(asked)[:length]:
                wrong.append("not the datagram that the host sent: " + g.summary())
        check(f"errors about {length} bytes speak of what the host sent", not wrong, wrong[:3])
        said = sound(work, ("ip", "udp", "icmp") + (("tcp",) if length == 140 else ()))
        check(f"tshark: checksums of errors about {length} bytes", not said, said[:500])


def test_fragments(work):
    whole = [IP(src=HOST, dst=REMOTE, id=500 + i) / UDP(sport=8000 + i, dport=4444) / payload(3000 + i) for i in range(20)]
    whole += [IP(src=HOST, dst=REMOTE, id=600 + i) / ICMP(id=i) / payload(3000 + i) for i in range(20)]
    pieces = [p for w in whole for p in fragment(IP(bytes(w)), 1000)]
    order = list(pieces)
    out, _ = run(work, [("in", p, i / 1000) for i, p in enumerate(order)])
    check("all fragments leave", all(out), out.count(None))
    check("all by the external address", {p.src for p in out if p} == {EXTERNAL})
    again = [p for p in defragment([p for p in out if p]) if p.frag == 0 and not p.flags.MF]
    good = sum(IP(bytes(a)).payload.payload.load == w.payload.payload.load for a, w in zip(again, whole))
    check("scapy joins them to what was sent", len(again) == len(whole) and good == len(whole), len(again), good)
    for p in again:  # scapy computes anew what is deleted
        kept, layer = p.payload.chksum, p.payload.copy()
        del layer.chksum
        fresh = IP(bytes(IP(src=p.src, dst=p.dst) / layer)).payload.chksum
        if fresh != kept:
            check("checksums over all fragments", False, p.summary(), kept, fresh)
            break
    else:
        check("checksums over all fragments", True)
    late, verdicts = run(work, [("in", p, i / 1000) for i, p in enumerate(reversed(fragment(IP(bytes(whole[0])), 1000)))])
    check("those before the first are dropped by name",
          [v.get("reason") for v in verdicts[:-1]] == ["nat_fragment_early"] * (len(verdicts) - 1) and late[-1], verdicts)


def test_refusals(work):
    rows = [
        ("out", IP(src=REMOTE, dst=EXTERNAL) / UDP(sport=4444, dport=9999), "nat_no_mapping"),
        ("out", IP(src=REMOTE, dst=EXTERNAL) / ICMP(id=3), "nat_no_mapping"),
        ("out", IP(src=REMOTE, dst=HOST) / UDP(), "nat_not_external"),
        ("in", IP(src=EXTERNAL, dst=REMOTE) / UDP(), "nat_own_source"),
        ("in", IP(src=HOST, dst=REMOTE, proto=47) / Raw(bytes(20)), "nat_protocol"),
        ("in", IP(src=HOST, dst=REMOTE) / TCP(flags="R"), "nat_no_mapping"),
        ("in", IP(src=HOST, dst=REMOTE, proto=17) / Raw(bytes(4)), "nat_malformed"),
        ("in", IP(src=HOST, dst=REMOTE) / UDP(sport=4000, dport=4444), None),
        ("out", IP(src="198.51.100.8", dst=EXTERNAL) / UDP(sport=4444, dport=4000), "nat_filtered"),
        ("out", IP(src=REMOTE, dst=EXTERNAL) / ICMP(type=3, code=1, chksum=1) /
         (IP(src=EXTERNAL, dst=REMOTE) / UDP(sport=4000, dport=4444)), "nat_bad_icmp"),
        ("out", IP(src=REMOTE, dst=EXTERNAL) / TCP(sport=1, dport=80, flags="S"), None),
    ]
    _, verdicts = run(work, [(port, p, i) for i, (port, p, _) in enumerate(rows)])
    got = [v.get("reason") if v["verdict"] == "drop" else None for v in verdicts]
    check("each refusal has its reason", got == [r for _, _, r in rows], got)


def test_time(work):
    ask = IP(src=HOST, dst=REMOTE) / UDP(sport=4000, dport=4444)
    answer = IP(src=REMOTE, dst=EXTERNAL) / UDP(sport=4444, dport=4000)
    out, _ = run(work, [("in", ask, 0), ("out", answer, 299), ("out", answer, 302)])
    check("UDP is remembered for 300 s of the capture's time", [bool(p) for p in out] == [True, True, False], out)
    out, _ = run(work, [("in", ask, 0), ("out", answer, 9), ("out", answer, 12)], ", TIMEOUT udp 10s")
    check("or as long as TIMEOUT says", [bool(p) for p in out] == [True, True, False], out)


def main():
    if not os.path.exists(f"{BUILD}/plugins/nat.so") or not os.path.exists(f"{BUILD}/bin/fulcrum"):
        print("1..0 # SKIP nat.so or fulcrum is not built: run make")
        return 4
    if not shutil.which("tshark"):
        print("1..0 # SKIP tshark is not installed: run tools/deps.sh as root")
        return 4
    print(f"# FULCRUM_TEST_SEED={SEED}")
    random.seed(SEED)
    with tempfile.TemporaryDirectory() as work:
        for test in (test_flows, test_errors, test_fragments, test_refusals, test_time):
            test(work)
    print(f"1..{cases}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
