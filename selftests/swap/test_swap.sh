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
		fetch 4 $FILE_BYTES || return 1
		n=$((n + 1))
	done
	echo "$n downloads"
	[ $n -gt 0 ]
}
swap_under_load() {
	local swapper sender ok=0
	"$HERE/swapper.py" --socket "$SOCKET" --pid $HELPER_PID --count $SWAPS \
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
	[ "$seen" = "$rings" ] && [ "$seen" -gt 50000 ]
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

make_topology
start_web $FILE_BYTES
check "attached" attach
write_bad
check "the helper gets ready" start_helper "$HERE/routed.click" --set workers.beat_limit_ms=5000
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
for bad in syntax class plugin; do check "$bad: refused in the words of pipeline check" refused_as_by_check $bad; done
check "the signal loads the file again" reload_by_signal
check "the helper stops cleanly" stop_helper
check "all frames are home" grep -E 'frames: ([0-9]+) of \1 home' "$WORK/helper.log"
finish
