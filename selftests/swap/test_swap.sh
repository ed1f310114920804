#!/bin/bash
# SPDX-License-Identifier: MIT
# test_swap.sh - 1,000 changes of the pipeline under load: no packet lost, none out of order.
#
#   client: 16 numbered UDP flows and downloads ── west [routed.click <-> searched.click] east ── server
#                    half on the cpu, half on the manycore device
#
# Policy drop and a long heartbeat limit, as in order/: what is missing or out of
# order is the change's doing.
. "$(dirname "$0")/../lib.sh"
require_helper
require_program bpftool nginx curl
HERE=$SELFTESTS/swap
SWAPS=${FULCRUM_SWAPS:-1000}
FILE_BYTES=3000000

# A device's thread may wait long for its CPU on a busy machine: that is no loss here.
patient_helper() {  # pipeline
	cp "$SELFTESTS/helper.toml" "$WORK/helper.toml"
	echo 'task_timeout_ms = 10000' >>"$WORK/helper.toml"
	nsenter --net="/run/netns/${NS}dut" "$BUILD/bin/fulcrumd" --pipeline "$1" --config "$WORK/helper.toml" \
		--set workers.beat_limit_ms=5000 --socket "$SOCKET" >"$WORK/helper.log" 2>&1 &
	HELPER_PID=$!
	wait_for 20 helper_ready_or_gone && grep -q ready "$WORK/helper.log" && kill -0 $HELPER_PID
}
# What is no pipeline for this helper, each in its own way.
write_bad() {
	local good
	good=$(cat "$HERE/routed.click")
	echo "$good" | sed 's/-> gone ->/-> gone -/' >"$WORK/syntax.click"
	echo "$good" | sed 's/seen :: Counter/seen :: Countr/' >"$WORK/class.click"
	echo "$good" | sed 's/FromPort(east/FromPort(nowhere/' >"$WORK/port.click"
	echo "require(no_such_plugin); $good" >"$WORK/plugin.click"
	echo "require(ids); $good" | sed 's/-> gone -> ToPort/-> PayloadMatch(PATTERNS_FILE gone.txt) -> ToPort/' \
		>"$WORK/file.click"
	BAD=$(printf '%s,' "$WORK"/{syntax,class,port,plugin,file,missing}.click)
}
# Downloads until the swaps are done; each must arrive byte by byte.
download_while() {  # pid
	local n=0
	while kill -0 "$1" 2>/dev/null; do
		fetch 4 $FILE_BYTES --max-time 90 || return 1
		n=$((n + 1))
	done
	echo "$n downloads"
	[ $n -gt 0 ]
}
swap_under_load() {
	local swapper sender ok=0
	"$HERE/swapper.py" --socket "$SOCKET" --pid $HELPER_PID --count $SWAPS --pause-ms 12 \
		--good "$HERE/searched.click,$HERE/routed.click" --bad "$BAD" >"$WORK/swap.json" &
	swapper=$!
	udp_seq --to "$SERVER6" --flows 16 --rate 4000 --seconds 18 >"$WORK/udp.json" &
	sender=$!
	download_while $swapper >"$WORK/downloads" || ok=1
	wait $swapper || ok=1
	wait $sender || ok=1
	cat "$WORK/downloads" "$WORK/swap.json" "$WORK/udp.json"
	return $ok
}
holds() { cat "$WORK/$1.json"; [ "$(json "$2" <"$WORK/$1.json")" = True ]; }
count_of() { ctl pipeline show --json | json "next(n['packets_in'] for n in d['nodes'] if n['name'] == '$1')"; }
# Every packet that XDP put on a ring was seen once by one of the pipelines.
counts_carry_over() {
	local seen rings
	seen=$(count_of seen) rings=$(counter 'ring_packets\[.*\]')
	echo "seen $seen, on rings $rings"
	[ "$seen" = "$rings" ] && [ "$seen" -gt 20000 ]
}
account() {
	ctl stats --json >"$WORK/stats.json" && bpftool -j map dump pinned "$PINS/fu1_queue" >"$WORK/queue.json" &&
		"$TRAFFIC/account.py" "$WORK/stats.json" "$WORK/queue.json"
}
nothing_lost() { ctl stats --json | json 'sum(d["lost"].values())' | grep -qx 0; }
devices_busy() { ctl device list --json | json 'd["devices"][0]["packets"] > 10000 and d["devices"][0]["losses"] == 0' | grep -qx True; }
refused_as_by_check() {
	ctl pipeline load "$WORK/$1.click" 2>"$WORK/load.err" && return 1
	ctl pipeline check "$WORK/$1.click" 2>"$WORK/check.err" && return 1
	diff "$WORK/check.err" "$WORK/load.err"
}
show_file() { ctl pipeline show --json | json 'd["file"]'; }
reload_by_signal() {
	cp "$HERE/searched.click" "$WORK/own.click"
	ctl pipeline load "$WORK/own.click" && sed -i 's/NO-PACKET-HAS-THIS/NEITHER-THAT/' "$WORK/own.click" || return 1
	kill -HUP $HELPER_PID
	wait_for 5 grep "pipeline loaded again" "$WORK/helper.log" &&
		ctl element call pm config | grep NEITHER-THAT
}

# router.click can run inline, routed.click cannot: its ports leave the tier and come back.
inline_goes_and_comes() {
	local before after n
	ctl pipeline load "$WORK/router.click" || return 1
	set_ratio inline=500 cpu=500 || return 1
	for n in 1 2 3; do
		ctl pipeline load "$HERE/routed.click" || return 1
		before=$(counter inline_packets)
		sleep 0.3
		after=$(counter inline_packets)
		[ "$before" = "$after" ] || { echo "inline packets went from $before to $after"; return 1; }
		ctl ratio show west --json | json '[t["buckets"] for t in d["ports"][0]["tiers"] if t["tier"] == "inline"]' |
			grep -qxF '[0]' || return 1
		ctl pipeline load "$WORK/router.click" || return 1
		wait_for 5 inline_buckets || return 1
		wait_for 5 inline_beyond "$after" || return 1
	done
}
inline_buckets() {
	[ "$(ctl ratio show west --json | json 'sum(t["buckets"] for t in d["ports"][0]["tiers"] if t["tier"] == "inline")')" -gt 0 ]
}
inline_beyond() { [ "$(counter inline_packets)" -gt "$1" ]; }
inline_under_load() {
	local ok=0
	udp_seq --to "$SERVER4" --flows 16 --rate 2000 --seconds 12 >"$WORK/inline.json" &
	sleep 0.5
	inline_goes_and_comes || ok=1
	wait $! || ok=1
	return $ok
}
# A move from a ring to a tier without one may have to drop by name (bpf/order.h).
inline_lost_only_by_name() {
	local late
	late=$(counter drop_move_drain)
	holds inline "d['received'] + $late >= d['sent'] > 1000 and d['reordered'] == 0 and d['duplicates'] == 0"
}
# A port that the pipeline has no FromPort for goes past the helper, and comes back.
port_leaves_and_returns() {
	grep -v '^east' "$HERE/routed.click" >"$WORK/west.click"
	ctl pipeline load "$WORK/west.click" && on client ping -c 3 -i 0.1 -W 2 "$SERVER4" || return 1
	ctl ratio show --json | json '[p["port"] for p in d["ports"]]' | grep -qxF "['west']" || return 1
	ctl pipeline load "$HERE/routed.click" && on client ping -c 3 -i 0.1 -W 2 "$SERVER4" || return 1
	ctl ratio show --json | json 'sorted(p["port"] for p in d["ports"])' | grep -qxF "['east', 'west']"
}

make_topology
start_web $FILE_BYTES
check "attached" attach
write_bad
check "the helper gets ready" patient_helper "$HERE/routed.click"
check "ratio" set_ratio cpu=500 manycore=500
on client ping -c 3 -i 0.1 "$SERVER4" >/dev/null 2>&1
on client ping -c 3 -i 0.1 "$SERVER6" >/dev/null 2>&1
check "$SWAPS changes under load, bad ones between them refused" swap_under_load
echo "# $(cat "$WORK/swap.json")"
echo "# $(cat "$WORK/udp.json")"
echo "# $(cat "$WORK/downloads")"
check "all changes were done" holds swap "d['swaps'] == $SWAPS and d['refused'] == $((SWAPS / 20)) and not d['wrong']"
check "0 lost" holds udp 'd["received"] == d["sent"] > 10000'
check "0 reordered, 0 doubled" holds udp 'd["reordered"] == 0 and d["duplicates"] == 0'
check "the helper lost nothing" nothing_lost
check "the device took part and was never lost" devices_busy
check "counts carry over" wait_for 5 counts_carry_over
check "the sums agree" wait_for 5 account
check "memory does not grow" holds swap 'd["end_kib"] - d["early_kib"] < 8192'
sed "s/ON_HELPER_LOSS inline/ON_HELPER_LOSS drop/" "$SELFTESTS/pipelines/router.click" >"$WORK/router.click"
check "the inline tier goes and comes with the pipeline, under load" inline_under_load
check "what that cost was dropped by name, nothing out of order" inline_lost_only_by_name
check "a port leaves the pipeline and returns" port_leaves_and_returns
for bad in syntax class plugin; do check "$bad: refused in the words of pipeline check" refused_as_by_check $bad; done
check "the signal loads the file again" reload_by_signal
check "the helper stops cleanly" stop_helper
check "all frames are home" grep -E 'frames: ([0-9]+) of \1 home' "$WORK/helper.log"
finish
