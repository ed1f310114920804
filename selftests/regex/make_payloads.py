#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_payloads.py - payloads, and what Python's re and find say about them.

  make_payloads.py SEED COUNT EXPRESSIONS.txt CAPTURE.pcap EXPECTED.jsonl

UDP over IPv4 for pipeline.click of this folder. The expected lines have n,
verdict, and the number of the lowest expression (else of the lowest literal) in alerts.
"""
import json
import random
import re
import struct
import sys

LITERALS = (b"aa", b"ab", b"passwd", b"select", b"\x90")
FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
PIECES = (b"GET /index.php?id=12", b"POST /a/b/Upload", b"User-Agent: sqlmap ", b"user-agent:nikto2",
          b"a" + b"." * 45 + b"bcd", b"\x90" * 9 + b"\x02", b"\xcc" * 4, b"UNION  all select ", b"union\nselect",
          b"passwd and\nshadow", b"passwdx shadow", b"x" + b"z" * 70 + b"y", b"x" * 71 + b"y",
          b"0123456789abcdef" * 2 + b"\r\n", b"0123456789abcdef" * 2, b"\n", b" ", b"ab", b"aa", b"\x90")


def expressions(name):
    out = []
    with open(name, encoding="ascii") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                text, flags = re.fullmatch(r"\d+:/(.*)/([ims]*)\n", line).groups()
                out.append(re.compile(text.encode(), sum(FLAGS[f] for f in flags)))
    return out


def payload():
    if random.random() < 0.1:
        return b""
    parts = [random.choice(PIECES) if random.random() < 0.4 else random.randbytes(random.randrange(12))
             for _ in range(random.randrange(1, 9))]
    return b"".join(parts)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(data):
    udp = struct.pack("!HHHH", random.randrange(1024, 65536), 80, 8 + len(data), 0) + data
    head = [0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes((198, 51, 100, 7)), bytes((10, 0, 0, 1))]
    head[7] = checksum(struct.pack("!BBHHHBBH4s4s", *head))
    packet = struct.pack("!BBHHHBBH4s4s", *head) + udp
    return bytes.fromhex("020000000102020000000101") + b"\x08\x00" + packet


def lowest(found):
    return next((k for k, hit in enumerate(found) if hit), None)


def main():
    random.seed(int(sys.argv[1]))
    compiled = expressions(sys.argv[3])
    seen = set()
    with open(sys.argv[4], "wb") as capture, open(sys.argv[5], "w", encoding="ascii") as expected:
        capture.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for n in range(int(sys.argv[2])):
            data = payload()
            wire = frame(data)
            capture.write(struct.pack("<IIII", 1700000000 + n // 1000, n % 1000, len(wire), len(wire)) + wire)
            hit = lowest(bool(data) and e.search(data) for e in compiled)
            alert = lowest(text in data for text in LITERALS) if hit is None else hit
            seen.add(hit)
            expected.write(json.dumps({"n": n, "verdict": "tx" if hit is None else "drop",
                                       "alerts": [] if alert is None else [alert]}) + "\n")
    missing = set(range(len(compiled))) - seen
    if missing:
        print(f"expressions {sorted(missing)} match no payload", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
