#!/bin/bash
# SPDX-License-Identifier: MIT
# test_fuzz.sh - the parser and the control socket on hostile input: seeds, then some time with libFuzzer.
#
# FULCRUM_FUZZ_S bounds each run (default 15 s), FULCRUM_FUZZ_SEED repeats one. No more
# rights than needed: what an element makes of a file name must not matter.
. "$(dirname "$0")/../lib.sh"
require_build fuzz/bin/pipeline_fuzzer fuzz/bin/control_fuzzer
HERE=$SELFTESTS/fuzz
SECONDS_EACH=${FULCRUM_FUZZ_S:-15}
SEED=${FULCRUM_FUZZ_SEED:-$((RANDOM * 32768 + RANDOM + 1))}
echo "# seed $SEED"

# As nobody, in a folder of its own, where this runs as root.
lowered() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs "$@"
	else
		"$@"
	fi
}
fuzz() {  # target folder-for-new-inputs seeds... -- options...
	local target=$1 new=$2 seeds=()
	shift 2
	while [ "$1" != -- ]; do seeds+=("$1"); shift; done
	shift
	(cd "$new" && lowered timeout -k 5 $((SECONDS_EACH * 3 + 120)) "$WORK/$target" -timeout=30 -rss_limit_mb=2000 \
		-print_final_stats=1 -artifact_prefix="$new/" "$@" "$new/corpus" "${seeds[@]}") >"$new/said" 2>&1
	local rc=$? file
	grep -E 'Sanitizer|does not hold|is not one line|runtime error|ERROR|number_of_executed' "$new/said"
	for file in "$new"/{crash,oom,timeout,leak}-*; do
		[ -e "$file" ] || continue
		echo "finding $(basename "$file"), in base64:"
		base64 "$file"
	done
	[ $rc = 0 ] || { echo "exit status $rc"; tail -n 30 "$new/said"; return 1; }
}
# Copied, so that they can be read whatever the rights of the checkout are.
prepare() {  # target seed-folder...
	local target=$1 new=$WORK/new-$1 folder
	shift
	mkdir -p "$new/corpus" "$new/seeds"
	cp "$BUILD/fuzz/bin/$target" "$HERE/pipeline.dict" "$WORK"
	for folder; do cp "$folder"/*.* "$new/seeds"; done
	rm -f "$new"/seeds/*.expected
	chmod 755 "$WORK" && chmod -R a+rwX "$new"
}

prepare pipeline_fuzzer "$HERE/corpus/pipeline" "$SELFTESTS/language/bad" "$SELFTESTS/language/good"
prepare control_fuzzer "$HERE/corpus/control"
check "every seed of the parser" fuzz pipeline_fuzzer "$WORK/new-pipeline_fuzzer" "$WORK/new-pipeline_fuzzer/seeds" -- -runs=0
check "every seed of the control socket" fuzz control_fuzzer "$WORK/new-control_fuzzer" "$WORK/new-control_fuzzer/seeds" -- -runs=0
check "parser for $SECONDS_EACH s" fuzz pipeline_fuzzer "$WORK/new-pipeline_fuzzer" "$WORK/new-pipeline_fuzzer/seeds" -- \
	-seed="$SEED" -max_total_time="$SECONDS_EACH" -max_len=2000 -dict="$WORK/pipeline.dict"
check "control socket for $SECONDS_EACH s" fuzz control_fuzzer "$WORK/new-control_fuzzer" "$WORK/new-control_fuzzer/seeds" -- \
	-seed="$SEED" -max_total_time="$SECONDS_EACH" -max_len=1000
for target in pipeline control; do
	echo "# $target: $(grep -h number_of_executed "$WORK/new-${target}_fuzzer/said")"
done
finish
