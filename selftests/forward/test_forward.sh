#!/bin/bash
# SPDX-License-Identifier: MIT
# test_forward.sh - real programs through the router on each tier, and Linux stays in charge.
#
#   client: ping, curl ── west [router.click] east ── server: nginx
#                              │ TCP echo server of the machine itself
. "$(dirname "$0")/../lib.sh"
require_helper
require_program nginx curl ping ethtool bpftool

ping_all() {
	on client ping -n -c 10 -i 0.02 -W 1 "$SERVER4" && on client ping -n -c 10 -i 0.02 -W 1 "$SERVER6"
}
fetch_all() {
	local size
	for size in 1000 1000000 10000000; do fetch 4 $size && fetch 6 $size || return 1; done
}
# More than `least` packets were counted under `names` while the command ran.
counted() {  # names least COMMAND...
	local names=$1 least=$2 before
	shift 2
	before=$(counter "$names")
	"$@" || return 1
	echo "$names: $before before, $(counter "$names") after"
	[ $(($(counter "$names") - before)) -gt "$least" ]
}

# A TCP connection to the machine in the middle itself, opened before anything
# is attached and used afterwards: what an SSH session would go through.
start_session() {
	background on dut python3 -u -c '
import socket
s = socket.create_server(("::", 2222), family=socket.AF_INET6, dualstack_ipv6=True)
c, _ = s.accept()
while (data := c.recv(4096)): c.sendall(data)'
	wait_for 10 listening || bail "echo server did not start"
	coproc SESSION { on client python3 -u -c '
import socket, sys
s = socket.create_connection(("10.1.0.1", 2222), timeout=5)
for line in sys.stdin:
    s.sendall(line.encode()); print(s.recv(4096).decode(), end="", flush=True)'; }
	CHILDREN+=("$SESSION_PID")
}
listening() { [ -n "$(on dut ss -Hltn 'sport = :2222')" ]; }
session_answers() {
	local answer
	echo "hello $1" >&"${SESSION[1]}"
	read -r -t 5 answer <&"${SESSION[0]}" && [ "$answer" = "hello $1" ]
}
ping_self() { on client ping -n -c 5 -i 0.02 -W 1 10.1.0.1 && on client ping -n -c 5 -i 0.02 -W 1 fd00:1::1; }

make_topology
start_web 1000 1000000 10000000
start_session
check "session to the machine itself works before attaching" session_answers before
check "iproute2 attaches the program to both ports" attach
check "attached, no helper: the kernel forwards" ping_all
check "attached, no helper: the machine answers its own addresses" ping_self
check "attached, no helper: the session lives" session_answers attached
check "the helper gets ready" start_helper router.click
check "with helper: the session lives" session_answers helper
check "with helper: the machine answers its own addresses" ping_self

# The first packets to a neighbour go to the kernel, which finds it.
ping_all >/dev/null 2>&1
for row in "cpu=1000 ring_packets\[0\]" "manycore=1000 ring_packets\[1\]" "inline=1000 inline_packets" \
	"cpu=400,manycore=300,inline=300 ring_packets.*|inline_packets"; do
	read -r shares names <<<"$row"
	check "$shares: ratio is set" set_ratio ${shares//,/ }
	check "$shares: ping over both families" counted "$names" 15 ping_all
	check "$shares: files arrive byte by byte, on that tier" counted "$names" 1000 fetch_all
	check "$shares: the session lives" session_answers "$shares"
done
check "the helper stops cleanly" stop_helper
check "after the stop: the kernel forwards" fetch_all
check "after the stop: the session lives" session_answers stopped
check "the program detaches" detach
finish
