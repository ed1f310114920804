#!/bin/bash
# SPDX-License-Identifier: MIT
# test_spills.sh - what nvcc makes of the kernels: no spills; and the driver's numbers are the right ones.
. "$(dirname "$0")/../lib.sh"
NVCC=${NVCC:-$(ls /usr/local/cuda/bin/nvcc 2>/dev/null || command -v nvcc)}
[ -n "$NVCC" ] || skip_all "no nvcc: run \`make deps\` to see how to get it"
CUDA=$(dirname "$(dirname "$(readlink -f "$NVCC")")")

report() { make -C "$ROOT" --no-print-directory B="${B:-build}" cuda-report; }

# The report must see a spill: 200 live values do not fit into 24 registers.
spill_is_found() {
	cat >"$WORK/spill.cu" <<-'CU'
		extern "C" __global__ void spill(unsigned* p) {
		  unsigned v[200];
		  for (int i = 0; i < 200; ++i) v[i] = p[i * 37 + threadIdx.x];
		  #pragma unroll
		  for (int k = 0; k < 3; ++k)
		    for (int i = 0; i < 200; ++i) v[i] = v[i] * v[(i * 7 + k) % 200] + p[i];
		  for (int i = 0; i < 200; ++i) p[i] = v[i];
		}
	CU
	local rc=0
	"$NVCC" -arch=sm_90 -maxrregcount=24 -Xptxas -v -cubin "$WORK/spill.cu" -o "$WORK/spill.cubin" >"$WORK/spill.log" 2>&1
	"$ROOT/tools/cuda/report.py" "$WORK/spill.log" || rc=$?
	[ $rc = 1 ]
}

# The kernel that measures devices is PTX by hand; the driver compiles it for whatever it finds.
probe_assembles() {
	local arch
	sed -n '/R"PTX(/,/)PTX"/p' "$ROOT/helper/device/cuda_probe.cc" | sed '1d;$d' >"$WORK/probe.ptx"
	for arch in $("$NVCC" --list-gpu-code); do
		"$CUDA/bin/ptxas" -arch="$arch" "$WORK/probe.ptx" -o "$WORK/probe.cubin" || return 1
	done
}
numbers_agree() {
	${CXX:-g++} -std=c++20 -fsyntax-only -I"$ROOT/include" -I"$ROOT/helper" -isystem "$CUDA/include" \
		"$SELFTESTS/cuda/abi_check.cc"
}

check "no kernel spills" report
diagnose <"$WORK/case.out"
check "a spill is found" spill_is_found
if [ -x "$CUDA/bin/ptxas" ]; then
	check "the probe assembles for every architecture" probe_assembles
else
	skip_case "the probe assembles for every architecture" "no ptxas beside nvcc"
fi
if [ -e "$CUDA/include/cuda.h" ]; then
	check "declarations agree with cuda.h" numbers_agree
else
	skip_case "declarations agree with cuda.h" "no $CUDA/include/cuda.h"
fi
finish
