# SPDX-License-Identifier: MIT
"""contenders.py - every program that is measured, and how it is started.

The words in {braces} are filled in by run.py. A contender is up when `ready`
matches its output; it ends on SIGTERM. All get the same 1,000 routes.
"""
from dataclasses import dataclass, field

EAL = "--lcores {lcores} --no-huge --no-shconf -m 256 --no-pci --no-telemetry"
AF_XDP = " --vdev net_af_xdp0,iface=d0,busy_budget=0 --vdev net_af_xdp1,iface=d1,busy_budget=0 -- "
TESTPMD = ("dpdk-testpmd " + EAL.replace("{lcores}", "0@1,1@1") + AF_XDP + "--forward-mode=mac --eth-peer=1,{out_dst} "
           "--auto-start --stats-period 1 --nb-cores=1 --total-num-mbufs=16384")
L3DPDK = "{bench}/l3dpdk " + EAL.replace("{lcores}", "0@1") + AF_XDP + "{out_dst} {routes}"
BARE = "{bench}/bare %s d0 d1 {out_dst} {out_src}"
HOLD = "{bench}/meter hold --dut {dut} --in d0 --out d1 --out-dst {out_dst} --out-src {out_src} --prog "
FULCRUMD = "{bin}/fulcrumd --pipeline {pipeline} --config {config} --socket {socket}"

NOOP = "FromPort(d0) -> EtherRewrite(SRC {out_src}, DST {out_dst}) -> ToPort(d1);\n"
ROUTE = ("require(route);\nFromPort(d0{port_options}) -> c :: CheckIPHeader -> rt :: IPLookup(FIB kernel) -> DecIPTTL -> ToPort;\n"
         "rt[1] -> ToKernel;\nFromPort(d1{port_options}) -> c;\n")


@dataclass
class Fulcrum:
    """What goes into the pipeline file and the TOML file."""
    pipeline: str
    tier: str = "cpu"
    idle: str = "spin"
    way_back: str = "auto"

    def toml(self, cpu):
        return (f'[workers]\ncount = 1\ncpus = [{cpu}]\nidle = "{self.idle}"\n\n'
                f'[port]\nreturn_way = "{self.way_back}"\nframes_per_queue = 8192\n\n'
                f'[balance]\npolicy = "fixed"\npermille = {{ {self.tier} = 1000 }}\n')


@dataclass
class Contender:
    """sink: what stands behind d1 - xdp: a native XDP program; gro: NAPI without XDP; tc: neither.
    Each contender gets the cheapest sink for what it sends (live frames and redirects need xdp or gro).
    napi_thread: d0's receive work runs on the contender's core, in a kernel thread; else in
    softirq on the generator's core, as veth does it. In-kernel contenders work only there, so they get the thread."""
    name: str
    note: str
    sink: str = "tc"
    cmd: str = ""
    ready: str = r"\bready\b"
    napi_thread: bool = False
    routes: bool = False                        # decrements TTL: the sink checks the IP header
    tests: tuple = ("load",)
    fulcrum: Fulcrum = field(default=None)


ALL_TESTS = ("load", "paced", "ping")


def fulcrum(name, note, how, **kw):
    return Contender(name, note, cmd=FULCRUMD, fulcrum=how, **kw)


CONTENDERS = [
    Contender("bare_live", "bare forwarder: AF_XDP in, live frames out", "xdp", BARE % "live", tests=ALL_TESTS),
    Contender("bare_ring", "bare forwarder: AF_XDP in, TX ring out", "tc", BARE % "ring", tests=ALL_TESTS),
    Contender("testpmd", "DPDK testpmd, mac mode, two net_af_xdp ports", "tc", TESTPMD, "start packet forwarding", tests=ALL_TESTS),
    Contender("l3dpdk", "DPDK router with rte_lpm, two net_af_xdp ports", "tc", L3DPDK, routes=True),
    Contender("xdp_fib", "bare XDP router with bpf_fib_lookup", "xdp", HOLD + "fib", napi_thread=True, routes=True),
    Contender("kernel_fwd", "the kernel's own forwarding, GRO on", "tc", napi_thread=True, routes=True),
    fulcrum("fulcrum_noop", "cpu ring, to a peer with XDP", Fulcrum(NOOP), sink="xdp", tests=ALL_TESTS),
    fulcrum("fulcrum_noop_gro", "cpu ring, to a peer with GRO only", Fulcrum(NOOP), sink="gro"),
    fulcrum("fulcrum_noop_ring", "cpu ring, out by the TX ring", Fulcrum(NOOP, way_back="ring"), sink="tc"),
    fulcrum("fulcrum_route", "cpu ring, routing", Fulcrum(ROUTE), sink="xdp", routes=True, tests=ALL_TESTS),
    # the worker must not spin here: it shares its core with the NAPI thread that does the work
    fulcrum("fulcrum_inline", "routing in XDP", Fulcrum(ROUTE, tier="inline", idle="powersave"), sink="xdp", napi_thread=True,
            routes=True),
    fulcrum("fulcrum_powersave", "cpu ring, no spinning", Fulcrum(NOOP, idle="powersave"), sink="xdp", tests=("paced",)),
]
# not run unless named with --only: the limits of the set-up, one way back at a time
LIMITS = [
    fulcrum("fulcrum_live", "cpu ring, out by live frames", Fulcrum(NOOP, way_back="live"), sink="xdp"),
    Contender("xdp_redirect", "limit: XDP redirect with new MAC addresses", "xdp", HOLD + "redirect", napi_thread=True),
]
