#!/bin/bash
# SPDX-License-Identifier: MIT
# test_lb.sh - real connections through LoadBalancer; backends come and go under them.
#
#             ┌─ west [dut: LoadBalancer → IPLookup] be1 be2 be3 ─┐ outer headers
#   client ─ br0                                                 b1 b2 b3: VIP on lo
#   curl, iperf3 └────────── direct return: ret1 ret2 ret3 ───────┘
#
# On the way there IP in IP, GUE or nothing but another Ethernet address. Backends take
# the outer header off by the kernel's ipip device where there is one, else by a TUN
# (backend.py): TCP above is the kernel's in any case. The answers pass no balancer.
. "$(dirname "$0")/../lib.sh"
require_helper
require_build plugins/lb.so plugins/route.so
require_program curl clang ethtool bpftool
HERE=$SELFTESTS/lb
VIP=203.0.113.10 PORT=8000
BACKENDS="1 2 3"

# ---- topology ----------------------------------------------------------------------
wire() {  # dut-interface namespace interface n
	ip link add "$1" netns "${NS}dut" address "02:00:00:00:$4:01" type veth \
		peer name "$3" netns "$NS$2" address "02:00:00:00:$4:02" || return 1
	ip -n "${NS}dut" addr add "10.$4.0.1/24" dev "$1"
	ip -n "${NS}dut" link set "$1" up
	ip -n "$NS$2" link set "$3" up
	on "$2" ethtool -K "$3" tx off tso off gso off gro off >/dev/null
	on dut ethtool -K "$1" tso off >/dev/null
}
native_xdp() {  # namespace interface: live frames need it where GRO is off
	on "$1" ip link set dev "$2" xdp obj "$WORK/pass.bpf.o" sec xdp
}
make_backend() {  # n
	wire "be$1" "b$1" "in" $((20 + $1)) && ip -n "${NS}b$1" addr add "10.$((20 + $1)).0.2/24" dev in &&
		native_xdp "b$1" in || return 1
	ip link add "ret$1" netns "${NS}client" type veth peer name ret netns "${NS}b$1"
	ip -n "${NS}client" link set "ret$1" master br0 up
	ip -n "${NS}b$1" addr add "10.10.0.10$1/24" dev ret
	ip -n "${NS}b$1" link set ret up
	ip -n "${NS}b$1" addr add "$VIP/32" dev lo
	on "b$1" sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.in.rp_filter=0
	ip -n "${NS}b$1" route add 10.0.0.1 via "10.$((20 + $1)).0.1"
}
open_tunnels() {  # n
	if [ "$TUNNEL" = kernel ]; then
		ip -n "${NS}b$1" link add ipip0 type ipip local any remote any && ip -n "${NS}b$1" link set ipip0 up
		return
	fi
	background on "b$1" "$HERE/backend.py" open tun0 >"$WORK/open$1.log" 2>&1
	wait_for 10 grep -qx open "$WORK/open$1.log" || return 1
	on "b$1" sysctl -qw net.ipv4.conf.tun0.rp_filter=0
	ip -n "${NS}b$1" link set tun0 mtu 1600 up
}
serve() {  # n
	background on "b$1" "$HERE/backend.py" serve "b$1" "$VIP" "$PORT" >"$WORK/serve$1.log" 2>&1
	wait_for 10 grep -qx serving "$WORK/serve$1.log"
}
make_all() {
	local n
	printf '%s\n' '#define SEC(n) __attribute__((section(n), used))' \
		'SEC("xdp") int pass(void *c) { return 2; }' 'char _license[] SEC("license") = "GPL";' >"$WORK/pass.c"
	clang -O2 -g -target bpf -c "$WORK/pass.c" -o "$WORK/pass.bpf.o" || return 1
	for n in client dut b1 b2 b3; do
		ip netns add "$NS$n" && ip -n "$NS$n" link set lo up || return 1
		on "$n" sh -c 'for c in default all; do echo 1 >/proc/sys/net/ipv6/conf/$c/disable_ipv6; done'
	done
	ip -n "${NS}client" link add br0 type bridge mcast_snooping 0
	ip -n "${NS}client" addr add 10.10.0.2/24 dev br0
	ip -n "${NS}client" link set br0 up
	wire west client cli0 10 && ip -n "${NS}client" link set cli0 master br0 || return 1
	native_xdp client cli0 || return 1
	on client ethtool -K br0 tx off tso off gso off >/dev/null
	# The router in front: it leads the VIP to the balancer, which does not have it.
	ip -n "${NS}client" route add "$VIP" via 10.10.0.1 mtu lock 1440
	ip -n "${NS}dut" route add blackhole "$VIP"
	on dut sysctl -qw net.ipv4.ip_forward=1
	for n in $BACKENDS; do make_backend "$n" && open_tunnels "$n" && serve "$n" || return 1; done
}
no_more_namespaces() {
	local n
	for n in client dut b1 b2 b3; do ip netns del "$NS$n"; done
}
# The kernel resolves neighbours; IPLookup follows it.
meet() {
	local n
	for n in $BACKENDS; do on dut ping -q -c 1 -W 2 "10.$((20 + n)).0.2" || return 1; done
	on client ping -q -c 1 -W 2 10.10.0.1
}

# ---- pipelines -----------------------------------------------------------------------
pipeline() {  # name "arguments" "element behind output 0"
	cat >"$WORK/$1.click" <<-END
		require(lb); require(route);
		west :: FromPort(west);
		rt :: IPLookup(FIB kernel);
		west -> CheckIPHeader -> DecIPTTL
		  -> lb :: LoadBalancer(VIP $VIP, PROTO tcp, $2, IDLE 5min)
		  -> $3;
		lb[1] -> rt -> ToPort;
		rt[1] -> ToKernel;
		FromPort(be1) -> rt; FromPort(be2) -> rt; FromPort(be3) -> rt;
	END
}
tunnel_pipeline() {  # mode
	pipeline "$1" "BACKEND 10.21.0.2, BACKEND 10.22.0.2, BACKEND 10.23.0.2, MODE $1, SOURCE 10.0.0.1" "rt"
}
l3_pipeline() {
	local n backends=
	for n in $BACKENDS; do
		backends+="BACKEND \"10.$((20 + n)).0.2 mac 02:00:00:00:$((20 + n)):02 dev be$n\", "
	done
	pipeline l3 "${backends/%, /}, MODE l3" "ToPort"
}
start() {  # name
	start_helper "$WORK/$1.click"
}

# ---- connections -----------------------------------------------------------------------
head -c 3000000 /dev/urandom >"$WORK/upload"
DIGEST=$(sha256sum "$WORK/upload" | cut -d' ' -f1)

names_seen() {  # count: that many new connections; which backends answered
	local n
	for ((n = 0; n < $1; n++)); do on client curl -sS --max-time 10 "http://$VIP:$PORT/name" || return 1; echo; done | sort | uniq -c
}
all_answer() {
	local seen
	seen=$(names_seen 40)
	echo "$seen"
	[ "$(echo "$seen" | awk '{print $2}' | tr '\n' ' ')" = "b1 b2 b3 " ]
}
upload() {  # [curl option...]
	[ "$(on client curl -sS --fail --max-time 60 "$@" -T "$WORK/upload" "http://$VIP:$PORT/" | cut -d' ' -f2)" = "$DIGEST" ]
}
download() { [ "$(on client curl -sS --fail --max-time 60 "http://$VIP:$PORT/5000000" | wc -c)" = 5000000 ]; }
several_uploads() { local n; for n in 1 2 3 4 5 6; do upload || return 1; done; }
by_balancer() {  # the balancer, not the kernel, sent packets there
	local sent
	sent=$(ctl pipeline show --json | json "[n['counters']['balanced'] for n in d['nodes'] if n['name'] == 'lb'][0]")
	echo "balanced: $sent"
	[ "$sent" -gt 500 ]
}

# ---- changes under traffic ---------------------------------------------------------------
call() { ctl element call lb "$@"; }
address_of() { echo "10.$((20 + ${1#b})).0.2"; }
add_again() {  # mode backend
	local n=${2#b} more=
	[ "$1" != l3 ] || more=" mac 02:00:00:00:$((20 + n)):02 dev be$n"
	call add "$(address_of "$2")$more"
}
open_sessions() {
	coproc SESSIONS { on client "$HERE/backend.py" sessions "$VIP" "$PORT" 24; }
	CHILDREN+=("$SESSIONS_PID")
	local word
	read -r -t 10 word <&"${SESSIONS[0]}" && [ "$word" = connected ] && BEFORE=$(ask) && [[ $BEFORE == *b1* && $BEFORE == *b2* ]]
}
ask() {
	local answer
	echo "who" >&"${SESSIONS[1]}"
	read -r -t 30 answer <&"${SESSIONS[0]}" && echo "$answer"
}
sessions_stay() {
	local now
	now=$(ask)
	echo "before: $BEFORE"
	echo "now:    $now"
	[ -n "$now" ] && [ "$now" = "$BEFORE" ]
}
close_sessions() { kill "$SESSIONS_PID" && wait_for 10 gone "$SESSIONS_PID"; }
never() {  # backend: of new connections
	local seen
	seen=$(names_seen 30)
	echo "$seen"
	[ -n "$seen" ] && ! grep -q "$1" <<<"$seen"
}
state_is() { call backends | grep -q "$(address_of "$1") $2"; }  # backend state
# Those of the backend end, no other does.
only_its_sessions_end() {  # backend
	local now was is
	now=$(ask)
	echo "before: $BEFORE"
	echo "now:    $now"
	paste <(tr ' ' '\n' <<<"$BEFORE") <(tr ' ' '\n' <<<"$now") | while read -r was is; do
		if [ "$was" = "$1" ]; then [ "$is" = broken ]; else [ "$is" = "$was" ]; fi || exit 1
	done
}
slow_uploads_begin() {  # about ten seconds each
	local n
	UPLOADS=()
	for n in 1 2 3 4 5 6; do
		background upload --limit-rate 300k
		UPLOADS+=("$LAST_PID")
	done
}
slow_uploads_run() { local p; for p in "${UPLOADS[@]}"; do ! gone "$p" || return 1; done; }
slow_uploads_end() { local p bad=0; for p in "${UPLOADS[@]}"; do wait "$p" || bad=1; done; return $bad; }

changes() {  # mode
	ctl element handlers lb >/dev/null 2>&1 || { skip_case "$1: changes of backends" "this helper knows no handlers"; return; }
	check "$1: sessions to several backends" open_sessions
	slow_uploads_begin
	check "$1: a backend is drained" call remove "$(address_of b2)"
	check "$1: its sessions stay" sessions_stay
	check "$1: no new connection goes there" never b2
	check "$1: it is listed as draining" state_is b2 draining
	check "$1: weights change" call weight "$(address_of b1)" 5
	check "$1: it comes back" add_again "$1" b2
	check "$1: sessions stay" sessions_stay
	check "$1: another goes, now in a new pipeline" swap_without b3 "$1"
	check "$1: sessions stay over the change of pipeline" sessions_stay
	check "$1: no new connection goes to what it does not name" never b3
	check "$1: uploads were under way through all of it" slow_uploads_run
	check "$1: and arrive whole" slow_uploads_end
	check "$1: a backend is removed at once" call remove "$(address_of b1)" now
	check "$1: only its sessions end" only_its_sessions_end b1
	check "$1: a backend that is not there is refused" refused remove 10.99.0.1
	check "$1: sessions close" close_sessions
}
swap_without() {  # backend mode
	sed -E "s/BACKEND (\"$(address_of "$1")[^\"]*\"|$(address_of "$1")), //" "$WORK/$2.click" >"$WORK/$2.fewer.click"
	! cmp -s "$WORK/$2.click" "$WORK/$2.fewer.click" && ctl pipeline load "$WORK/$2.fewer.click"
}
refused() { ! call "$@" 2>"$WORK/refused" && cat "$WORK/refused" && grep -q 'no backend' "$WORK/refused"; }

# Control and data connection meet the same machine: AFFINITY client.
iperf3_case() {
	command -v iperf3 >/dev/null || { skip_case "iperf3" "iperf3 is not installed: run tools/deps.sh as root"; return; }
	local n
	for n in $BACKENDS; do background on "b$n" iperf3 -s -B "$VIP" >/dev/null; done
	sed 's/PROTO tcp,/PROTO tcp, AFFINITY client,/' "$WORK/ipip.click" >"$WORK/iperf.click"
	check "iperf3: the helper gets ready" start iperf
	on client iperf3 -c "$VIP" -t 5 -b 40M -J >"$WORK/iperf.json" &
	local client=$! used
	CHILDREN+=("$client")
	if ctl element handlers lb >/dev/null 2>&1; then
		check "iperf3: its backend takes packets" wait_for 5 busiest
		used=$(busiest)
		check "iperf3: its backend is drained under it" call remove "$used"
		check "iperf3: and comes back" call add "$used"
	fi
	check "iperf3: ends well" wait "$client"
	check "iperf3: all bytes were received" iperf3_received
	check "iperf3: the helper stops cleanly" stop_helper
}
busiest() { call backends | awk '$NF > 1000000 { print $1; found = 1 } END { exit !found }'; }
iperf3_received() {
	json "'%d of %d bytes' % (d['end']['sum_received']['bytes'], d['end']['sum_sent']['bytes'])" <"$WORK/iperf.json"
	[ "$(json "d['end']['sum_received']['bytes'] > 15e6" <"$WORK/iperf.json")" = True ]
}

make_all_said=$WORK/make.log
TUNNEL=tun
ip netns add "${NS}probe" && ip -n "${NS}probe" link add p0 type ipip local any remote any 2>/dev/null && TUNNEL=kernel
ip netns del "${NS}probe" 2>/dev/null
[ -c /dev/net/tun ] || [ "$TUNNEL" = kernel ] || skip_all "neither an ipip device nor /dev/net/tun"
echo "# backends decapsulate by: $TUNNEL"
make_all >"$make_all_said" 2>&1 || { diagnose <"$make_all_said"; bail "topology could not be made"; }
trap 'no_more_namespaces 2>/dev/null; cleanup' EXIT
check "neighbours meet" meet
check "the program attaches" attach west be1 be2 be3
tunnel_pipeline ipip; tunnel_pipeline gue; l3_pipeline

for mode in ipip gue l3; do
	if [ $mode = gue ] && [ "$TUNNEL" = kernel ]; then
		for n in $BACKENDS; do background on "b$n" "$HERE/backend.py" open tun0; done
	fi
	check "$mode: the helper gets ready" start $mode
	check "$mode: every backend answers" all_answer
	check "$mode: uploads arrive whole" several_uploads
	check "$mode: downloads arrive whole" download
	check "$mode: it was the balancer that sent them" by_balancer
	changes $mode
	check "$mode: the helper stops cleanly" stop_helper
done
iperf3_case
finish
