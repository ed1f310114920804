# SPDX-License-Identifier: MIT
"""traffic.py - ping, curl and nginx, iperf3, numbered UDP: run, and read what they say."""
import hashlib
import json
import os
import re
import subprocess
import sys

from net import CLIENT, SERVER, SERVER_ADDR, TRAFFIC, wait_for

SIZES = {"1K": 1 << 10, "64K": 64 << 10, "1M": 1 << 20, "10M": 10 << 20, "50M": 50 << 20}
FORBIDDEN = "FORBIDDEN-PATTERN"
FORBIDDEN_TIMEOUT_S = 2


class Traffic:
    def __init__(self, net):
        self.net = net
        self.www = os.path.join(net.work, "www")
        self.sha256 = {}

    # ---- servers -----------------------------------------------------------------
    def open_servers(self):
        os.makedirs(self.www)
        for name, size in SIZES.items():
            data = os.urandom(size)
            self.sha256[name] = hashlib.sha256(data).hexdigest()
            with open(os.path.join(self.www, name), "wb") as f:
                f.write(data)
        work = self.net.work
        with open(f"{work}/nginx.conf", "w", encoding="utf-8") as conf:
            subprocess.run([f"{TRAFFIC}/web.sh", work], stdout=conf, check=True)
        path = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}
        self.net.start(SERVER, "nginx", "-c", f"{work}/nginx.conf", "-p", work, "-e", f"{work}/nginx.err", env=path)
        self.net.start(SERVER, "iperf3", "-s", stdout=subprocess.DEVNULL)
        for port in (80, 5201):
            wait_for(f"server on port {port}", lambda p=port: self.listens(p), 10)

    def listens(self, port):
        return self.net.run(SERVER, "ss", "-Hltn", f"sport = :{port}").stdout.strip()

    def log(self):
        with open(f"{self.net.work}/access.log", encoding="utf-8", errors="replace") as f:
            return f.read()

    # ---- ping ---------------------------------------------------------------------
    def ping(self, family, to=None, number=20):
        out = self.net.run(CLIENT, "ping", "-n", "-c", number, "-i", "0.02", "-W", "1", to or SERVER_ADDR[family]).stdout
        received = re.search(r"(\d+) received", out)
        rtt = re.search(r"= [\d.]+/([\d.]+)/([\d.]+)", out)
        return {"sent": number, "received": int(received[1]) if received else 0,
                "avg_ms": float(rtt[1]) if rtt else None, "max_ms": float(rtt[2]) if rtt else None}

    # ---- curl ---------------------------------------------------------------------
    @staticmethod
    def url(family, name):
        host = SERVER_ADDR[family]
        return f"http://[{host}]/{name}" if family == 6 else f"http://{host}/{name}"

    def start_fetch(self, family, name, *options, max_time=30):
        path = os.path.join(self.net.work, f"got.{family}.{name}")
        child = self.net.start(CLIENT, "curl", "-sS", "--fail", "--max-time", max_time, "-o", path,
                               "-w", "%{json}", *options, self.url(family, name),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        child.path, child.name = path, name
        return child

    def end_fetch(self, child):
        """Speed and whether every byte is right."""
        out, err = child.communicate()
        try:
            with open(child.path, "rb") as f:
                right = hashlib.sha256(f.read()).hexdigest() == self.sha256[child.name]
            os.unlink(child.path)
        except FileNotFoundError:
            right = False
        seconds = json.loads(out).get("time_total") if out else None
        return {"right": right and child.returncode == 0, "seconds": seconds, "error": err.strip()}

    def fetch(self, family, name, *options):
        return self.end_fetch(self.start_fetch(family, name, *options))

    def forbidden(self):
        """Requests with the pattern in the URL and in a header, over both families, all at once."""
        children = []
        for family in (4, 6):
            for place in ("URL", "header"):
                url = self.url(family, "1K") + (f"?q={FORBIDDEN}" if place == "URL" else "")
                header = ["-H", f"X-Note: {FORBIDDEN}"] if place == "header" else []
                children.append((family, place, self.net.start(
                    CLIENT, "curl", "-s", "--max-time", FORBIDDEN_TIMEOUT_S, "-o", "/dev/null",
                    "-w", "%{http_code}", *header, url, stdout=subprocess.PIPE)))
        results = []
        for family, place, child in children:
            code = child.communicate()[0]
            results.append({"family": family, "place": place, "answered": code != "000", "curl_exit": child.returncode})
        return results

    # ---- iperf3 --------------------------------------------------------------------
    def start_iperf(self, family, seconds, *options):
        return self.net.start(CLIENT, "iperf3", "-J", "-c", SERVER_ADDR[family], "-t", seconds, *options,
                              stdout=subprocess.PIPE)

    @staticmethod
    def end_iperf(child):
        out = child.communicate()[0]
        report = json.loads(out) if out else {}
        end = report.get("end", {})
        if "sum" in end and "lost_packets" in end["sum"]:
            return {"mbps": round(end["sum"]["bits_per_second"] / 1e6), "packets": end["sum"]["packets"],
                    "lost": end["sum"]["lost_packets"],
                    "out_of_order": sum(s["udp"].get("out_of_order", 0) for s in end["streams"])}
        if "sum_received" in end:
            return {"mbps": round(end["sum_received"]["bits_per_second"] / 1e6),
                    "retransmits": end["sum_sent"].get("retransmits", 0)}
        return {"error": report.get("error", "iperf3 said nothing"), "mbps": 0}

    # ---- numbered UDP ----------------------------------------------------------------
    def start_numbered(self, family, **options):
        words = [w for k, v in options.items() for w in (f"--{k}", v)]
        return self.net.start_here(sys.executable, f"{TRAFFIC}/udp_seq.py", "both", "--from-ns", CLIENT, "--to-ns", SERVER,
                                   "--to", SERVER_ADDR[family], *words, stdout=subprocess.PIPE)

    @staticmethod
    def end_numbered(child):
        out = child.communicate()[0]
        if child.returncode != 0 or not out:
            raise RuntimeError("udp_seq.py did not finish")
        return json.loads(out)
