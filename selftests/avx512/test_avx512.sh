#!/bin/bash
# SPDX-License-Identifier: MIT
# test_avx512.sh - AVX-512 code on a CPU that has it, whatever this machine has.
#
#   guest.sh ── Bochs (corei7_skylake_x) ── Linux ── a static program ── its TAP
#
# The programs: avx512_probe, which shows that the guest runs AVX-512 at all, and
# parity_static, the packet kernels against their plain form, once it is built.
. "$(dirname "$(readlink -f "$0")")/../lib.sh"
GUEST=$SELFTESTS/avx512/guest.sh
export B=${B:-build}

# in_guest SECONDS CPU PROGRAM [ARG...] -> $STATUS, $WORK/guest.out, .err
in_guest() {
	local limit_s=$1 cpu=$2
	shift 2
	TMPDIR=$WORK "$GUEST" -t "$limit_s" -c "$cpu" "$@" >"$WORK/guest.out" 2>"$WORK/guest.err" &
	CHILDREN=($!)
	wait $! && STATUS=0 || STATUS=$?
	CHILDREN=()
	[ "$STATUS" != 126 ] || skip_all "$(sed -n 's/^guest: //p' "$WORK/guest.err" | tail -n 1)"
}

# Each case of the guest becomes one here; a plan that is cut short is one that failed.
relay() {  # name
	local name=$1 line told
	while IFS= read -r line; do
		told=${line#*ok * }
		case $line in
		"ok "*"# SKIP"*) skip_case "$name: ${told%% # SKIP*}" "${line#*# SKIP }" ;;
		"ok "*) pass "$name: $told" ;;
		"not ok "*) fail "$name: $told" ;;
		1..*) ;;
		*) echo "# $name: $line" ;;
		esac
	done <"$WORK/guest.out"
	sed "s/^/# $name: /" "$WORK/guest.err"
	check "$name ends with status 0 and all its cases # $(grep -o 'booted in .* ms' "$WORK/guest.err")" ended_whole
}
ended_whole() {
	local planned ran
	planned=$(sed -nE 's/^1\.\.([0-9]+).*/\1/p' "$WORK/guest.out")
	ran=$(grep -cE '^(not )?ok ' "$WORK/guest.out")
	echo "status $STATUS, planned ${planned:-nothing}, ran $ran"
	[ "$STATUS" = 0 ] && [ -n "$planned" ] && [ "$planned" = "$ran" ] && [ "$ran" -gt 0 ]
}

verdict_is() {  # status pattern
	cat "$WORK/guest.out" "$WORK/guest.err"
	[ "$STATUS" = "$1" ] && grep -q "$2" "$WORK/guest.out" "$WORK/guest.err"
}

require_build selftests/guest_init selftests/avx512_probe

in_guest 80 corei7_skylake_x "$BUILD/selftests/avx512_probe"
relay avx512_probe
[ "$FAILED" = 0 ] || finish  # then the rest would only say it again

in_guest 60 corei7_haswell_4770 "$BUILD/selftests/avx512_probe"
check "a CPU without AVX-512 fails the probe" verdict_is 1 "^not ok 1 CPUID names"
in_guest 3 corei7_skylake_x "$BUILD/selftests/avx512_probe"
check "a guest that is not done in time is ended" verdict_is 124 "ended after the limit of 3 s"

if [ -x "$BUILD/selftests/parity_static" ]; then
	in_guest 150 corei7_skylake_x "$BUILD/selftests/parity_static"
	relay parity_static
else
	skip_case parity_static "selftests/parity_static is not built"
fi
finish
