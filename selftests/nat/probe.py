#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""probe.py - real sockets through a NAT, from both sides.

  probe.py serve                          UDP 5000 and 5001, TCP 5002: each answers with whom it sees
  probe.py tcp-serve PORT                 the same on one TCP port
  probe.py ask SERVER POOL_PREFIX         what a NAT must do, one "name: value" a line
  probe.py connect ADDRESS PORT           one TCP connection; prints whom the other end saw
  probe.py hairpin SERVER                 two sockets of one host by their outside endpoints

`ask` prints no address or port of the NAT's, so that what it prints behind two NATs can be compared.
"""
import errno
import selectors
import socket
import sys

TIMEOUT_S = 3


def seen(peer, data):
    return f"{peer[0]} {peer[1]} {len(data)} {sum(data) & 0xFFFF}".encode()


def udp(port=0):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(TIMEOUT_S)
    s.bind(("", port))
    return s


def listener(port):
    s = socket.create_server(("", port))
    s.settimeout(None)
    return s


def serve(udp_ports, tcp_ports):
    ready = selectors.DefaultSelector()
    for port in udp_ports:
        ready.register(udp(port), selectors.EVENT_READ, "udp")
    for port in tcp_ports:
        ready.register(listener(port), selectors.EVENT_READ, "tcp")
    print("ready", flush=True)
    while True:
        for key, _ in ready.select():
            if key.data == "udp":
                data, peer = key.fileobj.recvfrom(65535)
                key.fileobj.sendto(seen(peer, data), peer)
            else:
                c, peer = key.fileobj.accept()
                c.settimeout(TIMEOUT_S)
                with c:
                    c.sendall(seen(peer, c.recv(100)))


def ask_udp(s, server, port, data=b"hello"):
    s.sendto(data, (server, port))
    host, seen_port, length, total = s.recvfrom(200)[0].decode().split()
    assert (int(length), int(total)) == (len(data), sum(data) & 0xFFFF), "not what was sent"
    return host, int(seen_port)


def ask_tcp(server, port):
    with socket.create_connection((server, port), timeout=TIMEOUT_S) as s:
        s.sendall(b"hello")
        host, seen_port, _, _ = s.recv(200).decode().split()
        return host, int(seen_port), s.getsockname()[1]


def refused(server, port):
    with udp() as s:
        s.connect((server, port))
        s.send(b"nobody there")
        try:
            s.recv(10)
        except OSError as e:
            return errno.errorcode.get(e.errno, "timeout")
    return "an answer"


def ask(server, prefix):
    with udp() as s:
        first = ask_udp(s, server, 5000)
        print("udp translated:", first[0].startswith(prefix))
        print("udp port kept:", first[1] == s.getsockname()[1])
        print("mapping endpoint-independent:", ask_udp(s, server, 5001) == first)
        for size in (1, 1472, 1473, 4000, 8000):
            print(f"datagram of {size}:", ask_udp(s, server, 5000, bytes(i * 7 & 255 for i in range(size))) == first)
    host, port, own = ask_tcp(server, 5002)
    print("tcp translated:", host.startswith(prefix))
    print("tcp port kept:", port == own)
    hosts = {ask_tcp(server, 5002)[0] for _ in range(50)} | {first[0]}
    print("one address for one host:", len(hosts) == 1)
    print("closed udp port:", refused(server, 5999))
    try:
        ask_tcp(server, 5998)
        print("closed tcp port: open")
    except OSError as e:
        print("closed tcp port:", errno.errorcode.get(e.errno, "timeout"))


def hairpin(server):
    with udp() as a, udp() as b:
        outside_a, outside_b = ask_udp(a, server, 5000), ask_udp(b, server, 5000)
        a.sendto(b"to b", outside_b)
        data, peer = b.recvfrom(100)
        assert data == b"to b" and peer == outside_a, (data, peer, outside_a)
        b.sendto(b"to a", peer)
        data, peer = a.recvfrom(100)
        assert data == b"to a" and peer == outside_b, (data, peer, outside_b)
    print("hairpin: both saw outside endpoints")


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "serve":
        serve((5000, 5001), (5002,))
    elif what == "tcp-serve":
        serve((), (int(args[0]),))
    elif what == "ask":
        ask(*args)
    elif what == "connect":
        print(*ask_tcp(args[0], int(args[1]))[:2])
    elif what == "hairpin":
        hairpin(args[0])


if __name__ == "__main__":
    main()
