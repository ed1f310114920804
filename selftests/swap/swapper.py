#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""swapper.py - loads pipelines into a running helper, one after the other, and tells what it saw.

  swapper.py --socket PATH --pid PID --count N --pause-ms MS --good FILE,FILE,... --bad FILE,FILE,...

Good ones in turn; between them, after every 20th, a bad one, which must be
refused and leave the last good one running. Prints one JSON object: swaps,
refusals, what went wrong (first 10), figures of gap, build and drain, the
helper's memory after a tenth of the swaps and at the end.
"""
import argparse
import json
import socket
import sys
import time

BAD_EVERY = 20


class Control:
    """A connection to the control socket."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(path)
        self.lines = self.sock.makefile("r", encoding="utf-8")

    def ask(self, **request):
        self.sock.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(self.lines.readline())

    def load(self, path):
        return self.ask(object="pipeline", verb="load", file=path)

    def file(self):
        return self.ask(object="pipeline", verb="show")["data"]["file"]


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def figures(values):
    values = sorted(values)
    at = lambda share: round(values[min(len(values) - 1, int(len(values) * share))], 3)
    return {"p50": at(.5), "p99": at(.99), "max": at(1)} if values else {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--pause-ms", type=float, default=0)
    parser.add_argument("--good", required=True)
    parser.add_argument("--bad", default="")
    a = parser.parse_args()
    good, bad = a.good.split(","), [f for f in a.bad.split(",") if f]
    control = Control(a.socket)
    gap, build, drain, wrong = [], [], [], []
    refused = early_kib = 0
    begin = time.monotonic()
    for n in range(a.count):
        path = good[n % len(good)]
        answer = control.load(path)
        if not answer["ok"]:
            wrong.append(f"{path}: {answer['error']}")
            continue
        data = answer["data"]
        gap.append(data["gap_us"]), build.append(data["build_ms"]), drain.append(data["drain_ms"])
        if bad and n % BAD_EVERY == BAD_EVERY - 1:
            wanted = bad[n // BAD_EVERY % len(bad)]
            answer = control.load(wanted)
            if answer["ok"]:
                wrong.append(f"{wanted} was loaded")
            elif control.file() != path:
                wrong.append(f"{path} does not run any more after {wanted}")
            else:
                refused += 1
        if n == a.count // 10:
            early_kib = resident_kib(a.pid)
        time.sleep(a.pause_ms / 1000)
    print(json.dumps({"swaps": len(gap), "refused": refused, "wrong": wrong[:10], "gap_us": figures(gap),
                      "build_ms": figures(build), "drain_ms": figures(drain), "early_kib": early_kib,
                      "end_kib": resident_kib(a.pid), "seconds": round(time.monotonic() - begin, 1)}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
