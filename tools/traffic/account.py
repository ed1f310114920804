#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""account.py - conservation over counters: received and added = all the ways a packet can go.

  account.py STATS.json QUEUE.json

STATS.json is `fulcrum stats --json`, QUEUE.json `bpftool -j map dump pinned
…/fu1_queue`. Prints both sums and what they are made of as JSON; exit status 1
where they disagree. Valid while nothing is under way, and for maps that were
new when the helper started.
"""
import json
import sys

STEERED = ("inline_packets", "inline_helper_stale", "inline_no_credit", "inline_no_socket")


def queue_counters(dump):
    """Every counter of fu1_queue, summed over ports and queues; `dump` as bpftool -j prints it."""
    total = {}
    for entry in dump:
        for name, value in entry["formatted"]["value"].items():
            if name in ("slot", "pad"):
                continue
            for key, number in enumerate(value) if isinstance(value, list) else ((None, value),):
                full = name if key is None else f"{name}[{key}]"
                total[full] = total.get(full, 0) + number
    return total


def minus(after, before):
    return {k: v - before.get(k, 0) for k, v in after.items()}


def ring_packets(counters):
    return sum(v for k, v in counters.items() if k.startswith("ring_packets"))


def steered(counters):
    """All the ways out of XDP. Equal to rx_packets, or one was lost without a name."""
    return sum(v for k, v in counters.items() if k.startswith(("pass_", "drop_", "ring_packets")) or k in STEERED)


def inline_in(counters):
    return sum(counters[k] for k in STEERED)


def inline_out(counters):
    return sum(counters[k] for k in ("inline_tx", "inline_pass", "inline_drop", "inline_missing"))


def answered(stats):
    """Of the packets that reached the helper: transmitted, dropped, to the kernel, lost by name."""
    verdicts = stats["verdicts"]
    return {"tx": verdicts.get("tx", 0), "drop": sum(verdicts.get("drop", {}).values()),
            "kernel": sum(verdicts.get("kernel", {}).values()), "lost": sum(stats.get("lost", {}).values())}


def made(stats):
    """Packets that elements added."""
    return stats["verdicts"].get("made", 0)


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    with open(sys.argv[1], encoding="utf-8") as f:
        stats = json.load(f)
    with open(sys.argv[2], encoding="utf-8") as f:
        counters = queue_counters(json.load(f))
    out = answered(stats)
    sums = {"xdp": [counters["rx_packets"], steered(counters)],
            "inline": [inline_in(counters), inline_out(counters)],
            "helper": [ring_packets(counters) + made(stats), sum(out.values())]}
    print(json.dumps({"sums": sums, "helper": out, "xdp": {k: v for k, v in counters.items() if v}}, indent=1))
    return 0 if all(a == b for a, b in sums.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
