# SPDX-License-Identifier: MIT
"""net.py - the three namespaces, and every process that the demo starts in them."""
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TRAFFIC = os.path.join(ROOT, "tools", "traffic")
sys.path.append(TRAFFIC)  # what demo and tests share

CLIENT, DUT, SERVER = "client", "dut", "server"  # as topology.sh names them
SERVER_ADDR = {4: "10.2.0.2", 6: "fd00:2::2"}
DUT_ADDR = {4: "10.1.0.1", 6: "fd00:1::1"}


class Net:
    """Owns: the namespaces and the children; close() ends them all."""

    def __init__(self, work):
        self.work = work
        self.children = []
        self.up = False

    def open(self):
        subprocess.run([f"{TRAFFIC}/topology.sh", "up", ""], check=True)
        self.up = True

    def close(self):
        for child in self.children:
            if child.poll() is None:
                child.send_signal(signal.SIGCONT)
                child.kill()
                child.wait()
        if self.up:
            subprocess.run([f"{TRAFFIC}/topology.sh", "down", ""], check=False)

    @staticmethod
    def inside(ns, command):
        return ["nsenter", f"--net=/run/netns/{ns}", *map(str, command)]

    def run(self, ns, *command, **options):
        """Runs to the end; the result has returncode, stdout, stderr."""
        return subprocess.run(self.inside(ns, command), capture_output=True, text=True, **options)

    def start(self, ns, *command, **options):
        child = subprocess.Popen(self.inside(ns, command), text=True, **options)
        self.children.append(child)
        return child

    def start_here(self, *command, **options):
        child = subprocess.Popen(list(map(str, command)), text=True, **options)
        self.children.append(child)
        return child

    def wire_counters(self, ns, interface):
        """tx and rx packets of a host's end of the wire."""
        out = subprocess.run(["ip", "-n", ns, "-s", "-j", "link", "show", "dev", interface],
                             capture_output=True, text=True, check=True).stdout
        stats = json.loads(out)[0]["stats64"]
        return {"tx": stats["tx"]["packets"], "rx": stats["rx"]["packets"]}


def wait_for(what, condition, seconds):
    """Polls; returns what `condition` did, or raises with `what`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.05)
