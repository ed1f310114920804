#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh - runs unit tests and selftests, prints TAP and one line of totals.
#
#   selftests/run.sh [NAME...]     NAME: unit, or a folder of selftests/
#
# Each test is one program selftests/NAME/test_*.sh or .py, run on its own: as
# root inside tools/traffic/sandbox.sh (nothing it makes outlives it), else as
# it is. It prints KTAP cases or nothing; it ends with 0 passed, 4 skipped,
# else failed. FULCRUM_TEST_LIMIT_S bounds each (default 300).
set -u
here=$(dirname "$(readlink -f "$0")")
root=$(dirname "$here")
export B=${B:-build}
limit_s=${FULCRUM_TEST_LIMIT_S:-300}
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0 skipped=0 number=0

sandbox() {
	if [ "$(id -u)" = 0 ]; then "$root/tools/traffic/sandbox.sh" "$@"; else "$@"; fi
}
export -f sandbox
export root

list_tests() {
	local t name
	[ $# -gt 0 ] || set -- unit $(cd "$here" && ls -d */ | tr -d /)
	for name; do
		if [ "$name" = unit ]; then echo unit; continue; fi
		for t in "$here/$name"/test_*.sh "$here/$name"/test_*.py; do
			[ ! -x "$t" ] || echo "$t"
		done
	done
}

# A Google Test run as KTAP. A case that began and never ended is the crash.
gtest_as_tap() {
	awk '
	function result(word, name) { printf "%s %d %s\n", word, ++n, name; open = "" }
	/^\[ RUN      \]/ { open = $4; text = ""; next }
	/^\[       OK \]/ && open { result("ok", open); next }
	/^\[  FAILED  \]/ && open { printf "%s", text; result("not ok", open); next }
	/^\[  SKIPPED \]/ && open { printf "ok %d %s # SKIP %s\n", ++n, open, why; open = ""; next }
	open { why = $0; text = text "# " $0 "\n" }
	END { if (open) { printf "%s", text; result("not ok", open " # ended in the middle") } print "1.." n }'
}

run_unit() {
	if [ ! -x "$root/$B/bin/unit_tests" ]; then
		echo "1..0 # SKIP $B/bin/unit_tests is not built: run make tests"
		return 4
	fi
	timeout -k 10 "$limit_s" bash -c 'sandbox "$root/$B/bin/unit_tests" --gtest_color=no' 2>&1 | gtest_as_tap
	return "${PIPESTATUS[0]}"
}

run_one() {
	if [ "$1" = unit ]; then run_unit; return; fi
	timeout -k 10 "$limit_s" bash -c 'sandbox "$1"' - "$1" 2>&1
}

# Prints one test's verdict and adds its cases to the totals.
account() {  # test rc log seconds
	local name=$1 rc=$2 log=$3 ok bad skip why
	skip=$(grep -cE '^ok .*# SKIP' "$log")
	ok=$(($(grep -cE '^ok ' "$log") - skip))
	bad=$(grep -cE '^not ok ' "$log")
	why=$(sed -nE 's/.*# SKIP ?//p' "$log" | tail -n 1)
	if [ "$rc" = 4 ] && [ $((ok + bad + skip)) = 0 ]; then skip=1; fi
	if [ "$rc" = 0 ] && [ $((ok + bad + skip)) = 0 ]; then ok=1; fi
	if [ "$rc" != 0 ] && [ "$rc" != 4 ] && [ "$bad" = 0 ]; then bad=1; fi
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
	number=$((number + 1))
	if [ "$bad" != 0 ]; then
		sed 's/^/    # /' "$log"
		[ "$rc" != 124 ] && [ "$rc" != 137 ] || echo "    # ended after the limit of $limit_s s"
		echo "not ok $number $name # exit status $rc, $4 s"
		return
	fi
	grep -E '^(ok |1\.\.)' "$log" | sed 's/^/    /'
	if [ "$rc" = 4 ]; then
		echo "ok $number $name # SKIP ${why:-no reason given}"
	else
		echo "ok $number $name # $4 s"
	fi
}

kernel_log_end() { dmesg 2>/dev/null | tail -n 1 | sed -E 's/^\[ *([0-9.]+)\].*/\1/'; }

check_kernel_log() {  # end before the run
	local found
	number=$((number + 1))
	if ! dmesg >/dev/null 2>&1; then
		skipped=$((skipped + 1))
		echo "ok $number kernel_log # SKIP the kernel log cannot be read without root"
		return
	fi
	found=$(dmesg | sed -E 's/^\[ *([0-9.]+)\]/\1/' | awk -v from="${1:-0}" '$1 + 0 > from + 0' |
		grep -E 'BUG|WARNING|Oops|KASAN|UBSAN|general protection|rcu.*stall|blocked for more than|refcount_t|unregister_netdevice')
	if [ -z "$found" ]; then
		passed=$((passed + 1))
		echo "ok $number kernel_log"
	else
		failed=$((failed + 1))
		echo "$found" | sed 's/^/    # /'
		echo "not ok $number kernel_log"
	fi
}

mapfile -t tests < <(list_tests "$@")
[ ${#tests[@]} -gt 0 ] || { echo "run.sh: no such test: $*: unit, or a folder of selftests/" >&2; exit 2; }
echo "TAP version 13"
echo "1..$((${#tests[@]} + 1))"
[ "$(id -u)" = 0 ] || echo "# not root: unit tests and capture tests run, tests on live interfaces are skipped"
log_end=$(kernel_log_end)
for test in "${tests[@]}"; do
	name=${test#"$here/"}
	echo "# $name"
	start=$SECONDS
	run_one "$test" >"$logs/log"
	account "$name" $? "$logs/log" $((SECONDS - start))
done
check_kernel_log "$log_end"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
