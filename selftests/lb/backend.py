#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""backend.py - a backend of the balancer: takes the outer header off, says who it is.

  backend.py serve NAME ADDRESS PORT   HTTP: GET /name, GET /BYTES, PUT of anything;
                                       X-Backend in each answer, and for a PUT the SHA-256
  backend.py sessions ADDRESS PORT N   N connections to PORT + 1: for each line of stdin, who
                                       answers on each; "broken" where nobody does
  backend.py open DEVICE [GUE_PORT]    IP in IP and GUE -> the TUN interface DEVICE; for
                                       kernels that have no such tunnels
"""
import fcntl
import hashlib
import http.server
import os
import select
import socket
import socketserver
import struct
import sys
import threading

SO_RCVBUFFORCE = 33  # <asm-generic/socket.h>


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body):
        self.send_response(200)
        self.send_header("X-Backend", self.server.backend)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        word = self.path[1:]
        self.answer(bytes(int(word)) if word.isdigit() else self.server.backend.encode())

    def do_PUT(self):
        left, digest = int(self.headers["Content-Length"]), hashlib.sha256()
        while left:
            chunk = self.rfile.read(min(left, 65536))
            if not chunk:
                return
            digest.update(chunk)
            left -= len(chunk)
        self.answer(f"{self.server.backend} {digest.hexdigest()}".encode())

    def log_message(self, *_):
        pass


class Web(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64


class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(self.server.backend.encode() + b" " + line)


class Lines(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True
    request_queue_size = 64


def serve(name, address, port):
    servers = [Web((address, int(port)), Handler), Lines((address, int(port) + 1), Echo)]
    for s in servers:
        s.backend = name
        threading.Thread(target=s.serve_forever).start()
    print("serving", flush=True)


def open_sessions(address, port, count):
    links = [socket.create_connection((address, int(port) + 1), timeout=5) for _ in range(int(count))]
    files = [s.makefile("rw") for s in links]
    print("connected", flush=True)

    def ask(f, word):
        try:
            f.write(word)
            f.flush()
            return (f.readline().split() or ["broken"])[0]
        except OSError:
            return "broken"

    for word in sys.stdin:
        print(*(ask(f, word) for f in files), flush=True)


def open_tun(device):
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", device.encode(), 0x1001))  # TUNSETIFF, TUN without header
    return tun


def open_tunnels(device, gue_port=6080):
    tun = open_tun(device)
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, 4)  # the kernel has checked the outer header
    gue = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    gue.bind(("", int(gue_port)))
    raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    gue.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    print("open", flush=True)
    while True:
        for s in select.select([raw, gue], [], [])[0]:
            packet = s.recv(65536)
            if s is raw:
                inner = packet[(packet[0] & 15) * 4:]
            elif packet[:4] == bytes([0, 4, 0, 0]):
                inner = packet[4:]
            else:
                continue
            os.write(tun, inner)


if __name__ == "__main__":
    {"serve": serve, "sessions": open_sessions, "open": open_tunnels}[sys.argv[1]](*sys.argv[2:])
