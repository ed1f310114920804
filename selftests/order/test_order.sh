#!/bin/bash
# SPDX-License-Identifier: MIT
# test_order.sh - no packet overtakes another of its flow, whatever the ratio does.
#
#   client: 64 numbered UDP flows ── west [router.click] east ── server
#                     ratio changed every 20 ms between all tiers
#
# Policy drop and a long heartbeat limit: a helper that the machine does not
# schedule for a while then costs packets, and no packet is let past those that
# it holds. What is out of order here is the fences' doing.
. "$(dirname "$0")/../lib.sh"
require_helper
require_program bpftool
SECONDS_EACH=8

SPLITS=("cpu=1000" "inline=1000" "manycore=1000" "cpu=500 manycore=500" "cpu=300 manycore=300 inline=400"
	"inline=1000" "cpu=1000" "manycore=700 inline=300")

# Changes west's split until the process ends; leaves the number of changes in CHANGES.
shake_while() {  # pid
	CHANGES=0
	while kill -0 "$1" 2>/dev/null; do
		ctl ratio set west ${SPLITS[CHANGES % ${#SPLITS[@]}]} >/dev/null || return 1
		CHANGES=$((CHANGES + 1))
		sleep 0.01  # the pace of the changes; the command itself takes the rest of 20 ms
	done
}
numbered_flows() {  # address rate
	udp_seq --to "$1" --flows 64 --rate "$2" --seconds "$SECONDS_EACH" >"$WORK/order.json" &
	local pid=$! shaken
	shake_while $pid
	shaken=$?
	wait $pid && [ $shaken = 0 ]
}
result() { json "$1" <"$WORK/order.json"; }
holds() { cat "$WORK/order.json"; [ "$(result "$1")" = True ]; }
used() {  # names: counters of fu1_queue, each must have counted
	local name
	for name; do
		echo "$name $(counter "$name")"
		[ "$(counter "$name")" -gt 1000 ] || return 1
	done
}

make_topology
check "attached" attach
sed "s/ON_HELPER_LOSS inline/ON_HELPER_LOSS drop/" "$SELFTESTS/pipelines/router.click" >"$WORK/drop.click"
check "the helper gets ready" start_helper "$WORK/drop.click" --set workers.beat_limit_ms=5000
on client ping -c 3 -i 0.1 "$SERVER4" >/dev/null 2>&1
on client ping -c 3 -i 0.1 "$SERVER6" >/dev/null 2>&1
for to in "$SERVER4" "$SERVER6"; do
	check "$to: flows run while the ratio is shaken" numbered_flows "$to" 20000
	echo "# $CHANGES changes: $(cat "$WORK/order.json")"
	check "$to: the ratio was changed more than 50 times" test "$CHANGES" -gt 50
	check "$to: 0 reordered, 0 doubled" holds 'd["reordered"] == 0 and d["duplicates"] == 0'
	check "$to: most arrive" holds 'd["received"] >= d["sent"] * 0.9 and d["sent"] > 10000'
done
for name in drop_helper_stale drop_no_credit drop_no_socket drop_move_drain; do echo "# $name $(counter $name)"; done
check "every tier took part" used 'ring_packets\[0\]' 'ring_packets\[1\]' inline_packets
check "moves were fenced" test "$(counter fenced_packets)" -gt 0
check "the helper stops cleanly" stop_helper
finish
