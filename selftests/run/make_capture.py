#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_capture.py - a capture in which the answer to every packet is known.

  make_capture.py SEED COUNT CAPTURE.pcap EXPECTED.jsonl

Packets for pipeline.click and routes.txt of this folder: every verdict occurs,
over IPv4, IPv6 and VLAN tags, with payloads from nothing to a full frame. The
expected lines have n, verdict, and port where the verdict is tx.
"""
import ipaddress
import json
import random
import struct
import sys

PATTERNS = (b"FORBIDDEN-PATTERN", b"\x00\x01\x02evil\xff")
ETH = bytes.fromhex("020000000102020000000101")
ROUTES = [(ipaddress.ip_network(p), port) for p, port in (
    ("10.0.0.0/8", "east"), ("10.1.0.0/16", "north"), ("10.1.2.3/32", "south"),
    ("2001:db8::/32", "east"), ("2001:db8:1::/48", "north"))]
DESTINATIONS = {4: ["10.200.1.1", "10.1.9.9", "10.1.2.3", "10.1.2.4", "172.16.0.1"],
                6: ["2001:db8:ffff::1", "2001:db8:1::77", "2001:db9::1"]}


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(dst, proto, l4, ttl=64, spoil=False):
    fields = [0x45, 0, 20 + len(l4), random.getrandbits(16), 0, ttl, proto, 0,
              ipaddress.ip_address("198.51.100.7").packed, ipaddress.ip_address(dst).packed]
    fields[7] = checksum(struct.pack("!BBHHHBBH4s4s", *fields)) ^ (0x0101 if spoil else 0)
    return 0x0800, struct.pack("!BBHHHBBH4s4s", *fields) + l4


def ip6(dst, proto, l4, hlim=64):
    return 0x86DD, struct.pack("!IHBB16s16s", 6 << 28, len(l4), proto, hlim,
                               ipaddress.ip_address("2001:db8:9::7").packed, ipaddress.ip_address(dst).packed) + l4


def l4(proto, payload):
    ports = random.randrange(1024, 65536), random.choice((53, 80, 443))
    if proto == 17:
        return struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    return struct.pack("!HHIIBBHHH", *ports, random.getrandbits(32), 0, 5 << 4, 0x18, 65535, 0, 0) + payload


def frame(ethertype, packet):
    tags = b"".join(struct.pack("!HH", kind, random.randrange(1, 4095)) for kind in
                    random.choice(((), (), (), (0x8100,), (0x88A8, 0x8100))))
    return ETH + tags + struct.pack("!H", ethertype) + packet


def route(dst):
    address = ipaddress.ip_address(dst)
    hits = [(net.prefixlen, port) for net, port in ROUTES if address.version == net.version and address in net]
    return max(hits)[1] if hits else None


def make_one():
    """One frame and what must become of it: (verdict, port)."""
    family, proto = random.choice((4, 6)), random.choice((6, 17))
    payload = random.randbytes(random.choice((0, 1, 15, 16, 17, 64, 500, 1400)))
    dst = random.choice(DESTINATIONS[family])
    kind = random.choices(("plain", "match", "expired", "spoilt", "arp"), (70, 15, 5, 5, 5))[0]
    if kind == "match":
        at = random.randrange(len(payload) + 1)
        payload = payload[:at] + random.choice(PATTERNS) + payload[at:]
    hops = 1 if kind == "expired" else 64
    segment = l4(proto, payload[:1420])
    if kind == "arp":
        return frame(0x0806, b"\0\1\x08\0\6\4\0\1" + bytes(20)), ("kernel", None)
    if family == 4:
        ethertype, packet = ip4(dst, proto, segment, hops, spoil=kind == "spoilt")
    else:
        ethertype, packet = ip6(dst, proto, segment, hops)
    if kind == "spoilt" and family == 4:
        return frame(ethertype, packet), ("drop", None)
    if any(p in payload[:1420] for p in PATTERNS):
        return frame(ethertype, packet), ("drop", None)
    port = route(dst)
    if port is None or kind == "expired":
        return frame(ethertype, packet), ("kernel", None)
    return frame(ethertype, packet), ("tx", port)


def main():
    if len(sys.argv) != 5:
        print(__doc__, file=sys.stderr)
        return 2
    random.seed(int(sys.argv[1]))
    with open(sys.argv[3], "wb") as capture, open(sys.argv[4], "w", encoding="utf-8") as expected:
        capture.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for n in range(int(sys.argv[2])):
            data, (verdict, port) = make_one()
            capture.write(struct.pack("<IIII", 1700000000 + n // 1000, n % 1000, len(data), len(data)) + data)
            line = {"n": n, "verdict": verdict}
            if port:
                line["port"] = port
            expected.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
