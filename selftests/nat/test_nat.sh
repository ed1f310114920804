#!/bin/bash
# SPDX-License-Identifier: MIT
# test_nat.sh - real programs through NAT44, and the kernel's own NAT judged by the same questions.
#
#   client ── west [CheckIPHeader - DecIPTTL - NAT44 - IPLookup] east ── server
#   10.1.0.2            seen as 203.0.113.1 or .2                       10.2.0.2
#
# The server routes 203.0.113.0/24 to the router, which has none of its addresses.
. "$(dirname "$0")/../lib.sh"
require_helper
require_build plugins/nat.so plugins/route.so
require_program nginx curl ping iperf3 ethtool bpftool python3 tcpdump
HERE=$SELFTESTS/nat

probe() { python3 "$HERE/probe.py" "$@"; }
serve() {  # ns name what...
	local ns=$1 name=$2
	shift 2
	background on "$ns" python3 "$HERE/probe.py" "$@" >"$WORK/$name.log"
	wait_for 10 grep -q ready "$WORK/$name.log" || bail "$name did not start"
}
ask() { on client python3 "$HERE/probe.py" ask "$SERVER4" "$1"; }

# ---- what the kernel's NAT says, as a judge -----------------------------------
kernel_nat() {
	on dut nft -f - <<-'END'
		table ip judge {
			chain out { type nat hook postrouting priority srcnat; oifname "east" masquerade; }
		}
	END
}
kernel_answers() { ask 10.2.0.1 >"$WORK/kernel.txt"; }
no_kernel_nat() { on dut nft delete table ip judge; }

answers() {
	ask 203.0.113. >"$WORK/fulcrum.txt" || { cat "$WORK/fulcrum.txt"; return 1; }
	cat "$WORK/fulcrum.txt"
	! grep -q ': False' "$WORK/fulcrum.txt" && [ "$(grep -c ECONNREFUSED "$WORK/fulcrum.txt")" = 2 ]
}
same_as_kernel() { diff "$WORK/kernel.txt" "$WORK/fulcrum.txt"; }

pings() { on client ping -n -c 10 -i 0.02 -W 1 "$SERVER4"; }
two_pings() {  # at once, with identifiers of their own
	local one two
	on client ping -n -c 10 -i 0.05 -W 1 "$SERVER4" >"$WORK/ping1" & one=$!
	on client ping -n -c 10 -i 0.05 -W 1 -s 4000 "$SERVER4" >"$WORK/ping2" & two=$!
	wait $one && wait $two
}
files() {
	local size
	for size in 1000 1000000 20000000; do fetch 4 $size || return 1; done
}
# Many connections at a time, none of them mixed up with another.
many_files() {
	local i pids=()
	for i in 1 2 3 4 5 6 7 8; do
		(for _ in 1 2 3 4 5; do
			on client curl -sS --fail --max-time 30 -o "$WORK/many.$i" "http://$SERVER4/1000000.bin" &&
				cmp "$WORK/many.$i" "$WORK/www/1000000.bin" || exit 1
		done) & pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || return 1; done
}
streams() {  # iperf3 option...
	background on server iperf3 -s -1 -p 5201 >"$WORK/iperf.server"
	wait_for 10 iperf_listens || return 1
	on client iperf3 -c "$SERVER4" -p 5201 -t 2 -P 4 -J "$@" >"$WORK/iperf.json" || { cat "$WORK/iperf.json"; return 1; }
	json 'd["end"].get("sum_received", d["end"].get("sum"))' <"$WORK/iperf.json"
	[ "$(json 'd["end"].get("sum_received", d["end"].get("sum"))["bytes"] > 1000000' <"$WORK/iperf.json")" = True ]
}
iperf_listens() { [ -n "$(on server ss -Hltn 'sport = :5201')" ]; }
forwarded() {
	local host port
	read -r host port < <(on server python3 "$HERE/probe.py" connect 203.0.113.1 8080)
	echo "the inside saw $host $port"
	[ "$host" = "$SERVER4" ]
}
forwarded_by_hairpin() {
	local host port
	read -r host port < <(on client python3 "$HERE/probe.py" connect 203.0.113.1 8080)
	echo "the inside saw $host $port"
	case $host in 203.0.113.*) ;; *) return 1 ;; esac
}
nothing_unasked() {
	! on server python3 "$HERE/probe.py" connect 203.0.113.2 7000 2>/dev/null
}
# The client's own address must never be on the server's wire.
watch_wire() {
	rm -f "$WORK/wire.pcap"
	background on server tcpdump -i srv0 -w "$WORK/wire.pcap" -U -s 64 ip 2>/dev/null
	TCPDUMP=$LAST_PID
	wait_for 10 test -s "$WORK/wire.pcap" || bail "tcpdump did not start"
}
never_untranslated() {
	kill "$TCPDUMP" && wait "$TCPDUMP"
	tcpdump -nr "$WORK/wire.pcap" ip 2>/dev/null |
		sed -n 's/.* IP \([0-9]*\.[0-9]*\.[0-9]*\.[0-9]*\).*/\1/p' | sort | uniq -c | tee "$WORK/wire.txt"
	grep -q 203.0.113. "$WORK/wire.txt" && ! grep -q ' 10\.1\.0\.' "$WORK/wire.txt"
}

queues() {  # a veth end receives on the queue that the other end sent on
	on client ethtool -L cli0 rx "$1" tx "$1" && on server ethtool -L srv0 rx "$1" tx "$1" &&
		on dut ethtool -L west rx "$1" tx "$1" && on dut ethtool -L east rx "$1" tx "$1"
}
all_queues_used() {
	[ "$(ctl stats --json | json 'min(q["rx_packets"] for p in d["ports"] for q in p["queues"])')" -gt 0 ]
}

suite() {  # words for the cases
	watch_wire
	check "$1: ping" pings
	check "$1: UDP, TCP, fragments and errors as they must be" answers
	if [ -s "$WORK/kernel.txt" ]; then
		check "$1: the same answers as behind the kernel's NAT" same_as_kernel
	else
		skip_case "$1: the same answers as behind the kernel's NAT" "nft is missing or has no NAT here"
	fi
	check "$1: pings at once, one of fragments" two_pings
	check "$1: files arrive byte by byte" files
	check "$1: eight at a time" many_files
	check "$1: iperf3 TCP" streams
	check "$1: iperf3 TCP the other way" streams -R
	check "$1: iperf3 UDP" streams -u -b 20M -l 1200
	check "$1: hairpinning" on client python3 "$HERE/probe.py" hairpin "$SERVER4"
	check "$1: a forwarded port from outside" forwarded
	check "$1: a forwarded port from inside" forwarded_by_hairpin
	check "$1: what is not mapped stays outside" nothing_unasked
	check "$1: no packet left untranslated" never_untranslated
}

make_topology
start_web 1000 1000000 20000000
serve server serve serve
serve client inside tcp-serve 7000
if command -v nft >/dev/null && kernel_nat 2>/dev/null; then
	check "the kernel's NAT answers" kernel_answers
	no_kernel_nat
fi
check "iproute2 attaches the program to both ports" attach
check "the helper gets ready" start_helper "$HERE/nat.click" --set workers.count=1
suite "one worker"
check "the helper stops cleanly" stop_helper
check "the program detaches" detach
if queues 2 2>/dev/null; then
	check "two queues: attach" attach
	check "two queues: the helper gets ready" start_helper "$HERE/nat.click" --set workers.count=2
	check "two workers" grep -q 'workers: 0@cpu[0-9]* 1@cpu' "$WORK/helper.log"
	suite "two workers"
	check "all queues of both ports were used" all_queues_used
	check "the helper stops cleanly" stop_helper
else
	skip_case "two workers" "this kernel's veth has one queue"
fi
finish
