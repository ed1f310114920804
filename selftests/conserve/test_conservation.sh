#!/bin/bash
# SPDX-License-Identifier: MIT
# test_conservation.sh - received = transmitted + dropped + to kernel + lost by name, to the packet.
#
#   client: a mix that ends in every verdict ── west [ids.click, router.click] east ── server
#
# The wire's own counters (what client and server sent) are the third witness
# beside those of XDP and of the helper.
. "$(dirname "$0")/../lib.sh"
require_helper
require_program bpftool nginx curl

hosts_sent() {
	local total=0 ns_dev
	for ns_dev in "client cli0" "server srv0"; do
		read -r ns dev <<<"$ns_dev"
		total=$((total + $(ip -n "$NS$ns" -s -j link show dev "$dev" | json 'd[0]["stats64"]["tx"]["packets"]')))
	done
	echo $total
}

# Transmitted, dropped by pattern, to kernel for TTL, route, address, not IP, multicast.
mixed_traffic() {
	fetch 4 1000000 && fetch 6 1000000 || return 1
	on client curl -s --max-time 1 -o /dev/null "http://$SERVER4/1000.bin?FORBIDDEN-PATTERN"
	on client ping -c 3 -i 0.05 -W 1 10.1.0.1 >/dev/null          # the machine itself
	on client ping -c 3 -i 0.05 -W 1 -t 1 "$SERVER4" >/dev/null    # expires on the way
	on client ping -c 3 -i 0.05 -W 1 10.99.0.1 >/dev/null          # no route
	on client ping -c 3 -i 0.05 -W 1 ff02::1%cli0 >/dev/null       # multicast
	on client ping -c 3 -i 0.05 -W 1 -s 4000 "$SERVER4" >/dev/null # fragments
	udp_seq --to "$SERVER6" --flows 32 --rate 20000 --seconds 2 >"$WORK/udp.json"
}

account() {
	ctl stats --json >"$WORK/stats.json" && bpftool -j map dump pinned "$PINS/fu1_queue" >"$WORK/queue.json" &&
		"$TRAFFIC/account.py" "$WORK/stats.json" "$WORK/queue.json"
}
# What hosts have sent and XDP has seen, into SENT and SEEN; the hosts speak of
# their own now and then, so the first is read on both sides of the second.
read_both() {
	SENT=$(hosts_sent) SEEN=$(counter rx_packets)
	[ "$SENT" = "$(hosts_sent)" ]
}
seen_all() {  # what hosts had sent, and XDP had seen, when the helper got ready
	local sent=$(($(hosts_sent) - $1)) seen=$(($(counter rx_packets) - $2))
	echo "hosts sent $sent since the helper got ready, XDP saw $seen"
	[ $sent = $seen ] && [ $sent -gt 10000 ]
}
verdict_seen() { ctl stats --json | json "$1" | grep -qx True; }

one() {  # pipeline shares
	local sent seen
	check "$1: the helper gets ready" start_helper "$1"
	check "$1: ratio $2" set_ratio ${2//,/ }
	until read_both; do :; done
	sent=$SENT seen=$SEEN
	check "$1: mixed traffic" mixed_traffic
	check "$1: the sums agree once nothing is under way" wait_for 5 account
	account | sed -n 1,30p | diagnose
	check "$1: XDP saw what the hosts sent" wait_for 5 seen_all "$sent" "$seen"
	check "$1: transmitted and to kernel both happened" \
		verdict_seen 'd["verdicts"]["tx"] > 1000 and sum(d["verdicts"]["kernel"].values()) > 0'
}

make_topology
start_web 1000 1000000
check "attached" attach
one ids.click cpu=500,manycore=500
check "ids.click: the pattern was dropped under its reason" \
	verdict_seen 'd["verdicts"]["drop"].get("forbidden_pattern", 0) > 0'
check "ids.click: clean stop" stop_helper
check "ids.click: the helper says that all frames are home" grep -E 'frames: ([0-9]+) of \1 home' "$WORK/helper.log"
fresh_maps() { detach && rm -r "$PINS" && attach; }
check "detached, unpinned, attached anew" fresh_maps
one router.click cpu=300,manycore=300,inline=400
check "router.click: clean stop" stop_helper
check "router.click: the helper says that all frames are home" grep -E 'frames: ([0-9]+) of \1 home' "$WORK/helper.log"
finish
