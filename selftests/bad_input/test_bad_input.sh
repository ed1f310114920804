#!/bin/bash
# SPDX-License-Identifier: MIT
# test_bad_input.sh - each wrong input: one clear message, status 1 or 2, nothing left behind.
#
#   client ── west [dut] east ── server        no traffic
. "$(dirname "$0")/../lib.sh"
require_helper
require_program bpftool setpriv ethtool

# What could be left behind: namespaces, pins, processes of ours, programs, sockets.
state() {
	ls /run/netns
	find /sys/fs/bpf -mindepth 1 | sort
	pgrep -x 'fulcrumd?' | sort
	on dut ip -j link show | json 'sorted((l["ifname"], "xdp" in l) for l in d)'
	ls "$WORK" | grep -v -E '^(case|said|state|wait)' | sort
}

# Status 1 or 2 within 15 s, a message that matches REGEX (case does not matter),
# no trace of a crash, and the state as before.
is_refused() {  # REGEX COMMAND...
	local regex=$1 rc=0
	shift
	state >"$WORK/state.before"
	timeout -k 2 15 "$@" >"$WORK/said" 2>&1 </dev/null || rc=$?
	echo "exit status $rc, said:"
	cat "$WORK/said"
	state >"$WORK/state.after"
	[ $rc = 1 ] || [ $rc = 2 ] || { echo "expected status 1 or 2"; return 1; }
	grep -qiE -- "$regex" "$WORK/said" || { echo "expected a message with: $regex"; return 1; }
	! grep -qE 'Segmentation|Assertion|terminate called|Sanitizer|core dumped' "$WORK/said" || return 1
	diff "$WORK/state.before" "$WORK/state.after" || { echo "left behind, see above"; return 1; }
}
refused() { local name=$1; shift; check "$name" is_refused "$@"; }  # NAME REGEX COMMAND...

helper_with() {  # PIPELINE_TEXT [OPTION...] - as a command for `timeout`
	printf '%s\n' "$1" >"$WORK/case.click"
	shift
	COMMAND=(nsenter --net="/run/netns/${NS}dut" "$BUILD/bin/fulcrumd" --pipeline "$WORK/case.click" --socket "$WORK/case.sock" "$@")
}
ROUTER=$(<"$SELFTESTS/pipelines/router.click")
wire() { echo "FromPort($1) -> ToPort($1);"; }

interfaces() {
	helper_with "$(wire nosuch0)"
	refused "wrong interface" 'nosuch0.*no such (interface|device)' "${COMMAND[@]}"
	helper_with "$(wire west)"
	refused "program not attached" 'west.*(ip link set|not attached|attach)' "${COMMAND[@]}"
	for verb in attach detach; do
		refused "$verb of a wrong interface" 'nosuch0' nsenter --net="/run/netns/${NS}dut" "$BUILD/bin/fulcrum" port $verb nosuch0
	done
}

# lo has no native XDP: attached generically the helper may run, if it says so.
no_native_xdp() {
	on dut ip link set dev lo xdpgeneric obj "$BUILD/bpf/steer.bpf.o" sec xdp || return 1
	wire lo >"$WORK/lo.click"
	if start_helper "$WORK/lo.click"; then
		ctl port list --json | grep -i generic && stop_helper
	else
		cat "$WORK/helper.log"
		gone "$HELPER_PID" && grep -iE 'native|generic' "$WORK/helper.log"
	fi
	local rc=$?
	HELPER_PID=
	on dut ip link set dev lo xdpgeneric off
	rm -f "$WORK/lo.click" "$WORK/helper.log"
	return $rc
}

second_helper() {
	check "first helper runs" start_helper router.click
	helper_with "$ROUTER"
	refused "queue already owned, other socket" '(west|east).*(own|use|busy|another)' "${COMMAND[@]}"
	refused "queue and socket already owned" '(socket|helper|queue).*(own|use|run|answer|another)' \
		nsenter --net="/run/netns/${NS}dut" "$BUILD/bin/fulcrumd" --pipeline "$WORK/case.click" --socket "$SOCKET"
	check "the first helper still answers" ctl stats --json
	check "the first helper still stops cleanly" stop_helper
}

stale_pin() {
	detach
	rm -r "$PINS"
	mkdir "$PINS"
	bpftool map create "$PINS/fu1_port" type hash key 4 value 8 entries 4 name fu1_port || return 1
	! attach west 2>"$WORK/case.iproute2" || { echo "iproute2 took a map of another layout"; return 1; }
	helper_with "$(wire west)"
	is_refused 'unpin' nsenter --net="/run/netns/${NS}dut" "$BUILD/bin/fulcrum" port attach west &&
		is_refused 'unpin' "${COMMAND[@]}"
}
unpin_mends() { "$BUILD/bin/fulcrum" unpin && attach && start_helper router.click && stop_helper; }

no_permission() {
	local name="as nobody: no permission"
	chmod 755 "$WORK"
	helper_with "$ROUTER"
	refused "root without capabilities: no permission" 'root|CAP_|permission|permitted' nsenter --net="/run/netns/${NS}dut" \
		setpriv --bounding-set=-all --inh-caps=-all "${COMMAND[@]:2}"
	if ! setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$BUILD/bin/fulcrumd"; then
		skip_case "$name" "the build folder is not open to others"
		return
	fi
	refused "$name" 'root|CAP_|permission|permitted' nsenter --net="/run/netns/${NS}dut" \
		setpriv --reuid 65534 --regid 65534 --clear-groups "${COMMAND[@]:2}"
}

settings() {
	helper_with "$(wire west)" --config "$WORK/nosuch.toml"
	refused "missing configuration file" 'nosuch.toml' "${COMMAND[@]}"
	helper_with "$(wire west)" --set workers.idle=sleepy
	refused "wrong value in a setting" 'spin.*adaptive.*powersave' "${COMMAND[@]}"
	helper_with "$(wire west)" --set nosection.key=1
	refused "unknown setting" 'nosection' "${COMMAND[@]}"
	helper_with "$(wire west)" --nonsense
	refused "unknown option" 'nonsense' "${COMMAND[@]}"
	refused "no pipeline given" 'pipeline' "$BUILD/bin/fulcrumd"
	refused "unknown command" 'nonsense' "$BUILD/bin/fulcrum" nonsense
	refused "command without a helper" 'fulcrumd|helper' "$BUILD/bin/fulcrum" --socket "$WORK/none.sock" ratio show
}

make_topology
interfaces
check "attached" attach
check "without native XDP: generic mode is reported, or refused by name" no_native_xdp
second_helper
no_permission
settings
check "stale pin with another layout" stale_pin
check "fulcrum unpin mends it" unpin_mends
finish
