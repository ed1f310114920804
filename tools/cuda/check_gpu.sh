#!/bin/bash
# SPDX-License-Identifier: MIT
# check_gpu.sh - all that can be checked on a machine with a CUDA device: kernels, speed, whole pipelines.
#
#   make check-gpu                     the first device
#   tools/cuda/check_gpu.sh DEVICE     number, UUID or PCI bus id
#
# First every kernel against the cpu, and how fast (gpu_check, which needs no
# library but the driver). Then, where build/bin/fulcrum runs, captures through
# whole pipelines on cpu and on the device: the same bytes. TAP on stdout.
# Exit status: 0 all right, 1 not, 4 skipped: no device.
set -u
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
build=${B:-build}
if command -v nvidia-smi >/dev/null; then
	nvidia-smi --query-gpu=index,name,driver_version,pci.bus_id,memory.total --format=csv,noheader 2>&1 |
		sed 's/^/# nvidia-smi: /'
fi
"$build/selftests/gpu_check" "$@"
rc=$?
[ $rc = 0 ] || exit $rc
if ! "$build/bin/fulcrum" run --help >/dev/null 2>&1; then
	echo "# pipelines: not checked: $build/bin/fulcrum is not built, or lacks a library here (make deps && make)"
	exit 0
fi
FULCRUM_TEST_TIERS="cpu device:cuda${1:+:$1}" selftests/run/test_run_tiers.sh
