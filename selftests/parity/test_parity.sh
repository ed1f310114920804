#!/bin/bash
# SPDX-License-Identifier: MIT
# test_parity.sh - every kernel by every code and device, and every element by tasks, gives one answer.
#
# Random packets, and those of captures where they are. FULCRUM_TEST_SEED repeats
# a run. The CUDA rows run on the stand-in driver.
. "$(dirname "$0")/../lib.sh"
require_build selftests/parity
export FULCRUM_CUDA_LIBRARY=$BUILD/selftests/libcuda-standin.so
data=${FULCRUM_DATA:-$ROOT/../shared/data}/pcap
seed=${FULCRUM_TEST_SEED:-$RANDOM}
rounds=${FULCRUM_TEST_ROUNDS:-4}
exec timeout -k 2 55 "$BUILD/selftests/parity" --seed "$seed" --rounds "$rounds" --data "$data"
