#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_packet.py - elements that rewrite packets, judged by scapy and tshark.

   scapy ── in.pcap ── fulcrum run ── out.pcap ── tshark (checksums, fields, reassembly), scapy

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
FULCRUM = os.path.join(ROOT, os.environ.get("B", "build"), "bin", "fulcrum")
EXAMPLES = os.path.join(ROOT, "tools", "examples")


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(4)


try:
    import logging
    logging.getLogger("scapy").setLevel(logging.ERROR)
    from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert, IPOption_RR, defragment
    from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6PacketTooBig, ICMPv6TimeExceeded,
                                    IPv6, IPv6ExtHdrDestOpt)
    from scapy.layers.l2 import Dot1Q, Ether
    from scapy.packet import Raw
    from scapy.utils import rdpcap, wrpcap
except ImportError:
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])  # scapy is where Debian puts it
    skip_all("python3-scapy is not installed: run tools/deps.sh as root")
if not shutil.which("tshark"):
    skip_all("tshark is not installed: run tools/deps.sh as root")
if not os.path.exists(FULCRUM):
    skip_all(f"{FULCRUM} is not built: run make")

SEED = int(os.environ.get("FULCRUM_TEST_SEED") or random.randrange(1 << 32))
WORK = tempfile.mkdtemp()
MACS = {"src": "02:00:00:00:00:02", "dst": "02:00:00:00:00:01"}
GOOD, BAD, ABSENT = "1", "0", "3"  # tshark's *.checksum.status


def path(name):
    return os.path.join(WORK, name)


def run(pipeline, packets, extra=()):
    """Packets through a pipeline: (packets sent, verdicts of those that came in)."""
    if not os.path.exists(pipeline):
        with open(path("p.click"), "w", encoding="utf-8") as f:
            f.write(pipeline)
        pipeline = path("p.click")
    inputs = packets if isinstance(packets, dict) else {"": packets}
    args = []
    for port, some in inputs.items():
        wrpcap(path(f"in{port}.pcap"), some, linktype=1)
        args += ["--in", f"{port}={path(f'in{port}.pcap')}" if port else path("in.pcap")]
    done = subprocess.run([FULCRUM, "run", "--pipeline", pipeline, *args, "--out", path("out.pcap"), "--verdicts",
                           path("v.jsonl"), *extra], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with open(path("v.jsonl"), encoding="utf-8") as f:
        verdicts = [json.loads(line) for line in f]
    return list(rdpcap(path("out.pcap"))), verdicts


def tshark(capture, *fields, options=()):
    """One list of these fields a frame; of repeated ones the first."""
    args = ["tshark", "-n", "-r", path(capture), "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
            "-o", "udp.check_checksum:TRUE", "-d", "udp.port==1-65535,data", "-T", "fields", "-E", "occurrence=f",
            "-E", "separator=;", *options]
    for f in fields:
        args += ["-e", f]
    out = subprocess.run(args, capture_output=True, text=True, check=True,
                         env={**os.environ, "HOME": WORK, "XDG_CONFIG_HOME": WORK})
    return [line.split(";") for line in out.stdout.splitlines()]


def addresses(v6):
    if v6:
        return {"src": f"2001:db8::{random.randrange(1, 65536):x}", "dst": f"2001:db8:1::{random.randrange(1, 65536):x}"}
    return {"src": f"10.0.{random.randrange(256)}.{random.randrange(1, 255)}", "dst": f"10.1.2.{random.randrange(1, 255)}"}


def l4(v6):
    ports = {"sport": random.randrange(1024, 65536), "dport": random.randrange(1024, 65536)}
    echo = ICMPv6EchoRequest(id=7, data=b"") if v6 else ICMP(id=7)
    return random.choice([UDP(**ports), TCP(**ports, flags="A", options=random.choice(([], [("NOP", None)] * 4))), echo])


def packet(v6=None, size=None, **ip):
    v6 = random.random() < 0.5 if v6 is None else v6
    top = random.choice([(), (), (Dot1Q(vlan=5),), (Dot1Q(vlan=5, type=0x88A8), Dot1Q(vlan=6))])
    p = Ether(**MACS)
    for t in top:
        p /= t
    p /= IPv6(**addresses(v6), **ip) if v6 else IP(**addresses(v6), id=random.randrange(1, 65536), **ip)
    if v6 and random.random() < 0.2:
        p /= IPv6ExtHdrDestOpt()
    payload = random.randbytes(random.randrange(0, 1300) if size is None else size)
    return Ether(bytes(p / l4(v6) / Raw(payload)))


def fields_of(p):
    """The packet's checksum layer and the name of its field."""
    for layer, name in ((UDP, "chksum"), (TCP, "chksum"), (ICMP, "chksum"), (ICMPv6EchoRequest, "cksum")):
        if layer in p:
            return p[layer], name
    raise AssertionError(p.summary())


STATUS = ("udp.checksum.status", "tcp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status")


def l4_status(capture):
    return ["".join(row) for row in tshark(capture, *STATUS)]


# ---- cases -----------------------------------------------------------------------
def check_l4_agrees_with_tshark():
    packets = [packet() for _ in range(400)]
    for p in packets:
        layer, name = fields_of(p)
        if random.random() < 0.5:
            setattr(layer, name, getattr(layer, name) ^ random.randrange(1, 65536))
            if UDP in p and layer.chksum == 0:
                layer.chksum = 1 if layer.chksum != 1 else 2
    _, verdicts = run("FromPort(in) -> CheckL4Checksum -> ToPort(out);", packets)
    status = l4_status("in.pcap")
    assert {GOOD, BAD} == set(status), set(status)
    # 0xffff and 0 are one sum: a wrong field may still be right to the arithmetic.
    wrong = [n for n, (v, s) in enumerate(zip(verdicts, status)) if (v["verdict"] == "tx") != (s == GOOD)]
    assert not wrong, f"disagree about packets {wrong}"
    assert all(v["reason"] == "bad_l4_checksum" for v in verdicts if v["verdict"] == "drop")


def set_checksums_satisfies_tshark():
    packets = [packet() for _ in range(400)]
    wanted = [bytes(p) for p in packets]
    for p in packets:
        layer, name = fields_of(p)
        setattr(layer, name, random.randrange(65536))
        if IP in p:
            p[IP].chksum = random.randrange(65536)
    sent, _ = run("FromPort(in) -> SetChecksums -> ToPort(out);", packets)
    assert [bytes(p) for p in sent] == wanted, "scapy would have written other checksums"
    assert set(l4_status("out.pcap")) == {GOOD}
    assert {row[0] for row in tshark("out.pcap", "ip.checksum.status")} <= {GOOD, ""}


def set_dscp_is_read_back():
    packets = [packet() for _ in range(100)]
    sent, _ = run("FromPort(in) -> SetIPDSCP(af42) -> ToPort(out);", packets)
    assert len(sent) == len(packets)
    for row in tshark("out.pcap", "ip.dsfield.dscp", "ipv6.tclass.dscp", "ip.checksum.status"):
        assert row[0] + row[1] == "36", row
        assert row[2] in (GOOD, ""), row


def vlan_tags_are_read_back():
    packets = [Ether(bytes(Ether(**MACS) / IP(**addresses(False)) / UDP(sport=4000, dport=4001) / Raw(b"x" * n))) for n in range(60)]
    run("FromPort(in) -> VLANEncap(ID 10, PRIO 3) -> VLANEncap(ID 200, TPID 802.1ad) -> ToPort(out);", packets)
    rows = tshark("out.pcap", "eth.type", "ieee8021ad.id", "vlan.id", "vlan.priority", "ip.checksum.status")
    assert len(rows) == 60 and all(r[0] == "0x88a8" and r[4] == GOOD for r in rows), rows[0]
    text = subprocess.run(["tshark", "-n", "-r", path("out.pcap"), "-V", "-c", "1"], capture_output=True, text=True,
                          check=True, env={**os.environ, "HOME": WORK}).stdout
    assert "ID: 200" in text and "ID: 10" in text and text.index("ID: 200") < text.index("ID: 10"), text
    os.replace(path("out.pcap"), path("tagged.pcap"))
    back, _ = run("FromPort(in) -> VLANDecap(ID 200) -> VLANDecap -> ToPort(out);", list(rdpcap(path("tagged.pcap"))))
    assert [bytes(p) for p in back] == [bytes(p) for p in packets]


def strip_unstrip_is_the_frame():
    packets = [packet(size=n) for n in range(50)]
    sent, _ = run("FromPort(in) -> Strip(BYTES 14) -> Unstrip(BYTES 14) -> CheckL4Checksum -> ToPort(out);", packets)
    assert [bytes(p) for p in sent] == [bytes(p) for p in packets]


def store_bytes_is_seen():
    packets = [packet(v6=False, size=n) for n in range(50)]
    packets = [p for p in packets if Dot1Q not in p]
    sent, _ = run('FromPort(in) -> StoreBytes(OFFSET 30, DATA "\\xc6\\x33\\x64\\x07") -> SetChecksums -> ToPort(out);',
                  packets)
    rows = tshark("out.pcap", "ip.dst", "ip.checksum.status")
    assert len(sent) == len(packets) and all(r == ["198.51.100.7", GOOD] for r in rows), rows[:3]
    assert set(l4_status("out.pcap")) == {GOOD}


ICMP_CASES = {
    "TYPE ttl_exceeded": ((11, 0), (3, 0)),
    "TYPE unreachable, CODE net": ((3, 0), (1, 0)),
    "TYPE unreachable, CODE host": ((3, 1), (1, 3)),
    "TYPE unreachable, CODE port": ((3, 3), (1, 4)),
    "TYPE unreachable, CODE admin": ((3, 13), (1, 1)),
    "TYPE fragmentation_needed, MTU 1400": ((3, 4), (2, 0)),
}


def icmp_errors_are_right():
    for args, (four, six) in ICMP_CASES.items():
        packets = [packet() for _ in range(60)]
        sent, _ = run(f"FromPort(in) -> ICMPError({args}, RATE 1000000, BURST 10000, "
                      "ADDRESS 192.0.2.1 2001:db8:f::1) -> ToPort;", packets)
        assert len(sent) == len(packets)
        rows = tshark("out.pcap", "icmp.type", "icmp.code", "icmp.checksum.status", "icmpv6.type", "icmpv6.code",
                      "icmpv6.checksum.status", "ip.checksum.status", "icmp.mtu", "icmpv6.mtu", "_ws.malformed")
        for row, p, was in zip(rows, sent, packets):
            v6 = IPv6 in was
            said = tuple(row[3:6] if v6 else row[0:3])
            assert said == (*(str(n) for n in (six if v6 else four)), GOOD), (args, row)
            assert v6 or row[6] == GOOD, row
            assert "MTU" not in args or "1400" in row[7:9], row
            assert row[9] == "", row
            assert (p.src, p.dst) == (was.dst, was.src)
            outer, inner = (p[IPv6], was[IPv6]) if v6 else (p[IP], was[IP])
            assert outer.dst == inner.src and outer.src == ("2001:db8:f::1" if v6 else "192.0.2.1")
            whole = bytes(outer)
            assert len(whole) <= (1280 if v6 else 576)
            quoted = whole[48 if v6 else 28:]
            assert bytes(inner).startswith(quoted), "quotes something else"
            assert len(whole) == min(1280 if v6 else 576, len(bytes(inner)) + (48 if v6 else 28))


def icmp_errors_about_errors_are_not_sent():
    quoted = {False: IP(src="10.1.1.1", dst="10.2.2.2") / UDP(sport=4000, dport=4001) / Raw(b"12345678"),
              True: IPv6(src="2001:db8::5", dst="2001:db8::6") / UDP()}
    errors = [IP(**addresses(False)) / ICMP(type=kind, code=0) / quoted[False] for kind in (3, 4, 5, 11, 12)]
    errors += [IPv6(**addresses(True)) / kind / quoted[True] for kind in
               (ICMPv6DestUnreach(), ICMPv6PacketTooBig(), ICMPv6TimeExceeded())]
    late = IP(**addresses(False), frag=9) / Raw(b"x" * 40)
    packets = [Ether(bytes(Ether(**MACS) / e)) for e in [*errors, late]]
    sent, verdicts = run("FromPort(in) -> ICMPError(ttl_exceeded, ADDRESS 192.0.2.1 2001:db8::f) -> ToPort;", packets)
    assert not sent
    assert [v["reason"] for v in verdicts] == ["icmp_about_error"] * len(errors) + ["icmp_late_fragment"]


def icmp_rate_goes_by_the_captures_time():
    packets = []
    for n in range(300):
        p = Ether(bytes(Ether(**MACS) / IP(**addresses(False)) / UDP()))
        p.time = 1000 + n * 0.01
        packets.append(p)
    counts = set()
    for _ in range(2):
        sent, _ = run("FromPort(in) -> ICMPError(ttl_exceeded, RATE 10, BURST 5, ADDRESS 192.0.2.1) -> ToPort;", packets)
        counts.add(len(sent))
    assert len(counts) == 1, "two runs of one capture differ"
    count = counts.pop()  # 5 at once, then 10 a second for 2.99 s
    assert 33 <= count <= 35, count


def whole_of(sent, ident):
    parts = sorted((p[IP] for p in sent if p[IP].id == ident), key=lambda f: f.frag)
    return b"".join(bytes(f)[f.ihl * 4:f.len] for f in parts), parts


def fragments_are_put_together():
    for mtu in (68, 576, 1000, 1400):
        packets = []
        for n in range(1, 40):
            size = random.randrange(0, 1400)
            options = random.choice(([], [], [IPOption_Router_Alert()], [IPOption_RR(routers=["0.0.0.0", "0.0.0.0"])]))
            p = Ether(**MACS) / IP(**addresses(False), id=n, options=options) / UDP(sport=4000, dport=4001) / Raw(random.randbytes(size))
            packets.append(Ether(bytes(p)))
        sent, _ = run(f"FromPort(in) -> IPFragmenter(MTU {mtu}) -> ToPort(out);", packets)
        assert all(p[IP].len <= mtu for p in sent)
        for was in packets:
            payload, parts = whole_of(sent, was[IP].id)
            assert payload == bytes(was[IP])[was[IP].ihl * 4:was[IP].len], f"id {was[IP].id}"
            assert len(parts) == 1 or all(not any(isinstance(o, IPOption_RR) for o in f.options) for f in parts[1:])
        assert [p[IP].id for p in sent] == sorted(p[IP].id for p in sent), "not right behind one another"
        rows = tshark("out.pcap", "ip.id", "ip.checksum.status", "udp.checksum.status", "udp.payload")
        assert all(r[1] == GOOD for r in rows)
        heard = {int(r[0], 16): (r[2], r[3]) for r in rows if r[2]}  # where tshark put it together
        for was in packets:
            payload = bytes(was[UDP].payload)
            assert heard[was[IP].id] == (GOOD, payload.hex()), f"tshark's reassembly of id {was[IP].id}"
        again = {bytes(p[UDP].payload) for p in defragment(sent) if UDP in p and not p[IP].frag and not p[IP].flags.MF}
        assert {bytes(p[UDP].payload) for p in packets} <= again, "scapy's reassembly"


def fragments_of_fragments_too():
    packets = [Ether(bytes(Ether(**MACS) / IP(**addresses(False), id=n) / UDP(sport=4000, dport=4001) / Raw(random.randbytes(1300))))
               for n in range(1, 30)]
    sent, _ = run("FromPort(in) -> IPFragmenter(MTU 1000) -> IPFragmenter(MTU 300) -> SetIPDSCP(ef) -> ToPort(out);",
                  packets)
    for was in packets:
        assert whole_of(sent, was[IP].id)[0] == bytes(was[IP])[20:]
    rows = tshark("out.pcap", "ip.checksum.status", "udp.checksum.status")
    assert all(r[0] == GOOD for r in rows) and sum(r[1] == GOOD for r in rows) == len(packets)


def too_big_is_answered():
    packets = [Ether(bytes(Ether(**MACS) / IP(**addresses(False), flags="DF") / UDP(sport=4000, dport=4001) / Raw(b"x" * 1300))),
               Ether(bytes(Ether(**MACS) / IPv6(**addresses(True)) / UDP(sport=4000, dport=4001) / Raw(b"x" * 1300)))]
    sent, _ = run("f :: IPFragmenter(MTU 1290); FromPort(in) -> f -> ToPort(out); f[1] -> ICMPError("
                  "fragmentation_needed, MTU 1290, ADDRESS 192.0.2.1 2001:db8:f::1) -> ToPort;", packets)
    assert len(sent) == 2 and sent[0][ICMP].nexthopmtu == 1290 and sent[1][ICMPv6PacketTooBig].mtu == 1290


def example(name, inputs, where):
    """Packets by port through an example; `where(port, n)`: the port that packet n from there leaves by."""
    total = sum(len(some) for some in inputs.values())
    outs = []
    for port in inputs:
        outs += ["--out-port", f"{port}={path(f'out-{port}.pcap')}"]
    _, verdicts = run(os.path.join(EXAMPLES, name), inputs, outs)
    assert len(verdicts) == total and all(v["verdict"] == "tx" for v in verdicts)
    for port in inputs:
        sent = {bytes(p) for p in rdpcap(path(f"out-{port}.pcap"))}
        wanted = set()
        for source, some in inputs.items():
            for n, p in enumerate(some):
                back = p.copy()
                back.src, back.dst = p.dst, p.src
                if where(source, n) in (port, None):
                    wanted.add(bytes(back))
        assert sent <= wanted and (sent == wanted or where(port, 0) is None), (name, port, len(sent), len(wanted))


def mirror_inputs(ports):
    return {port: [Ether(bytes(Ether(**MACS) / IP(**addresses(False)) / UDP(sport=4000, dport=4001) / Raw(f"{port}-{n}".encode())))
                   for n in range(100)] for port in ports}


def example_echo():
    example("nba-l2fwd-echo.click", mirror_inputs(["eth0", "eth1"]), lambda port, n: port)


def example_cross():
    other = {"eth0": "eth1", "eth1": "eth0", "eth2": "eth3", "eth3": "eth2"}
    example("nba-l2fwd-cross.click", mirror_inputs(other), lambda port, n: other[port])


def example_round_robin():
    for name in ("nba-l2fwd-rr.click", "nba-l2fwd-rr-batch.click"):
        example(name, mirror_inputs(["eth0", "eth1"]), lambda port, n: None)
        sizes = [len(rdpcap(path(f"out-{port}.pcap"))) for port in ("eth0", "eth1")]
        assert sum(sizes) == 200 and (sizes == [100, 100] if name == "nba-l2fwd-rr.click" else min(sizes) > 0), sizes


CASES = [check_l4_agrees_with_tshark, set_checksums_satisfies_tshark, set_dscp_is_read_back, vlan_tags_are_read_back,
         strip_unstrip_is_the_frame, store_bytes_is_seen, icmp_errors_are_right, icmp_errors_about_errors_are_not_sent,
         icmp_rate_goes_by_the_captures_time, fragments_are_put_together, fragments_of_fragments_too,
         too_big_is_answered, example_echo, example_cross, example_round_robin]


def main():
    random.seed(SEED)
    print(f"# seed {SEED}", flush=True)
    failed = 0
    for number, case in enumerate(CASES, 1):
        try:
            case()
            print(f"ok {number} {case.__name__}", flush=True)
        except (AssertionError, subprocess.CalledProcessError, KeyError) as error:
            failed += 1
            print("\n".join("# " + line for line in f"{type(error).__name__}: {error}".splitlines()[:20]))
            print(f"not ok {number} {case.__name__}", flush=True)
    print(f"1..{len(CASES)}")
    shutil.rmtree(WORK)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
