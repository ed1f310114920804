# SPDX-License-Identifier: MIT
"""oracle.py - the esp test's other side: captures made and read with scapy's IPsec.

  oracle.py make FOLDER SEED           sas.txt, clear.pcap, sealed.pcap, inner.pcap, esp_sa
  oracle.py opens FOLDER CAPTURE       scapy opens CAPTURE and finds clear.pcap's datagrams
  oracle.py same CAPTURE CAPTURE       both hold the same frames
  oracle.py read FOLDER TEXT           tshark's words (SPI, icv_good, payload) fit clear.pcap
"""
import hashlib
import hmac
import random
import sys

from scapy.all import IP, UDP, Ether, IPv6, Raw, conf, rdpcap, wrpcap
from scapy.layers.ipsec import ESP, SecurityAssociation

conf.verb = 0
SUITES = [("aes-gcm-128", 16), ("aes-gcm-256", 32), ("aes-ctr-128-hmac-sha1", 16), ("aes-ctr-256-hmac-sha1", 32)]
PACKETS = 160


class Sa:
    """Number n: suite n % 4, outer IPv6 from 4 on, ESN from 8 on; takes 10.n.0.0/16 and 2001:db8:n::/48."""

    def __init__(self, n, rng):
        self.n, self.spi = n, 0x1000 + n
        self.alg, key_bytes = SUITES[n % 4]
        self.v6, self.esn = n // 4 % 2 == 1, n >= 8
        self.key, self.auth = rng.randbytes(key_bytes + 4), rng.randbytes(20)
        self.is_gcm = "gcm" in self.alg
        self.src, self.dst = ("2001:db8:ff::1", "2001:db8:ff::2") if self.v6 else ("192.0.2.1", "192.0.2.2")

    def line(self):
        auth = "" if self.is_gcm else " auth " + self.auth.hex()
        return (f"sa spi {self.spi:#x} src {self.src} dst {self.dst} alg {self.alg} key {self.key.hex()}{auth}"
                f"{' esn' if self.esn else ''} sel 10.{self.n}.0.0/16 sel 2001:db8:{self.n:x}::/48\n")

    def scapy(self):
        outer = IPv6(src=self.src, dst=self.dst) if self.v6 else IP(src=self.src, dst=self.dst)
        crypt = {"crypt_algo": "AES-GCM" if self.is_gcm else "AES-CTR", "crypt_key": self.key}
        if not self.is_gcm:
            crypt.update(auth_algo="HMAC-SHA1-96", auth_key=self.auth)
        return SecurityAssociation(ESP, spi=self.spi, tunnel_header=outer, esn_en=self.esn, esn=0, **crypt)

    def wireshark(self):
        family = "IPv6" if self.v6 else "IPv4"
        crypt, auth = ("AES-GCM with 16 octet ICV [RFC4106]", '"NULL",""') if self.is_gcm else (
            "AES-CTR [RFC3686]", f'"HMAC-SHA-1-96 [RFC2404]","0x{self.auth.hex()}"')
        return f'"{family}","{self.src}","{self.dst}","{self.spi:#010x}","{crypt}","0x{self.key.hex()}",{auth}\n'

    def icv_with_esn(self, sealed):
        """HMAC over the packet and the upper half, RFC 4303 2.8: scapy 2.5 leaves the upper half out."""
        esp = sealed[40 if self.v6 else 20:-12]
        return hmac.new(self.auth, esp + bytes(4), hashlib.sha1).digest()[:12]

    def encrypt(self, end, packet):
        sealed = end.encrypt(packet)
        if not self.esn or self.is_gcm:
            return sealed
        text = bytes(sealed)
        return sealed.__class__(text[:-12] + self.icv_with_esn(text))

    def decrypt(self, end, outer):
        """The inner packet; raises where the ICV is wrong."""
        if not self.esn or self.is_gcm:
            return end.decrypt(outer)
        text = bytes(outer)
        if self.icv_with_esn(text) != text[-12:]:
            raise ValueError("wrong ICV")
        return end.decrypt(outer, verify=False)


def datagram(n, rng):
    layers = IPv6(src="2001:db8:aa::1", dst=f"2001:db8:{n:x}::2") if rng.random() < 0.5 else IP(
        src="10.99.0.1", dst=f"10.{n}.0.2", tos=rng.randrange(256), flags=rng.choice(["", "DF"]))
    return layers / UDP(sport=rng.randrange(1, 65536), dport=rng.randrange(1, 65536)) / Raw(rng.randbytes(rng.randrange(1, 1401)))


def ether(inner):
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / inner


def all_sas(seed):
    rng = random.Random(seed)
    return [Sa(n, rng) for n in range(12)], rng


def make(folder, seed):
    sas, rng = all_sas(seed)
    with open(f"{folder}/sas.txt", "w", encoding="ascii") as f:
        f.writelines(sa.line() for sa in sas)
    with open(f"{folder}/esp_sa", "w", encoding="ascii") as f:
        f.writelines(sa.wireshark() for sa in sas)
    with open(f"{folder}/seed", "w", encoding="ascii") as f:
        f.write(seed)
    clear = [ether(datagram(rng.randrange(len(sas)), rng)) for _ in range(PACKETS)]
    wrpcap(f"{folder}/clear.pcap", clear)
    sealed, inner = [], []
    ends = [sa.scapy() for sa in sas]
    for n in range(PACKETS):
        packet = datagram(n % len(sas), rng)
        sealed.append(ether(sas[n % len(sas)].encrypt(ends[n % len(sas)], packet)))
        inner.append(ether(packet))
    wrpcap(f"{folder}/sealed.pcap", sealed)
    wrpcap(f"{folder}/inner.pcap", inner)
    return 0


def frames(name):
    return [bytes(p) for p in rdpcap(name)]


def same(one, other):
    a, b = frames(one), frames(other)
    wrong = [n for n, (x, y) in enumerate(zip(a, b)) if x != y]
    print(len(a), "and", len(b), "frames, different:", wrong[:10])
    return 0 if a and len(a) == len(b) and not wrong else 1


def opens(folder, capture):
    with open(f"{folder}/seed", encoding="ascii") as f:
        sas, _ = all_sas(f.read())
    by_spi = {sa.spi: (sa, sa.scapy()) for sa in sas}
    want, got = frames(f"{folder}/clear.pcap"), rdpcap(capture)
    bad = []
    for n, (clear, sealed) in enumerate(zip(want, got)):
        outer = sealed[IPv6 if IPv6 in sealed else IP]
        sa, end = by_spi[outer[ESP].spi]
        if bytes(sa.decrypt(end, outer)) != clear[14:]:
            bad.append(n)
    print(len(want), "datagrams,", len(got), "packets, different:", bad[:10])
    return 0 if want and len(want) == len(got) and not bad else 1


def read(folder, text):
    with open(f"{folder}/seed", encoding="ascii") as f:
        sas, _ = all_sas(f.read())
    by_spi = {sa.spi: sa for sa in sas}
    want = rdpcap(f"{folder}/clear.pcap")
    with open(text, encoding="ascii") as f:
        lines = [line.rstrip("\n").split("\t") for line in f]
    bad, checked = [], 0
    for n, (packet, (spi, good, payload)) in enumerate(zip(want, lines)):
        checks = not by_spi[int(spi, 0)].esn  # tshark 4.0 knows no upper half
        checked += checks
        if payload != bytes(packet[UDP].payload).hex() or (checks and good not in ("1", "True")):
            bad.append(n)
    print(len(want), "datagrams,", len(lines), "lines,", checked, "authenticated, wrong:", bad[:10], [lines[n][:2] for n in bad[:5]])
    return 0 if checked and len(want) == len(lines) and not bad else 1


if __name__ == "__main__":
    sys.exit({"make": make, "opens": opens, "same": same, "read": read}[sys.argv[1]](*sys.argv[2:]))
