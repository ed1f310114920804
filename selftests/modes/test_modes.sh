#!/bin/bash
# SPDX-License-Identifier: MIT
# test_modes.sh - generic XDP, several queues, each way back, both kinds of UMEM.
#
#   client: ping, curl, numbered UDP ── west [router.click] east ── server: nginx
. "$(dirname "$0")/../lib.sh"
require_helper
require_program nginx curl ping ethtool bpftool

ping_all() {
	on client ping -n -c 5 -i 0.02 -W 1 "$SERVER4" && on client ping -n -c 5 -i 0.02 -W 1 "$SERVER6" &&
		on client ping -n -c 5 -i 0.02 -W 1 10.1.0.1
}
fetch_all() { fetch 4 1000000 && fetch 6 1000000; }
in_order() { udp_seq --to "$SERVER4" --seconds 1 --flows 64 --rate 20000 | tee "$WORK/seq" && [ "$(json 'd["reordered"]' <"$WORK/seq")" = 0 ]; }
said() { grep -q "$1" "$WORK/helper.log"; }
port_field() { ctl port list --json | json "$1"; }
queues() {  # a veth end receives on the queue that the other end sent on
	on client ethtool -L cli0 rx "$1" tx "$1" && on server ethtool -L srv0 rx "$1" tx "$1" &&
		on dut ethtool -L west rx "$1" tx "$1" && on dut ethtool -L east rx "$1" tx "$1"
}
both_queues_used() {
	[ "$(ctl stats --json | json 'min(q["rx_packets"] for p in d["ports"] for q in p["queues"] if p["port"] == "west")')" -gt 0 ]
}

attach_generic() {
	local port
	for port in west east; do
		on dut ip link set dev "$port" xdpgeneric obj "$BUILD/bpf/steer.bpf.o" sec xdp || return 1
	done
}

# One helper: start, traffic, what it said, clean stop with all frames home.
round() {  # name pattern [option...]
	local name=$1 pattern=$2
	shift 2
	check "$name: the helper gets ready" start_helper "${PIPELINE:-router.click}" "$@"
	check "$name: it says so" said "$pattern"
	ping_all >/dev/null 2>&1  # the kernel finds the neighbours
	check "$name: ping over both families, and to the machine itself" ping_all
	check "$name: files arrive byte by byte" fetch_all
	check "$name: flows stay in order" in_order
	[ -z "${EXTRA:-}" ] || check "$name: $EXTRA" $EXTRA
	check "$name: it stops cleanly" stop_helper
	check "$name: all frames come home" grep -qE 'frames: ([0-9]+) of \1 home' "$WORK/helper.log"
}

make_topology
start_web 1000000
check "iproute2 attaches the program to both ports" attach
round "ring" "back by ring" --set port.return_way=ring
round "live" "back by live" --set port.return_way=live
round "memfd" "in a memfd" --set port.umem=memfd
round "powersave" "ready" --set workers.idle=powersave
round "spin" "ready" --set workers.idle=spin

# A port that only the kernel's routes name is sent to all the same.
sent_by_helper() {
	[ "$(ctl stats --json | json 'd["verdicts"]["tx"]')" -gt 20 ] &&
		[ "$(ctl stats --json | json 'sum(d["verdicts"]["kernel"].values())')" -lt 10 ]
}
PIPELINE=one_port.click EXTRA=sent_by_helper round "one named port" "port east: .* routed to"
detach

if queues 2 2>/dev/null; then
	check "two queues: attach" attach
	EXTRA=both_queues_used round "two queues, two workers" "2 queue"
	round "two queues, one worker" "2 queue" --set workers.count=1
	detach
	queues 1
else
	skip_case "two queues" "the kernel's veth has no channels to set"
fi

check "generic: attach" attach_generic
EXTRA= round "generic" "generic XDP, AF_XDP generic mode"
check "generic: nothing is left of the TAP devices" [ -z "$(on dut ip -o link show type tun)" ]
finish
