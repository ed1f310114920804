# SPDX-License-Identifier: MIT
"""report.py - trials -> medians, ratios, the table with the targets beside them."""
import statistics

MIB = 1 << 20


def values(trials, name, test, size, key):
    """{repeat: value}; of several windows in a repeat the last undisturbed one."""
    best = {}
    for t in trials:
        if (t["name"], t["test"], t["size"]) == (name, test, size) and key in t:
            old = best.get(t["rep"])
            if old is None or old["disturbed"] or not t["disturbed"]:
                best[t["rep"]] = t
    return {rep: t[key] for rep, t in best.items()}


def median(trials, *what):
    v = values(trials, *what)
    return statistics.median(v.values()) if v else None


class Target:
    """One figure: a value of `a`, or its ratio to the same value of `b`; op is '>=', '<=', or '' for a
    figure that has no target of its own and shows what this machine allows."""

    def __init__(self, label, a, b, test, size, key, op, limit, scale=1.0, unit=""):
        self.label, self.a, self.b, self.what = label, a, b, (test, size, key)
        self.op, self.limit, self.scale, self.unit = op, limit, scale, unit

    def value(self, trials):
        a = median(trials, self.a, *self.what)
        b = median(trials, self.b, *self.what) if self.b else 1
        return a * self.scale / b if a is not None and b else None

    def spread(self, trials):
        """Lowest and highest of the single repeats."""
        a = values(trials, self.a, *self.what)
        b = values(trials, self.b, *self.what) if self.b else dict.fromkeys(a, 1)
        r = [a[rep] * self.scale / b[rep] for rep in a if b.get(rep)]
        return (min(r), max(r)) if r else None

    def result(self, value):
        if value is None:
            return "not measured"
        if not self.op:
            return "no target: the most to expect here"
        if self.op == ">=":
            return "pass" if value >= self.limit else "below"
        return "pass" if value <= self.limit else "above"


def targets(sizes):
    def rate(label, a, b, size, limit):
        return Target(f"{label}, {size} B", a, b, "load", size, "rx_mpps", ">=", limit)

    small = sizes[0]
    out = [rate("no-op / testpmd", "fulcrum_noop", "testpmd", s, {64: 2.8, 1500: 2.3}[s]) for s in sizes if s in (64, 1500)]
    for label, a, b, limit in (("no-op to GRO peer / testpmd", "fulcrum_noop_gro", "testpmd", 1.4),
                               ("no-op by TX ring / testpmd", "fulcrum_noop_ring", "testpmd", 1.0),
                               ("no-op / bare forwarder", "fulcrum_noop", "bare_live", .9),
                               ("routing, 1,000 routes / DPDK rte_lpm", "fulcrum_route", "l3dpdk", 2.3),
                               ("inline routing / bare bpf_fib_lookup", "fulcrum_inline", "xdp_fib", .95)):
        out += [rate(label, a, b, s, limit) for s in sizes]
    out += [rate("inline routing / kernel forwarding", "fulcrum_inline", "kernel_fwd", s, 2.5) for s in sizes if s == 64]
    out += [Target(f"limit: bare forwarder / testpmd, {s} B", "bare_live", "testpmd", "load", s, "rx_mpps", "", 0) for s in sizes]
    out += [Target(f"limit: bpf_fib_lookup / kernel forwarding, {s} B", "xdp_fib", "kernel_fwd", "load", s, "rx_mpps", "", 0)
            for s in sizes if s == 64]
    return out + [
        Target("one in flight, p50: no-op / bare", "fulcrum_noop", "bare_live", "ping", small, "p50_ns", "<=", 1.15),
        Target("200 kpps, p90: no-op / testpmd", "fulcrum_noop", "testpmd", "paced", small, "p90_ns", "<=", 1.0),
        Target("200 kpps, power saving: cores used", "fulcrum_powersave", None, "paced", small, "dut_cpu", "<=", .6),
        Target("200 kpps, power saving: p50", "fulcrum_powersave", None, "paced", small, "p50_ns", "<=", 100, 1e-3, "us"),
        Target("memory beside the UMEM at start", "fulcrum_noop", None, "start", small, "rss_bytes", "<=", 64, 1 / MIB, "MiB"),
    ]


def judged(trials, sizes):
    out = []
    for t in targets(sizes):
        v = t.value(trials)
        out.append({"label": t.label, "value": v, "spread": t.spread(trials), "op": t.op, "target": t.limit, "unit": t.unit,
                    "result": t.result(v)})
    return out


def print_rates(trials, names, sizes):
    head = f"{'contender':18}" + "".join(f"{f'{s} B Mpps':>19}" for s in sizes)
    head += f"{'core':>6}{'near':>6}{'200k p50/p90 us':>17}{'ping p50/p99 us':>17}"
    print(head + "\n" + "-" * len(head))
    for n in names:
        line, any_figure = f"{n:18}", False
        for s in sizes:
            v = values(trials, n, "load", s, "rx_mpps").values()
            line += f"{statistics.median(v):>8.3f} ({min(v):.2f}-{max(v):.2f})" if v else f"{'-':>19}"
            any_figure |= bool(v)
        cpu = median(trials, n, "load", sizes[0], "dut_cpu")
        line += f"{cpu:>6.2f}" if cpu is not None else f"{'-':>6}"
        line += near_share(trials, n)
        for test, high in (("paced", "p90_ns"), ("ping", "p99_ns")):
            p50, p = median(trials, n, test, sizes[0], "p50_ns"), median(trials, n, test, sizes[0], high)
            line += f"{f'{p50 / 1e3:.1f}/{p / 1e3:.1f}' if p50 else '-':>17}"
            any_figure |= p50 is not None
        if any_figure:
            print(line)
    print("""
Mpps at the sink under flat-out load: median of the repeats (lowest-highest). core: share of the contender's core its own
tasks used. near: share of the time in which the two cores shared a cache (a hypervisor moves them). Latency one way,
generator's program to sink's, at the smallest size.
""")


def near_share(trials, name):
    near = sum(t.get("near_s", 0) for t in trials if t["name"] == name)
    far = sum(t.get("far_s", 0) for t in trials if t["name"] == name)
    return f"{near / (near + far):>6.0%}" if near + far else f"{'-':>6}"


def print_targets(rows):
    print(f"{'ratio or figure':46}{'measured':>12}{'single repeats':>18}{'target':>14}  result")
    print("-" * 100)
    for r in rows:
        value = f"{r['value']:.2f} {r['unit']}".strip() if r["value"] is not None else "-"
        spread = "{:.2f} - {:.2f}".format(*r["spread"]) if r["spread"] else "-"
        target = f"{r['op']} {r['target']:g} {r['unit']}".strip() if r["op"] else ""
        print(f"{r['label']:46}{value:>12}{spread:>18}{target:>14}  {r['result']}")
