#!/bin/bash
# SPDX-License-Identifier: MIT
# topology.sh - client, router, server: three network namespaces and two wires.
#
#   tools/traffic/topology.sh up|down PREFIX
#
#   PREFIXclient            PREFIXdut                     PREFIXserver
#   cli0 ──────────── west      east ──────────── srv0
#   10.1.0.2/24    10.1.0.1/24  10.2.0.1/24       10.2.0.2/24
#   fd00:1::2/64   fd00:1::1/64 fd00:2::1/64      fd00:2::2/64
#   02:00:00:00:01:02  …01:01       …02:01             …02:02
#
# Nothing of the machine's own network is touched. The router forwards in the
# kernel until something is attached to west and east.
set -eu

in_ns() { local ns=$1; shift; nsenter --net="/run/netns/$ns" "$@"; }

# One wire: its end in the router first, then its end in the host.
wire() {  # host-ns host-if router-if net
	ip link add "$3" netns "$dut" address "02:00:00:00:0$4:01" type veth \
		peer name "$2" netns "$1" address "02:00:00:00:0$4:02"
	ip -n "$dut" addr add "10.$4.0.1/24" dev "$3"
	ip -n "$dut" addr add "fd00:$4::1/64" dev "$3" nodad
	ip -n "$1" addr add "10.$4.0.2/24" dev "$2"
	ip -n "$1" addr add "fd00:$4::2/64" dev "$2" nodad
	ip -n "$dut" link set "$3" up
	ip -n "$1" link set "$2" up
	ip -n "$1" route add default via "10.$4.0.1"
	ip -n "$1" -6 route add default via "fd00:$4::1"
	# veth would hand partial checksums and 64 KB segments to XDP, as no real
	# wire does. GRO gives the host's end a NAPI: without one it takes no
	# redirected frames.
	in_ns "$1" ethtool -K "$2" tx off tso off gso off txvlan off gro on >/dev/null
	# With TSO here, what the kernel forwards would reach the host by its CPU's
	# backlog and not by that NAPI: two queues into one host, as no wire is, and
	# which of them is served first is up to the scheduler.
	in_ns "$dut" ethtool -K "$3" tso off >/dev/null
}

quiet_ipv6() {  # no autoconfiguration traffic between the test's packets
	in_ns "$1" sh -c 'cd /proc/sys/net/ipv6/conf
		for c in default all; do echo 0 >$c/accept_ra; echo 0 >$c/accept_dad; done'
}

up() {
	local ns
	for ns in "$client" "$dut" "$server"; do
		ip netns add "$ns"
		quiet_ipv6 "$ns"
		ip -n "$ns" link set lo up
	done
	in_ns "$dut" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	wire "$client" cli0 west 1
	wire "$server" srv0 east 2
}

down() {
	local ns
	for ns in "$client" "$dut" "$server"; do
		if [ -e "/run/netns/$ns" ]; then ip netns del "$ns"; fi
	done
}

[ $# -eq 2 ] || { echo "usage: $0 up|down PREFIX" >&2; exit 2; }
client=$2client dut=$2dut server=$2server
case $1 in
up) trap 'rc=$?; [ $rc = 0 ] || down; exit $rc' EXIT; up ;;
down) down ;;
*) echo "usage: $0 up|down PREFIX" >&2; exit 2 ;;
esac
