#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_language.py - the configuration language: each kind of error as golden text, good files flat and at work.

  bad/NAME.click    `fulcrum pipeline check` says NAME.expected, byte for byte, and fails
  good/NAME.click   its elements and connections are those of NAME.expected, and a run loses no packet

test_language.py --write writes the expected files anew, to be read before they are kept.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, os.environ.get("B", "build"))
FULCRUM = os.path.join(BUILD, "bin/fulcrum")
NEEDS_PLUGIN = {"class_of_a_plugin": "route"}
LIMIT_S = 60


def check(folder, name, *options):
    """What `pipeline check` answers, run beside the file so that messages hold no path."""
    return subprocess.run([FULCRUM, "pipeline", "check", name + ".click", *options], cwd=os.path.join(HERE, folder),
                          capture_output=True, timeout=LIMIT_S, check=False)


def bad_text(name):
    done = check("bad", name)
    if done.returncode != 1 or done.stdout:
        return f"exit status {done.returncode}, on stdout: {done.stdout!r}\n"
    machine = check("bad", name, "--json")
    errors = json.loads(machine.stdout)["errors"]
    if machine.returncode != 1 or not errors:
        return f"--json: exit status {machine.returncode}, {len(errors)} errors\n"
    return done.stderr.decode("utf-8")


def good_text(name):
    done = check("good", name, "--json")
    if done.returncode:
        return f"exit status {done.returncode}: {done.stderr.decode()}"
    answer = json.loads(done.stdout)
    text = ""
    for e in answer["elements"]:
        text += f"{e['name']} :: {e['class']}({', '.join(e['arguments'])})\n"
    for c in answer["connections"]:
        text += f"{c['from']} [{c['output']}] -> [{c['input']}] {c['to']}\n"
    return text + done.stderr.decode("utf-8")


def packet(kind, n):
    """Ethernet with IPv4, IPv6, a broken IPv4 header, or neither."""
    udp = struct.pack("!HHHH", 1000 + n, 2000, 8, 0)
    ip4 = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, n, 0, 64, 17, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 1, 2]))
    total = sum(struct.unpack("!10H", ip4))
    total = (total & 0xFFFF) + (total >> 16)
    ip4 = ip4[:10] + struct.pack("!H", ~total & 0xFFFF) + ip4[12:]
    ip6 = struct.pack("!IHBB", 6 << 28, 8, 17, 64) + b"\x20\x01" + bytes(13) + b"\x01" + b"\x20\x01" + bytes(13) + b"\x02"
    body = {4: ip4 + udp, 6: ip6 + udp, 0: ip4[:8] + b"\x01" + ip4[9:] + udp, 1: bytes(46)}[kind]
    kinds = {4: 0x0800, 6: 0x86DD, 0: 0x0800, 1: 0x88B5}
    return b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01" + struct.pack("!H", kinds[kind]) + body


def write_capture(name, frames):
    with open(name, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for n, data in enumerate(frames):
            f.write(struct.pack("<IIII", n, 0, len(data), len(data)) + data)


def run_conserves(name, work):
    frames = [packet(kind, n) for n, kind in enumerate((4, 6, 0, 1) * 50)]
    capture, verdicts = os.path.join(work, "in.pcap"), os.path.join(work, "verdicts.jsonl")
    write_capture(capture, frames)
    done = subprocess.run([FULCRUM, "run", "--pipeline", os.path.join(HERE, "good", name + ".click"), "--in", capture,
                           "--out", os.path.join(work, "out.pcap"), "--verdicts", verdicts],
                          capture_output=True, timeout=LIMIT_S, check=False)
    if done.returncode:
        return f"run: exit status {done.returncode}: {done.stderr.decode()}"
    with open(verdicts, encoding="utf-8") as lines:
        numbers = sorted(json.loads(line)["n"] for line in lines)
    first = numbers[0] if numbers else 0
    if numbers != list(range(first, first + len(frames))):
        return f"run: {len(numbers)} verdicts for {len(frames)} packets"
    return ""


def difference(want, got):
    for n, (a, b) in enumerate(zip(want.splitlines() + [None], got.splitlines() + [None]), 1):
        if a != b:
            return f"line {n}: expected {a!r}\n  but it is    {b!r}"
    return ""


def cases(work):
    for folder, text_of in (("bad", bad_text), ("good", good_text)):
        for file in sorted(os.listdir(os.path.join(HERE, folder))):
            name, kind = os.path.splitext(file)
            if kind != ".click":
                continue
            plugin = NEEDS_PLUGIN.get(name)
            if plugin and not os.path.exists(os.path.join(BUILD, "plugins", plugin + ".so")):
                yield f"{folder}/{name} # SKIP plugin {plugin} is not built", ""
                continue
            got = text_of(name)
            expected = os.path.join(HERE, folder, name + ".expected")
            if "--write" in sys.argv:
                with open(expected, "w", encoding="utf-8", newline="") as f:
                    f.write(got)
            with open(expected, encoding="utf-8", newline="") as f:
                wrong = difference(f.read(), got)
            yield f"{folder}/{name}", wrong or (folder == "good" and run_conserves(name, work)) or ""


def main():
    if not os.path.exists(FULCRUM):
        print(f"1..0 # SKIP {FULCRUM} is not built: run make")
        return 4
    failed = number = 0
    with tempfile.TemporaryDirectory() as work:
        for number, (name, wrong) in enumerate(cases(work), 1):
            for line in wrong.splitlines():
                print("#", line)
            print("not ok" if wrong else "ok", number, name)
            failed += bool(wrong)
    print(f"1..{number}")
    return 1 if failed or not number else 0


if __name__ == "__main__":
    sys.exit(main())
