# SPDX-License-Identifier: MIT
"""acts.py - the steps of the demo: each does one thing, shows it, and checks it."""
import re
import time

import show
from fulcrum import PINS, PORTS
from net import CLIENT, DUT_ADDR, SERVER
from account import answered, inline_in, inline_out, minus, ring_packets, steered
from traffic import SIZES

ORDER_SECONDS = 6


# ---- set up -----------------------------------------------------------------------------
def attach(demo):
    show.step("Attach the XDP program with plain iproute2")
    for port in PORTS:
        show.command(" ".join(["ip link set dev", port, "xdp obj steer.bpf.o sec xdp"]))
    demo.fulcrum.attach()
    alive = demo.traffic.ping(4, to=DUT_ADDR[4], number=5)
    demo.checks.that(alive["received"] == 5, "the machine in the middle still answers its own address",
                     f"{alive['received']} of 5 pings")


def start(demo, pipeline, what):
    show.step(f"Start the helper: {what}")
    show.command(f"fulcrumd --pipeline {pipeline} --config demo.toml")
    begin = time.monotonic()
    demo.fulcrum.start(pipeline)
    show.say(f"ready after {time.monotonic() - begin:.1f} s; ports, devices and tiers:")
    for line in demo.fulcrum.ctl_text("port", "list").splitlines():
        show.say(line)
    for line in demo.fulcrum.ctl_text("device", "list").splitlines():
        show.say(line)
    for tier in demo.fulcrum.ratio()["tiers"]:
        why = "" if tier["eligible"] else f": {tier.get('why', '')}"
        show.say(f"tier {tier['tier']}: {'eligible' if tier['eligible'] else 'not eligible'}{why}")


class Wires:
    """Counters at a moment, to tell later what has passed since."""

    def __init__(self, demo):
        self.queue = demo.fulcrum.queue_counters()
        self.raw_stats = demo.fulcrum.stats()
        self.stats = answered(self.raw_stats)
        self.sent = sum(demo.net.wire_counters(ns, dev)["tx"] for ns, dev in ((CLIENT, "cli0"), (SERVER, "srv0")))


# ---- traffic ------------------------------------------------------------------------------
def ping(demo):
    show.step("ping")
    rows = []
    for family in (4, 6):
        result = demo.traffic.ping(family)
        rows.append([f"IPv{family}", result["sent"], result["received"], f"{result['avg_ms']} ms"])
        # The very first packet may wait for a neighbour to be found.
        demo.checks.that(result["received"] >= result["sent"] - 1, f"ping over IPv{family}",
                         f"{result['received']} of {result['sent']}, {result['avg_ms']} ms on average")
        demo.figures[f"ping{family}"] = result


def transfers(demo):
    show.step("curl fetches files of several sizes; SHA-256 of each is compared")
    rows, figures, right = [], [], True
    for name, size in SIZES.items():
        row = [name]
        for family in (4, 6):
            got = demo.traffic.fetch(family, name)
            right &= got["right"]
            mbps = round(size * 8 / got["seconds"] / 1e6) if got["seconds"] else 0
            row += [f"{'right' if got['right'] else 'WRONG ' + got['error']}", mbps]
            figures.append({"family": family, "file": name, "right": got["right"], "mbps": mbps})
        rows.append(row)
    show.table(["file", "IPv4", "Mbit/s", "IPv6", "Mbit/s"], rows)
    demo.checks.that(right, "every transfer's checksum is right", f"{len(figures)} files")
    demo.figures["transfers"] = figures


def forbidden(demo):
    show.step("Requests that carry FORBIDDEN-PATTERN, in the URL or a header, between allowed ones")
    allowed = demo.traffic.start_fetch(4, "50M")
    results = demo.traffic.forbidden()
    good = demo.traffic.end_fetch(allowed)["right"]
    show.table(["IP", "where", "answered", "curl's exit"],
               [[f"v{r['family']}", r["place"], "yes" if r["answered"] else "no", str(r["curl_exit"])] for r in results])
    seen = demo.traffic.log().count("FORBIDDEN")
    demo.figures["forbidden"] = {"requests": results, "seen_by_server": seen}
    if not demo.fulcrum:
        show.say("all of them answered: nothing here looks into packets")
        demo.checks.that(seen == len(results), "without Fulcrum the server sees each of them", seen)
        return
    dropped = demo.fulcrum.stats()["verdicts"].get("drop", {})
    show.say("dropped by reason: " + (", ".join(f"{k} {v:,}" for k, v in dropped.items() if v) or "none"))
    demo.checks.that(not any(r["answered"] for r in results), "no forbidden request was answered",
                     f"{len(results)} requests")
    demo.checks.that(seen == 0, "no forbidden request reached the server")
    demo.checks.that(dropped.get("forbidden_pattern", 0) >= len(results), "drops have their reason",
                     f"forbidden_pattern {dropped.get('forbidden_pattern', 0)}")
    demo.checks.that(good, "the allowed transfer beside them is right")


def throughput(demo):
    show.step("iperf3: TCP over IPv4, then UDP over IPv6" +
              ("; the balancer moves the split" if demo.fulcrum else ""))
    if demo.fulcrum:
        for port in PORTS:
            show.command(f"fulcrum ratio auto {port} --policy hillclimb")
        demo.fulcrum.auto("hillclimb")
    tcp = demo.traffic.start_iperf(4, 8, "-P", 4)
    moves = watch(demo, tcp) if demo.fulcrum else None
    result = demo.traffic.end_iperf(tcp)
    show.say(f"TCP: {result['mbps']:,} Mbit/s, {result.get('retransmits', '?')} retransmits")
    demo.checks.that(result["mbps"] > 0, "iperf3 TCP came through", result.get("error", f"{result['mbps']:,} Mbit/s"))
    udp = demo.traffic.start_iperf(6, 5, "-u", "-b", "50M", "-l", 1200, "-P", 4)
    udp_result = demo.traffic.end_iperf(udp)
    if "error" not in udp_result:
        show.say(f"UDP: {udp_result['packets']:,} packets, {udp_result['lost']:,} lost, "
                 f"{udp_result['out_of_order']} out of order")
    demo.checks.that(udp_result.get("out_of_order") == 0, "iperf3 UDP saw no packet out of order",
                     udp_result.get("error", f"{udp_result.get('packets', 0):,} packets"))
    demo.figures["iperf3"] = {"tcp": result, "udp": udp_result}
    if moves:
        demo.figures["ratio_over_time"] = moves


def watch(demo, running):
    """Live table of west's split until `running` ends."""
    rows, last, begin = [], None, time.monotonic()
    while running.poll() is None:
        ratio, now = demo.fulcrum.ratio("west"), time.monotonic()
        received = demo.fulcrum.queue_counters()["rx_packets"]
        tiers = {t["tier"]: t for t in ratio["tiers"] if t["eligible"]}
        if not rows:
            show.say(f"{'time':>6}  " + "  ".join(f"{t:>8}" for t in tiers) + f"  {'packets/s':>10}  {'bucket moves':>12}")
        pps = round((received - last[0]) / (now - last[1])) if last else 0
        last = (received, now)
        shares = "  ".join(f"{t['permille'] / 10:>6.1f} %" for t in tiers.values())
        show.say(f"{now - begin:5.1f}s  {shares}  {pps:>10,}  {ratio.get('moves', 0):>12,}")
        rows.append({"s": round(now - begin, 2), "pps": pps, "moves": ratio.get("moves", 0),
                     **{name: t["permille"] for name, t in tiers.items()}})
        time.sleep(0.5)  # the pace of the table, nothing waits for it
    return rows


def order(demo, tiers="two tiers"):
    show.step("Order: numbered UDP in 64 flows" + (f", the ratio thrown about between {tiers} every 100 ms" if demo.fulcrum else ""))
    results = {}
    for family in (4, 6):
        sender = demo.traffic.start_numbered(family, flows=64, rate=15000, seconds=ORDER_SECONDS / 2)
        changes = throw_about(demo, sender) if demo.fulcrum else 0
        r = results[family] = {**demo.traffic.end_numbered(sender), "ratio_changes": changes}
        show.say(f"IPv{family}: {r['sent']:,} sent, {r['received']:,} received, {r['lost']:,} lost, "
                 f"{r['reordered']} reordered, {r['duplicates']} doubled; {changes} changes of the ratio")
        demo.checks.that(r["reordered"] == 0 and r["duplicates"] == 0 and r["received"] > 0,
                         f"zero reordering over IPv{family}{', ' + tiers if demo.fulcrum else ''}",
                         f"{r['received']:,} packets")
    demo.figures.setdefault("order", {})[tiers] = results


def throw_about(demo, running):
    names = [t["tier"] for t in demo.fulcrum.ratio()["tiers"] if t["eligible"] and t["tier"] != "pass"]
    even = {n: 1000 // len(names) for n in names}
    even[names[0]] += 1000 - sum(even.values())
    steps = [{n: 1000} for n in names] + [even]
    changes = 0
    while running.poll() is None:
        demo.fulcrum.set_ratio(**steps[changes % len(steps)])
        changes += 1
        time.sleep(0.1)  # the pace of the changes
    return changes


# ---- what the maps and the counters say -------------------------------------------------------
def maps(demo):
    show.step("The same seen by bpftool, without any tool of ours")
    show.command(f"bpftool map dump pinned {PINS}/fu1_port")
    for entry in demo.fulcrum.dump("fu1_port"):
        key, value = entry["formatted"]["key"], entry["formatted"]["value"]
        shares = ", ".join(f"{k} {v}" for k, v in value.items() if k.endswith("_permille"))
        buckets = " ".join(str(b).replace("FULCRUM_TIER_", "") for b in value["bucket"][:8])
        show.say(f"ifindex {key}: {shares}, on_loss {value['on_loss']}, bucket[256] = {buckets} …")
    show.command(f"bpftool map dump pinned {PINS}/fu1_queue")
    for entry in demo.fulcrum.dump("fu1_queue"):
        key, value = entry["formatted"]["key"], entry["formatted"]["value"]
        counters = ", ".join(f"{k} {v}" for k, v in value.items() if v not in (0, [0] * 4) and k not in ("slot", "pad"))
        show.say(f"ifindex {key['ifindex']} queue {key['queue']}: {counters}")


def account(demo, wires):
    show.step("The account: packets by tier, verdicts by reason, latency, and whether the sums agree")
    sums = settle(demo, wires)
    stats = sums.stats
    show.table(["tier", "packets", "p50 µs", "p90 µs", "p99 µs", "p99.9 µs"],
               [[t["tier"], t["packets"], *(t.get(k) for k in ("p50_us", "p90_us", "p99_us", "p999_us"))]
                for t in stats["tiers"]])
    verdicts = stats["verdicts"]
    rows = [["transmitted", "", verdicts.get("tx", 0)]]
    for title, reasons in (("dropped", verdicts.get("drop", {})), ("to kernel", verdicts.get("kernel", {})),
                           ("lost", stats.get("lost", {}))):
        rows += [[title, reason, n] for reason, n in reasons.items() if n]
    show.table(["verdict", "reason", "packets"], rows)
    xdp, out = sums.xdp, sums.out
    for holds, (what, detail) in zip(sums.hold(), (
            ("XDP saw every packet of both wires", f"{sums.sent:,} sent by the hosts, {xdp['rx_packets']:,} seen"),
            ("XDP: received = rings + inline + to kernel + dropped", f"{xdp['rx_packets']:,} = {steered(xdp):,}"),
            ("inline: received = transmitted + passed + dropped", f"{inline_in(xdp):,} = {inline_out(xdp):,}"),
            ("helper: received = transmitted + dropped + to kernel + lost by name",
             f"{ring_packets(xdp):,} = {out['tx']:,} + {out['drop']:,} + {out['kernel']:,} + {out['lost']:,}"))):
        demo.checks.that(holds, what, detail)
    demo.figures.setdefault("account", []).append(
        {"stats": stats, "sent": sums.sent, "xdp": xdp, "helper": out})


class Sums:
    """What went in and out since `wires`, by three witnesses: hosts, XDP, helper."""

    def __init__(self, demo, wires):
        now = Wires(demo)
        self.stats = now.raw_stats
        self.xdp = minus(now.queue, wires.queue)
        self.out = minus(now.stats, wires.stats)
        self.sent = now.sent - wires.sent

    def hold(self):
        """One answer an equation; a sum of nothing proves nothing."""
        received, ringed = self.xdp["rx_packets"], ring_packets(self.xdp)
        return [received == self.sent > 0, received == steered(self.xdp), inline_in(self.xdp) == inline_out(self.xdp),
                ringed == sum(self.out.values()) > 0]


def settle(demo, wires):
    """The sums once nothing is under way any more; after 3 s as they are."""
    end = time.monotonic() + 3
    while True:
        sums = Sums(demo, wires)
        if all(sums.hold()) or time.monotonic() > end:
            return sums
        time.sleep(0.1)


def stop(demo):
    show.step("Clean stop")
    status, words = demo.fulcrum.stop()
    show.say(words.strip() or "(the helper said nothing)")
    home = re.search(r"frames: (\d+) of (\d+) home", words)
    demo.checks.that(status == 0, "the helper stopped cleanly", f"exit status {status}")
    demo.checks.that(home and home[1] == home[2], "all frames are home", home[0] if home else "not said")
    demo.figures["stop"] = {"status": status, "frames": [home[1], home[2]] if home else None}
