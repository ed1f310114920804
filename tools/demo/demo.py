#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""demo.py - Fulcrum at its main job, between real programs, on this machine only.

  client --- west [ Fulcrum ] east --- server      three network namespaces

Started by run.sh, which gives it namespaces of its own: nothing stays behind.
Exit status 0 says that every check held.
"""
import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time

import acts
import loss
import show
from fulcrum import Fulcrum
from net import ROOT, Net
from traffic import Traffic

DRAWING = """\
 client             dut                          server
 10.1.0.2   cli0 ── west  [Fulcrum]  east ── srv0   10.2.0.2
 fd00:1::2                                       fd00:2::2
 ping, curl, iperf3                              nginx, iperf3"""


class Demo:
    """What all acts share."""

    def __init__(self, net, fulcrum):
        self.net = net
        self.traffic = Traffic(net)
        self.fulcrum = fulcrum  # None: the kernel forwards, for comparison
        self.checks = show.Checks()
        self.figures = {}


def play(demo):
    show.step("Three network namespaces, two wires, a web server and an iperf3 server")
    demo.net.open()
    demo.traffic.open_servers()
    show.say(DRAWING)
    if not demo.fulcrum:
        show.say("\n--no-fulcrum: the kernel of the machine in the middle forwards")
        acts.ping(demo)
        acts.transfers(demo)
        acts.forbidden(demo)
        acts.throughput(demo)
        acts.order(demo)
        return
    acts.attach(demo)
    acts.start(demo, "ids.click", "routing with intrusion detection: PayloadMatch")
    wires = acts.Wires(demo)
    acts.ping(demo)
    acts.transfers(demo)
    acts.forbidden(demo)
    acts.throughput(demo)
    acts.order(demo)
    acts.maps(demo)
    acts.account(demo, wires)
    acts.stop(demo)
    acts.start(demo, "router.click", "routing only: the inline tier is eligible too, in case of loss as well")
    wires = acts.Wires(demo)
    acts.order(demo, "three tiers")
    acts.account(demo, wires)
    loss.kill_in_transfer(demo, "router.click", "inline")
    acts.start(demo, "ids.click", "with detection again: in case of loss the kernel goes on")
    loss.kill_in_transfer(demo, "ids.click", "pass")


def parse():
    parser = argparse.ArgumentParser(prog="demo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    parser.add_argument("--no-fulcrum", action="store_true",
                        help="the same traffic through the kernel's own forwarding, to compare")
    parser.add_argument("--build", default=os.environ.get("B", "build"), help="build folder (default %(default)s)")
    return parser.parse_args()


def missing(args):
    """What is needed and not there, as one sentence."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    programs = [p for p in ("ip", "ethtool", "ping", "curl", "nginx", "iperf3", "bpftool", "nsenter", "ss")
                if not shutil.which(p, path=path)]
    if programs:
        return f"{', '.join(programs)} not installed: run tools/deps.sh as root"
    built = [f for f in ("bin/fulcrumd", "bin/fulcrum", "bpf/steer.bpf.o")
             if not os.path.exists(os.path.join(ROOT, args.build, f))]
    if built and not args.no_fulcrum:
        return f"{', '.join(built)} not in {args.build}/: run `make`"
    return None


def main():
    args = parse()
    refusal = missing(args)
    if refusal:
        print(f"demo: {refusal}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell had it ignored
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    begin = time.monotonic()
    work = tempfile.mkdtemp(prefix="fulcrum-demo-")
    os.chmod(work, 0o755)
    net = Net(work)
    demo = Demo(net, None if args.no_fulcrum else Fulcrum(net, args.build))
    try:
        play(demo)
    except KeyboardInterrupt:
        print("\ndemo: interrupted, cleaning up", file=sys.stderr)
        return 130
    except (RuntimeError, TimeoutError, OSError, KeyError) as error:
        demo.checks.that(False, "the demo came to its end", f"{type(error).__name__}: {error}")
        if demo.fulcrum and demo.fulcrum.log_path:
            show.say("last words of the helper:\n" + demo.fulcrum.log()[-2000:])
    finally:
        net.close()
        shutil.rmtree(work, ignore_errors=True)
    show.step("What must hold")
    demo.checks.summary()
    show.say(f"took {time.monotonic() - begin:.0f} s")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({**demo.figures, "checks": demo.checks.as_json()}, f, indent=1)
            f.write("\n")
    return 0 if demo.checks.all_hold() else 1


if __name__ == "__main__":
    sys.exit(main())
