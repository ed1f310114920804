#!/bin/sh
# SPDX-License-Identifier: MIT
# test_steer.sh - front-end and inline router in the kernel; KTAP, 4 when all is skipped.
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
BUILD=${B:-build}
[ -x "$BUILD/selftests/steer_test" ] || { echo "1..0 # SKIP $BUILD/selftests/steer_test is not built: run make"; exit 4; }
exec "$BUILD/selftests/steer_test" "$BUILD"
