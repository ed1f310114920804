#!/bin/bash
# SPDX-License-Identifier: MIT
# test_oclgrind.sh - the kernels on the system's device, and under oclgrind: no access astray, no race.
#
#   opencl_kernels ── libOpenCL ── system's driver | oclgrind: watches every access of a work item
. "$(dirname "$0")/../lib.sh"
require_program oclgrind
require_build selftests/opencl_kernels

kernels=$BUILD/selftests/opencl_kernels
# Prints what oclgrind found. Fails if the test did. Not optimised: oclgrind 21.10
# does not know the funnel shifts that rotates become.
grind() {  # filter [option...]
	local filter=$1
	shift
	: >"$WORK/log"
	timeout 80 oclgrind --build-options -cl-opt-disable --log "$WORK/log" "$@" "$kernels" --gtest_color=no --gtest_filter="$filter" \
		>"$WORK/out" 2>&1 || { cat "$WORK/out"; return 1; }
	grep -q "PASSED.* 1 test\." "$WORK/out" || { cat "$WORK/out"; return 1; }
	cat "$WORK/log"
}
without_driver() {
	mkdir -p "$WORK/none"
	OCL_ICD_VENDORS=$WORK/none/ "$kernels" --gtest_filter='NoDriver.*' >"$WORK/out" 2>&1
	cat "$WORK/out"
	grep -q "PASSED.* 1 test\." "$WORK/out" && ! grep -q SKIPPED "$WORK/out"
}
finds_stray() { grind 'Stray.*' | grep 'Invalid read of size 1'; }
finds_nothing() {
	grind 'Kernels.*' "$@" >"$WORK/found" || { cat "$WORK/found"; return 1; }
	cat "$WORK/found"
	[ ! -s "$WORK/found" ]
}

check "without a driver the error says what to install" without_driver
if "$kernels" --gtest_filter='Kernels.*' 2>&1 | grep -q SKIPPED; then
	skip_case "kernels answer as the cpu does on the system's device" "no OpenCL device"
else
	check "kernels answer as the cpu does on the system's device" "$kernels" --gtest_filter='Kernels.*'
fi
check "a read behind the image is found" finds_stray
check "no access astray and no race in any kernel" finds_nothing --data-races
check "no result depends on bytes that nobody wrote" finds_nothing --uninitialized
finish
