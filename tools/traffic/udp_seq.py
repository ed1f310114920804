#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""udp_seq.py - numbered UDP over many flows -> what was lost, reordered, doubled.

  udp_seq.py receive --port P [--v6]               on one machine, ends by SIGTERM
  udp_seq.py send --to ADDR --port P [...]         on the other
  udp_seq.py both --from-ns A --to-ns B --to ADDR  both ends, in network namespaces

Each command prints one JSON object. Every flow is one source port and counts
from 0. `both` also knows what was sent, so its "lost" includes the tail.
Packets that the receiver's own socket buffer refused are in "socket_drops":
they are in "lost", but not the network's doing.
"""
import argparse
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

HEADER = struct.Struct("!IIQQ")  # magic, flow, sequence, send time (monotonic ns)
MAGIC = 0x46554C43
DRAIN_S = 0.4  # silence after which a stopped receiver believes that all has arrived


class Flow:
    """One flow's arrivals: order as RFC 4737 has it, by the next expected number."""

    def __init__(self):
        self.expected = 0
        self.missing = set()
        self.received = self.reordered = self.duplicates = 0
        self.last_sent_ns = 0
        self.outage_ns = 0  # longest time, at the sender, over which packets vanished

    def arrive(self, seq, sent_ns):
        if seq == self.expected:
            self.expected = seq + 1
        elif seq > self.expected:
            if self.last_sent_ns:
                self.outage_ns = max(self.outage_ns, sent_ns - self.last_sent_ns)
            self.missing.update(range(self.expected, seq))
            self.expected = seq + 1
        elif seq in self.missing:
            self.missing.discard(seq)
            self.reordered += 1
        else:
            self.duplicates += 1
            return
        self.received += 1
        self.last_sent_ns = sent_ns


class Receiver:
    def __init__(self, port, v6, buffer_bytes=64 << 20):
        self.sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
        so_rcvbufforce = 33
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, so_rcvbufforce, buffer_bytes)
        except PermissionError:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.sock.bind(("::" if v6 else "0.0.0.0", port))
        self.v6 = v6
        self.flows = {}
        self.latency_ns = []
        self.silence_ns = self.foreign = 0
        self.stopping = False

    def stop(self, *_):
        self.stopping = True

    def run(self):
        buffer = bytearray(65536)
        poller = select.poll()
        poller.register(self.sock, select.POLLIN)
        last_ns = heard_ns = time.monotonic_ns()
        while True:
            if not poller.poll(50):
                if self.stopping and time.monotonic_ns() - heard_ns > DRAIN_S * 1e9:
                    return
                continue
            size = self.sock.recv_into(buffer)
            now = heard_ns = time.monotonic_ns()
            if self.take(buffer, size, now):
                if self.flows and not self.stopping and self.started:
                    self.silence_ns = max(self.silence_ns, now - last_ns)
                self.started = True
                last_ns = now

    started = False

    def take(self, buffer, size, now):
        if size < HEADER.size:
            self.foreign += 1
            return False
        magic, flow, seq, sent_ns = HEADER.unpack_from(buffer)
        if magic != MAGIC:
            self.foreign += 1
            return False
        state = self.flows.get(flow)
        if state is None:
            state = self.flows[flow] = Flow()
        state.arrive(seq, sent_ns)
        if seq & 15 == 0 and len(self.latency_ns) < 1 << 20:
            self.latency_ns.append(now - sent_ns)
        return True

    def socket_drops(self):
        """Drops of this socket, from the last column of /proc/net/udp."""
        inode = str(os.fstat(self.sock.fileno()).st_ino)
        with open("/proc/self/net/udp6" if self.v6 else "/proc/self/net/udp") as table:
            for line in table:
                words = line.split()
                if len(words) > 12 and words[9] == inode:
                    return int(words[12])
        return 0

    def report(self):
        flows = self.flows.values()
        lat = sorted(self.latency_ns)
        at = lambda share: round(lat[min(len(lat) - 1, int(len(lat) * share))] / 1e3, 1) if lat else None
        return {
            "flows": len(flows),
            "received": sum(f.received for f in flows),
            "lost": sum(len(f.missing) for f in flows),
            "reordered": sum(f.reordered for f in flows),
            "duplicates": sum(f.duplicates for f in flows),
            "foreign": self.foreign,
            "socket_drops": self.socket_drops(),
            "outage_ms": round(max((f.outage_ns for f in flows), default=0) / 1e6, 2),
            "silence_ms": round(self.silence_ns / 1e6, 2),
            "latency_us": {"p50": at(.5), "p90": at(.9), "p99": at(.99), "max": at(1)},
        }


class Sender:
    def __init__(self, to, port, flows, payload_bytes):
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        self.socks = []
        for _ in range(flows):
            s = socket.socket(family, socket.SOCK_DGRAM)
            s.connect((to, port))
            self.socks.append(s)
        self.seq = [0] * flows
        self.buffer = bytearray(max(payload_bytes, HEADER.size))
        self.errors = 0
        self.stopping = False

    def stop(self, *_):
        self.stopping = True

    def send_one(self, flow):
        HEADER.pack_into(self.buffer, 0, MAGIC, flow, self.seq[flow], time.monotonic_ns())
        try:
            self.socks[flow].send(self.buffer)
            self.seq[flow] += 1
        except OSError:  # an ICMP error of an earlier packet, or no buffers: nothing was sent
            self.errors += 1

    def run(self, rate_pps, seconds):
        """Keeps to the rate over the whole time; a stall is caught up at most 20 ms deep."""
        start = time.monotonic()
        due_s, step_s, flow, flows = start, 1 / rate_pps, 0, len(self.socks)
        while not self.stopping:
            now = time.monotonic()
            if now - start >= seconds:
                break
            due_s = max(due_s, now - 0.02)
            while due_s <= now:
                self.send_one(flow)
                flow = (flow + 1) % flows
                due_s += step_s
            time.sleep(max(0, min(due_s - time.monotonic(), start + seconds - now)))
        return time.monotonic() - start

    def report(self, seconds):
        return {"flows": len(self.socks), "sent": sum(self.seq), "send_errors": self.errors,
                "seconds": round(seconds, 3)}


def receive(args):
    receiver = Receiver(args.port, args.v6)
    signal.signal(signal.SIGTERM, receiver.stop)
    signal.signal(signal.SIGINT, receiver.stop)
    print("listening", file=sys.stderr, flush=True)
    receiver.run()
    return receiver.report()


def send(args):
    sender = Sender(args.to, args.port, args.flows, args.bytes)
    signal.signal(signal.SIGTERM, sender.stop)
    signal.signal(signal.SIGINT, sender.stop)
    return sender.report(sender.run(args.rate, args.seconds))


def in_ns(name, *command):
    return ["nsenter", f"--net=/run/netns/{name}", sys.executable, os.path.abspath(__file__), *command]


def both(args):
    family = ["--v6"] if ":" in args.to else []
    rx = subprocess.Popen(in_ns(args.to_ns, "receive", "--port", str(args.port), *family),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    tx = None
    try:
        if rx.stderr.readline().strip() != "listening":
            sys.exit("udp_seq: receiver did not start: " + rx.stderr.read())
        tx = subprocess.Popen(in_ns(args.from_ns, "send", "--to", args.to, "--port", str(args.port),
                                    "--flows", str(args.flows), "--rate", str(args.rate), "--seconds",
                                    str(args.seconds), "--bytes", str(args.bytes)),
                              stdout=subprocess.PIPE, text=True)
        # A stop of `both` stops the sender; what it sent is still accounted for.
        signal.signal(signal.SIGTERM, lambda *_: tx.terminate())
        signal.signal(signal.SIGINT, lambda *_: tx.terminate())
        sent = json.loads(tx.communicate()[0])
        rx.terminate()
        result = {**sent, **json.loads(rx.communicate()[0])}
        result["flows_heard"], result["flows"] = result["flows"], sent["flows"]
        result["lost"] = sent["sent"] - result["received"]
        return result
    finally:
        for child in (tx, rx):
            if child and child.poll() is None:
                child.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = parser.add_subparsers(dest="command", required=True)
    for name in ("receive", "send", "both"):
        p = sub.add_parser(name)
        p.add_argument("--port", type=int, default=7000)
        if name == "receive":
            p.add_argument("--v6", action="store_true")
            continue
        p.add_argument("--to", required=True)
        p.add_argument("--flows", type=int, default=64)
        p.add_argument("--rate", type=float, default=10000, help="packets/s over all flows")
        p.add_argument("--seconds", type=float, default=5)
        p.add_argument("--bytes", type=int, default=64, help="UDP payload")
        if name == "both":
            p.add_argument("--from-ns", required=True)
            p.add_argument("--to-ns", required=True)
    args = parser.parse_args()
    print(json.dumps({"receive": receive, "send": send, "both": both}[args.command](args)))


if __name__ == "__main__":
    main()
