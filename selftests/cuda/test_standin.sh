#!/bin/bash
# SPDX-License-Identifier: MIT
# test_standin.sh - what `make check-gpu` does, with the stand-in driver in a device's place.
#
# Shows that the check passes, that it finds a wrong bit and a fault, and that it
# skips where there is no driver. Needs nvcc, as kernels are not loaded without.
. "$(dirname "$0")/../lib.sh"
require_build selftests/gpu_check selftests/libcuda-standin.so
export FULCRUM_CUDA_LIBRARY=$BUILD/selftests/libcuda-standin.so
export FULCRUM_BENCH_MS=5  # of the stand-in nothing can be learnt
GPU_CHECK=$BUILD/selftests/gpu_check

exits() {  # status, regex in what it says
	local rc=0
	timeout -k 2 120 "$GPU_CHECK" >"$WORK/said" 2>&1 || rc=$?
	grep -E '^(not )?ok|SKIP' "$WORK/said"
	[ $rc = "$1" ] && grep -qE "$2" "$WORK/said"
}

FULCRUM_CUDA_LIBRARY=$WORK/none check "without a driver it is skipped" exits 4 '^1\.\.0 # SKIP no CUDA device: .*no driver'
FULCRUM_STANDIN=devices=0 check "without a device it is skipped" exits 4 'SKIP no CUDA device: .*CUDA_ERROR_NO_DEVICE'
if "$GPU_CHECK" 2>&1 | grep -q 'built without CUDA'; then
	skip_case "kernels" "the kernels were built without nvcc: run \`make deps\` to see how to get it"
	finish
fi
check "every kernel answers as on the cpu" exits 0 '^ok .* as on the cpu'
# The first copies out are the measurement's.
FULCRUM_STANDIN=flip_at=90 check "a wrong bit is found" exits 1 '^not ok .* is not as on the cpu'
FULCRUM_STANDIN=fault_at=100 check "a fault is found" exits 1 '^not ok .*CUDA_ERROR_ILLEGAL_ADDRESS'
finish
