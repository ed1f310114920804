# SPDX-License-Identifier: MIT
"""fulcrum.py - attaching, the helper's life, the `fulcrum` command, and the maps as bpftool shows them."""
import json
import os
import re
import signal
import subprocess

from net import DUT, HERE, ROOT, wait_for
import account  # from tools/traffic, where net has it looked for

PINS = "/sys/fs/bpf/tc/globals"
PORTS = ("west", "east")


class Fulcrum:
    def __init__(self, net, build):
        self.net = net
        self.bin = os.path.join(ROOT, build, "bin")
        self.bpf = os.path.join(ROOT, build, "bpf")
        self.socket = os.path.join(net.work, "control.sock")
        self.helper = None
        self.log_path = None
        self.starts = 0

    # ---- attach --------------------------------------------------------------------
    def attach_command(self, port):
        return ["ip", "link", "set", "dev", port, "xdp", "obj", f"{self.bpf}/steer.bpf.o", "sec", "xdp"]

    def attach(self):
        for port in PORTS:
            done = self.net.run(DUT, *self.attach_command(port))
            if done.returncode != 0:
                raise RuntimeError(f"ip link could not attach to {port}: {done.stderr[-2000:]}")

    def detach(self):
        for port in PORTS:
            self.net.run(DUT, "ip", "link", "set", "dev", port, "xdp", "off")

    # ---- helper ----------------------------------------------------------------------
    def start(self, pipeline, *options):
        """Returns once the helper says that it is ready."""
        self.starts += 1
        self.log_path = os.path.join(self.net.work, f"helper.{self.starts}.log")
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.helper = self.net.start(DUT, f"{self.bin}/fulcrumd", "--pipeline", f"{HERE}/{pipeline}",
                                         "--config", f"{HERE}/demo.toml", "--socket", self.socket, *options,
                                         stdout=log, stderr=subprocess.STDOUT)
        wait_for("helper ready", self.ready_or_gone, 20)
        if self.helper.poll() is not None:
            raise RuntimeError(f"fulcrumd ended with status {self.helper.returncode}:\n{self.log()}")

    def ready_or_gone(self):
        return self.helper.poll() is not None or re.search(r"\bready\b", self.log())

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def stop(self):
        """Clean stop; returns exit status and what the helper said at the end."""
        before = len(self.log())
        self.helper.send_signal(signal.SIGTERM)
        try:
            status = self.helper.wait(15)
        except subprocess.TimeoutExpired:
            self.helper.kill()
            self.helper.wait()
            status = None
        self.helper = None
        return status, self.log()[before:]

    def kill(self):
        self.helper.kill()
        self.helper.wait()
        self.helper = None

    # ---- control -----------------------------------------------------------------------
    def ctl(self, *words):
        done = self.net.run(DUT, f"{self.bin}/fulcrum", "--socket", self.socket, *words, "--json")
        if done.returncode != 0:
            raise RuntimeError(f"fulcrum {' '.join(map(str, words))}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def ctl_text(self, *words):
        return self.net.run(DUT, f"{self.bin}/fulcrum", "--socket", self.socket, *words).stdout

    def stats(self):
        return self.ctl("stats")

    def ratio(self, port="west"):
        return next(p for p in self.ctl("ratio", "show")["ports"] if p["port"] == port)

    def set_ratio(self, **permille):
        for port in PORTS:
            self.ctl("ratio", "set", port, *(f"{tier}={share}" for tier, share in permille.items()))

    def auto(self, policy):
        for port in PORTS:
            self.ctl("ratio", "auto", port, "--policy", policy)

    # ---- maps ----------------------------------------------------------------------------
    @staticmethod
    def dump(name):
        """Entries as bpftool prints them with BTF: {"formatted": {"key", "value"}}."""
        out = subprocess.run(["bpftool", "-j", "map", "dump", "pinned", f"{PINS}/{name}"],
                             capture_output=True, text=True, check=True).stdout
        return json.loads(out)

    def queue_counters(self):
        return account.queue_counters(self.dump("fu1_queue"))
