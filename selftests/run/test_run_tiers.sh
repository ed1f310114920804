#!/bin/bash
# SPDX-License-Identifier: MIT
# test_run_tiers.sh - `fulcrum run`: right verdicts, and the same bytes from every tier.
#
#   capture file ── [pipeline.click on cpu | auto | each device] ── capture file
#
# Needs neither root nor an interface. FULCRUM_TEST_SEED repeats a run,
# FULCRUM_TEST_TIERS="cpu device:cuda" tries other tiers; the first one is cpu.
. "$(dirname "$0")/../lib.sh"
require_build bin/fulcrum plugins/route.so plugins/ids.so
HERE=$SELFTESTS/run
SEED=${FULCRUM_TEST_SEED:-$RANDOM}
read -ra TIERS <<<"${FULCRUM_TEST_TIERS:-cpu device:manycore auto device:opencl device:modelled:l4}"

run() {  # tier capture prefix [option...]
	"$BUILD/bin/fulcrum" run --pipeline "$HERE/pipeline.click" --in "$2" --out "$3.pcap" --verdicts "$3.jsonl" --tier "$1" "${@:4}"
}
verdicts_as_expected() {  # expected got
	python3 - "$1" "$2" <<'PY'
import json, sys
want, got = ([json.loads(line) for line in open(name, encoding="utf-8")] for name in sys.argv[1:])
print(len(want), "packets,", len(got), "verdicts")
bad = [(w, g) for w, g in zip(want, got) if any(g.get(k) != w[k] for k in w)]
for w, g in bad[:10]:
    print("expected", w, "got", g)
sys.exit(1 if bad or len(want) != len(got) or not want else 0)
PY
}
# All but the field that names the tier.
same_verdicts() {
	local f
	for f in "$1" "$2"; do sed -E 's/"tier":"[^"]*",?//' "$f" >"$f.bare"; done
	cmp "$1.bare" "$2.bare"
}
tier_used() { grep -q "\"tier\":\"$1\"" "$2"; }

compare_tiers() {  # name capture
	local tier
	for tier in "${TIERS[@]}"; do
		check "$1: runs on $tier" run "$tier" "$2" "$WORK/$tier"
	done
	for tier in "${TIERS[@]:1}"; do
		check "$1: $tier gives the same packets as cpu" cmp "$WORK/cpu.pcap" "$WORK/$tier.pcap"
		check "$1: $tier gives the same verdicts as cpu" same_verdicts "$WORK/cpu.jsonl" "$WORK/$tier.jsonl"
	done
}

own_capture() {
	echo "# seed $SEED"
	"$HERE/make_capture.py" "$SEED" 5000 "$WORK/own.pcap" "$WORK/own.jsonl" || bail "no capture"
	compare_tiers "made-up capture" "$WORK/own.pcap"
	check "made-up capture: every verdict is the known one" verdicts_as_expected "$WORK/own.jsonl" "$WORK/cpu.jsonl"
	check "made-up capture: --tier device ran on the device" tier_used "${TIERS[1]}" "$WORK/${TIERS[1]}.jsonl"
	check "made-up capture: --tier cpu ran on the cpu" tier_used cpu "$WORK/cpu.jsonl"
	check "pcapng in: same packets" pcapng_same
	check "--out-port: ports add up to --out" ports_add_up
}
pcapng_same() {
	command -v editcap >/dev/null || { echo "editcap is missing: run tools/deps.sh"; return 1; }
	editcap -F pcapng "$WORK/own.pcap" "$WORK/own.pcapng" && run cpu "$WORK/own.pcapng" "$WORK/ng" &&
		same_verdicts "$WORK/cpu.jsonl" "$WORK/ng.jsonl"
}
packets_in() { python3 -c '
import struct, sys
data, at, n = open(sys.argv[1], "rb").read(), 24, 0
while at < len(data): at += 16 + struct.unpack_from("<I", data, at + 8)[0]; n += 1
print(n)' "$1"; }
ports_add_up() {
	local sum=0 port
	run cpu "$WORK/own.pcap" "$WORK/split" --out-port "east=$WORK/east.pcap" --out-port "north=$WORK/north.pcap" \
		--out-port "south=$WORK/south.pcap" || return 1
	for port in east north south; do
		[ "$(packets_in "$WORK/$port.pcap")" = "$(grep -c "\"port\":\"$port\"" "$WORK/split.jsonl")" ] || return 1
		sum=$((sum + $(packets_in "$WORK/$port.pcap")))
	done
	echo "$sum by ports, $(packets_in "$WORK/split.pcap") in all"
	[ $sum -gt 1000 ] && [ $sum = "$(packets_in "$WORK/split.pcap")" ]
}

# Link type 1 in a little-endian pcap header.
biggest_ethernet() {  # folder
	local size file
	find "$1" -type f -name '*.pcap' -printf '%s %p\n' | sort -rn | while read -r size file; do
		if [ "$(od -An -tx1 -N4 "$file") $(od -An -tu4 -j20 -N4 "$file" | tr -d ' ')" = " d4 c3 b2 a1 1" ]; then
			echo "$file"
			break
		fi
	done
}
real_captures() {
	local folder file
	if [ ! -d "$DATA/pcap" ]; then
		skip_case "real captures" "no captures in FULCRUM_DATA=$DATA/pcap"
		return
	fi
	for folder in apps fragments ipv6 mixed tunnels vlan-qinq; do
		file=$(biggest_ethernet "$DATA/pcap/$folder")
		if [ -n "$file" ]; then compare_tiers "$folder/$(basename "$file")" "$file"; fi
	done
}

# A file that is no capture, or ends early: refused with its name and a reason.
refused_capture() {  # regex file
	local rc=0
	run cpu "$2" "$WORK/refused" >"$WORK/said" 2>&1 || rc=$?
	echo "exit status $rc, said: $(cat "$WORK/said")"
	{ [ $rc = 1 ] || [ $rc = 2 ]; } && grep -qi "$(basename "$2")" "$WORK/said" && grep -qiE "$1" "$WORK/said"
}
bad_captures() {
	echo "this is not a capture, it only has the length of one" >"$WORK/text.pcap"
	head -c 10 "$WORK/own.pcap" >"$WORK/short.pcap"
	head -c 5003 "$WORK/own.pcap" >"$WORK/cut.pcap"
	: >"$WORK/empty.pcap"
	check "not a capture" refused_capture 'not a|capture|format' "$WORK/text.pcap"
	check "not a capture: no output file is left" test ! -e "$WORK/refused.pcap"
	check "capture cut in its header" refused_capture 'truncated|not a|cut|short' "$WORK/short.pcap"
	check "capture cut in a packet" refused_capture 'truncated|cut|short' "$WORK/cut.pcap"
	check "empty file" refused_capture 'truncated|not a|empty|short' "$WORK/empty.pcap"
	check "file that is not there" refused_capture 'no such|not' "$WORK/nosuch.pcap"
}

# Devices that this machine may lack.
drop_missing() {
	local tier kept=()
	"$HERE/make_capture.py" 1 50 "$WORK/few.pcap" "$WORK/few.jsonl" || bail "no capture"
	for tier in "${TIERS[@]}"; do
		if [ "$tier" = device:opencl ] && run "$tier" "$WORK/few.pcap" "$WORK/probe" 2>&1 | grep -q 'no OpenCL'; then
			skip_case "$tier" "no OpenCL device here: run tools/deps.sh as root"
		else
			kept+=("$tier")
		fi
	done
	TIERS=("${kept[@]}")
}

drop_missing
own_capture
bad_captures
real_captures
finish
