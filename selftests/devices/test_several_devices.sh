#!/bin/bash
# SPDX-License-Identifier: MIT
# test_several_devices.sh - three kinds of device beside the cpu in one helper, order kept.
#
#   client: 256 numbered UDP flows ── west [router.click: a quarter each on cpu, pool, pocl, l4] east ── server
. "$(dirname "$0")/../lib.sh"
require_helper

device() { ctl device list --json | json "next(d for d in d['devices'] if d['device'] == '$1')$2"; }
works() { [ "$(device "$1" "['state']")" = up ] && [ "$(device "$1" "['packets']")" -gt 1000 ]; }
has_answered_right() { [ "$(device "$1" "['shadow_mismatches']")" = 0 ] && [ "$(device "$1" "['losses']")" = 0 ]; }
whole() {
	cat "$WORK/seq.json"
	[ "$(json 'd["received"] == d["sent"] > 10000 and d["reordered"] == 0 and d["duplicates"] == 0' <"$WORK/seq.json")" = True ]
}

make_topology
check "attached" attach
{
	sed '/^\[\[device\]\]/,$d' "$SELFTESTS/helper.toml"
	printf '[[device]]\nkind = "manycore"\nname = "pool"\nshadow_every = 16\n'
	printf '[[device]]\nkind = "opencl"\nname = "pocl"\nshadow_every = 16\n'
	printf '[[device]]\nkind = "modelled"\nname = "l4"\nmodel = "l4"\nshadow_every = 16\n'
} >"$WORK/helper.toml"
nsenter --net="/run/netns/${NS}dut" "$BUILD/bin/fulcrumd" --pipeline "$SELFTESTS/pipelines/router.click" \
	--config "$WORK/helper.toml" --socket "$SOCKET" >"$WORK/helper.log" 2>&1 &
HELPER_PID=$!
check "the helper gets ready" wait_for 20 grep -q ready "$WORK/helper.log"
devices="pool pocl l4"
if grep -q 'no OpenCL device' "$WORK/helper.log"; then
	skip_case "pocl" "no OpenCL device here: run tools/deps.sh as root"
	devices="pool l4"
	set_ratio cpu=400 pool=300 l4=300 >/dev/null
else
	set_ratio cpu=250 pool=250 pocl=250 l4=250 >/dev/null
fi
udp_seq --to "$SERVER4" --flows 256 --rate 5000 --seconds 5 >"$WORK/seq.json"
for d in $devices; do
	check "$d had its share" works "$d"
	check "$d gave the cpu's answers" has_answered_right "$d"
done
check "nothing lost, nothing reordered" whole
check "the helper stops cleanly" stop_helper
finish
