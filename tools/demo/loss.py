# SPDX-License-Identifier: MIT
"""loss.py - the helper is killed in mid-transfer; who goes on, and how long was the gap."""
import time

import show
from account import minus, ring_packets
from net import wait_for

GAP_LIMIT_MS = 500  # heartbeat limit 250 ms (demo.toml), and room for a machine with two busy cores
STREAM_SECONDS = 6
RATE_PPS = 1000


def kill_in_transfer(demo, pipeline, policy):
    fulcrum = demo.fulcrum
    fulcrum.set_ratio(cpu=1000)  # all through the helper: the kill hits every flow
    show.step(f"kill -9 the helper in the middle of a transfer (policy {policy})")
    before = fulcrum.queue_counters()
    transfers = [demo.traffic.start_fetch(family, "50M", "--limit-rate", "12M") for family in (4, 6)]
    stream = demo.traffic.start_numbered(4, flows=1, rate=RATE_PPS, seconds=STREAM_SECONDS)
    wait_for("stream under way", lambda: ring_packets(minus(fulcrum.queue_counters(), before)) > 1500, 10)
    fulcrum.kill()
    at_kill = fulcrum.queue_counters()
    show.say("killed; what XDP did with the packets since:")
    right = [demo.traffic.end_fetch(t)["right"] for t in transfers]
    gap = demo.traffic.end_numbered(stream)
    since = {k: v for k, v in minus(fulcrum.queue_counters(), at_kill).items() if v}
    for name, number in since.items():
        show.say(f"  {name} {number:,}")
    judge(demo, pipeline, policy, gap, since, all(right))
    take_over_again(demo, pipeline, policy)


def judge(demo, pipeline, policy, gap, since, right):
    show.say(f"1 kHz stream across the kill: {gap['lost']} of {gap['sent']:,} packets lost, "
             f"{gap['reordered']} reordered, longest outage {gap['outage_ms']} ms, longest silence {gap['silence_ms']} ms")
    by_policy = sum(v for k, v in since.items() if k.startswith(f"{policy}_helper_stale") or
                    k.startswith(f"{policy}_no_"))
    demo.checks.that(right, f"{pipeline}: both transfers went on across the kill and are right")
    demo.checks.that(by_policy > 0, f"{pipeline}: policy {policy} took over", f"{by_policy:,} packets")
    demo.checks.that(gap["outage_ms"] <= GAP_LIMIT_MS, f"{pipeline}: gap within {GAP_LIMIT_MS} ms",
                     f"{gap['outage_ms']} ms")
    demo.figures[f"kill_{policy}"] = {"stream": gap, "xdp_since": since, "transfers_right": right}


def take_over_again(demo, pipeline, policy):
    fulcrum = demo.fulcrum
    show.say("start the helper again:")
    begin = time.monotonic()
    fulcrum.start(pipeline)
    seconds = time.monotonic() - begin
    fulcrum.set_ratio(cpu=1000)
    before = fulcrum.queue_counters()
    again = demo.traffic.fetch(6, "10M")
    taken = ring_packets(minus(fulcrum.queue_counters(), before))
    show.say(f"ready after {seconds:.1f} s; of the next transfer it took {taken:,} packets")
    demo.checks.that(again["right"] and taken > 1000, f"{pipeline}: a new helper takes over again", f"{taken:,} packets")
    demo.figures[f"kill_{policy}"]["restart_s"] = round(seconds, 2)
    status, _ = fulcrum.stop()
    demo.checks.that(status == 0, f"{pipeline}: it stops cleanly", f"exit status {status}")
