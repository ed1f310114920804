#!/bin/bash
# SPDX-License-Identifier: MIT
# test_helper_loss.sh - helper killed or stopped under traffic: the port's policy takes over.
#
#   client: 1 kHz numbered UDP ── west [router.click, all on cpu] east ── server
. "$(dirname "$0")/../lib.sh"
require_helper
require_program bpftool
STREAM_SECONDS=6  # the blow falls after 1 s, or a few where the machine is busy
STALL_STREAM_SECONDS=10
GAP_LIMIT_MS=400  # heartbeat limit 100 ms, and room for a machine with busy cores

ringed() { counter 'ring_packets.*'; }
more_in_ring() { [ "$(ringed)" -gt $(($1 + $2)) ]; }

# A stream with the blow in the middle; its JSON is in $WORK/stream.json.
stream_and() {  # SIGNAL
	local before pid
	before=$(ringed)
	udp_seq --to "$SERVER4" --flows 1 --rate 1000 --seconds $STREAM_SECONDS >"$WORK/stream.json" &
	pid=$!
	wait_for 10 more_in_ring "$before" 1000 || return 1
	kill "-$1" "$HELPER_PID"
	wait $pid
}
stream() { cat "$WORK/stream.json"; [ "$(json "$1" <"$WORK/stream.json")" = True ]; }
# Since `before` the policy's counters moved.
took_over() {  # policy before
	echo "$1: $2 before, $(counter "$1_(helper_stale|no_credit|no_socket)") after"
	[ "$(counter "$1_(helper_stale|no_credit|no_socket)")" -gt $(($2 + 500)) ]
}
takes_again() {
	local before
	before=$(ringed)
	udp_seq --to "$SERVER4" --flows 8 --rate 2000 --seconds 1 >"$WORK/again.json" || return 1
	cat "$WORK/again.json"
	more_in_ring "$before" 1000 && [ "$(json 'd["received"] >= d["sent"] * 0.95' <"$WORK/again.json")" = True ]
}

one() {  # policy SIGNAL
	local policy=$1 signal=$2 before name="$1, SIG$2"
	sed "s/ON_HELPER_LOSS inline/ON_HELPER_LOSS $policy/" "$SELFTESTS/pipelines/router.click" >"$WORK/$policy.click"
	check "$name: the helper gets ready" start_helper "$WORK/$policy.click"
	check "$name: all on cpu" set_ratio cpu=1000
	on client ping -c 2 -i 0.1 "$SERVER4" >/dev/null 2>&1
	before=$(counter "${policy}_(helper_stale|no_credit|no_socket)")
	check "$name: stream" stream_and "$signal"
	check "$name: the policy took over" took_over "$policy" "$before"
	if [ "$policy" = drop ]; then
		check "$name: nothing passes any more" stream 'd["lost"] > 500'
	else
		check "$name: the stream goes on after at most $GAP_LIMIT_MS ms" stream "d['outage_ms'] <= $GAP_LIMIT_MS and d['lost'] <= $GAP_LIMIT_MS"
	fi
	if [ "$signal" = KILL ]; then
		wait "$HELPER_PID" 2>/dev/null
		check "$name: a new helper gets ready" start_helper "$WORK/$policy.click"
		check "$name: all on cpu again" set_ratio cpu=1000
	else
		kill -CONT "$HELPER_PID"
	fi
	check "$name: the helper takes over again" wait_for 15 takes_again
	check "$name: the helper stops cleanly" stop_helper
}

# Stopped in the stream and continued: what it held is old by then. Sent on, it
# would come behind packets that the policy let pass.
stall_in_stream() {  # policy before
	local pid ringed_before rc
	ringed_before=$(ringed)
	udp_seq --to "$SERVER4" --flows 4 --rate 2000 --seconds $STALL_STREAM_SECONDS >"$WORK/stream.json" &
	pid=$!
	wait_for 10 more_in_ring "$ringed_before" 500 || return 1
	kill -STOP "$HELPER_PID"
	wait_for 10 took_over "$1" "$2"
	rc=$?
	ringed_before=$(ringed)
	kill -CONT "$HELPER_PID"
	[ $rc = 0 ] && wait_for 10 more_in_ring "$ringed_before" 200 && wait $pid
}
discarded() { ctl stats --json | tee "$WORK/said" | json "$1" | grep -qx True || { cat "$WORK/said"; return 1; }; }

stall() {  # policy
	local policy=$1 before name="$1, stopped and continued"
	check "$name: the helper gets ready" start_helper "$WORK/$policy.click"
	check "$name: all on cpu" set_ratio cpu=1000
	before=$(counter "${policy}_(helper_stale|no_credit|no_socket)")
	check "$name: stream, the policy took over and gave back" stall_in_stream "$policy" "$before"
	check "$name: 0 reordered, 0 doubled" stream 'd["reordered"] == 0 and d["duplicates"] == 0'
	if [ "$policy" = drop ]; then
		check "$name: what it held is sent, nothing passed it" discarded 'd["lost"]["helper_stalled"] == 0'
	else
		check "$name: what it held is dropped by name" discarded 'd["lost"]["helper_stalled"] > 0'
		check "$name: nothing else is lost" stream "d['lost'] <= 2 * $GAP_LIMIT_MS"
	fi
	check "$name: the helper stops cleanly" stop_helper
	check "$name: all frames are home" grep -E 'frames: ([0-9]+) of \1 home' "$WORK/helper.log"
}

# Else passed packets and the helper's own could overtake one another on the wire.
one_queue() {
	on client ping -c 3 -i 0.1 "$SERVER4" && on server ethtool -S srv0 | grep -E 'rx_queue_0_xdp_packets: [1-9]'
}

make_topology
check "attached" attach
check "what the kernel forwards enters the server where live frames do" one_queue
for policy in pass drop inline; do
	for signal in KILL STOP; do one $policy $signal; done
	stall $policy
done
finish
