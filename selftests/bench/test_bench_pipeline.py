#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_bench_pipeline.py - every case of `fulcrum bench pipeline` is measured and its JSON is whole.

Times are not judged here: a test machine is busy.
"""
import json
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FULCRUM = os.path.join(ROOT, "build", "bin", "fulcrum")
tests = 0


def check(good, name, why=""):
    global tests
    tests += 1
    print(f"{'ok' if good else 'not ok'} {tests} {name}" + ("" if good else f" # {why}"), flush=True)
    return bool(good)


def main():
    print("TAP version 13")
    done = subprocess.run([FULCRUM, "bench", "pipeline", "--seconds", "0.05", "--json"], capture_output=True, text=True,
                          timeout=300)
    good = check(done.returncode == 0, "runs", done.stderr[-300:])
    data = json.loads(done.stdout)
    good &= check(data["skipped"] == [], "every case is measured", str(data["skipped"])[:600])
    figures = {f["name"]: f for f in data["figures"]}
    wanted = {"no-op": ("ns/packet", 4), "branch": ("ns/packet", 8), "nine no-ops, one packet": ("ns", 50)}
    for name, (unit, goal) in wanted.items():
        f = figures.get(name, {})
        good &= check(f.get("unit") == unit and f.get("goal") == goal and f.get("reference", 0) > 0 and "met" in f,
                      f"{name} has its goal and its reference", str(f))
    print(f"1..{tests}")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
