#!/bin/bash
# SPDX-License-Identifier: MIT
# sandbox.sh - runs a command as root where nothing it makes can stay behind.
#
#   tools/traffic/sandbox.sh COMMAND [ARG...]
#
# The command gets its own mount, network and process namespaces: an empty bpffs
# on /sys/fs/bpf (pins of the machine are neither seen nor touched), an empty
# /run/netns (namespace names cannot clash), only lo to talk over, and a process
# tree that ends with the command, even by kill -9. Network namespaces made
# inside go with their last user.
# Inside, enter one with `nsenter --net=/run/netns/NAME`: `ip netns exec` would
# mount a new /sys and hide the bpffs.
set -eu

if [ "${1:-}" = --inside ]; then
	shift
	mkdir -p /run/netns
	mount -t tmpfs -o mode=755 tmpfs /run/netns
	mount -t bpf bpf /sys/fs/bpf
	ip link set lo up
	export FULCRUM_SANDBOX=$$
	# Not exec: the first process of a process namespace takes signals only
	# through handlers, and must reap what is left by others.
	"$@" &
	child=$!
	trap 'kill -TERM $child 2>/dev/null || true' TERM HUP
	trap 'kill -INT $child 2>/dev/null || true' INT
	while :; do
		rc=0
		wait $child || rc=$?
		kill -0 $child 2>/dev/null || exit $rc
	done
fi

if [ $# -eq 0 ] || [ "$(id -u)" != 0 ]; then
	echo "usage, as root: $0 COMMAND [ARG...]" >&2
	exit 2
fi
exec unshare --mount --net --pid --fork --kill-child --mount-proc -- \
	"$(readlink -f "$0")" --inside "$@"
