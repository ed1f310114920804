#!/bin/bash
# SPDX-License-Identifier: MIT
# test_run_malformed.sh - hostile captures through `fulcrum run` under AddressSanitizer and UBSan.
#
# Each file of $FULCRUM_DATA/pcap/malformed, on each tier: packets get verdicts or
# the file is refused; no finding of a sanitizer, no signal, no hang.
. "$(dirname "$0")/../lib.sh"
SAN=$ROOT/build-san
[ -x "$SAN/bin/fulcrum" ] || skip_all "no sanitizer build: run make SAN=1"
[ -d "$DATA/pcap/malformed" ] || skip_all "no captures in FULCRUM_DATA=$DATA/pcap/malformed"

survives() {  # tier file
	local rc=0
	timeout -k 2 60 "$SAN/bin/fulcrum" run --pipeline "$SELFTESTS/run/pipeline.click" --in "$2" \
		--out "$WORK/out.pcap" --verdicts "$WORK/out.jsonl" --tier "$1" >"$WORK/said" 2>&1 || rc=$?
	if [ $rc -gt 1 ] || grep -qE 'Sanitizer|runtime error' "$WORK/said"; then
		echo "$(basename "$2"): exit status $rc"
		cat "$WORK/said"
		return 1
	fi
	[ $rc = 1 ] || files_processed=$((files_processed + 1))
}
all_survive() {  # tier
	local file bad=0
	files_processed=0
	for file in "$DATA"/pcap/malformed/*; do
		survives "$1" "$file" || bad=$((bad + 1))
	done
	echo "$files_processed files processed, $bad bad"
	[ $bad = 0 ] && [ $files_processed -gt 0 ]
}
for tier in cpu device:manycore auto; do
	check "malformed captures on $tier" all_survive "$tier"
	echo "# $files_processed files processed on $tier, the others refused by name"
done
finish
