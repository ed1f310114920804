#!/bin/bash
# SPDX-License-Identifier: MIT
# kernel.sh - Debian's cloud kernel -> FILE, fetched once; nothing is installed.
#
#   selftests/avx512/kernel.sh FILE
#
# FULCRUM_GUEST_KERNEL=BZIMAGE takes that kernel instead of fetching one; it needs
# devtmpfs, an initramfs and the 8250 serial driver built in.
# Exit status: 0 FILE is there; 1 it cannot be had, stderr says why.
set -u
kernel=${1:?usage: kernel.sh FILE}
[ ! -s "$kernel" ] || exit 0
mkdir -p "$(dirname "$kernel")" || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM HUP
limit_s=90  # for each thing that asks the network

fail() { echo "guest kernel: $*: run \`make tests\` with network" >&2; exit 1; }
deliver() { cp "$1" "$kernel.part" && mv "$kernel.part" "$kernel" || fail "$kernel cannot be written"; }

if [ -n "${FULCRUM_GUEST_KERNEL:-}" ]; then
	[ -r "$FULCRUM_GUEST_KERNEL" ] || fail "FULCRUM_GUEST_KERNEL=$FULCRUM_GUEST_KERNEL cannot be read"
	deliver "$FULCRUM_GUEST_KERNEL"
	exit 0
fi

# The machine's package lists may be missing or old; then own ones are fetched.
# apt's own user could not write to the folder.
apt=(-q -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o APT::Sandbox::User=root)
fetch() {
	local package
	package=$(apt-cache "${apt[@]}" depends linux-image-cloud-amd64 2>>"$tmp/log" |
		awk '$1 == "Depends:" && $2 ~ /^linux-image-.*-cloud-amd64$/ { print $2; exit }')
	[ -n "$package" ] || { echo "no package linux-image-cloud-amd64 in apt's lists" >>"$tmp/log"; return 1; }
	(cd "$tmp" && timeout "$limit_s" apt-get "${apt[@]}" download "$package") >>"$tmp/log" 2>&1
}
update_own_lists() {
	mkdir -p "$tmp/apt/lists/partial" "$tmp/apt/cache/archives/partial"
	apt+=(-o "Dir::State::lists=$tmp/apt/lists" -o "Dir::Cache=$tmp/apt/cache")
	timeout "$limit_s" apt-get "${apt[@]}" update >>"$tmp/log" 2>&1
}

command -v apt-get >/dev/null || fail "there is no apt here; set FULCRUM_GUEST_KERNEL to a bzImage"
if ! fetch && ! { update_own_lists && fetch; }; then
	why=$(grep -m 1 -iE 'temporary failure|could not|unable|^E:|^no package' "$tmp/log" | sed 's/^[ EW:]*//')
	fail "apt cannot fetch linux-image-cloud-amd64 (${why:-no answer in $limit_s s})"
fi
dpkg-deb -x "$tmp"/linux-image-*.deb "$tmp/unpacked" || fail "the package cannot be unpacked"
deliver "$tmp"/unpacked/boot/vmlinuz-*
echo "guest kernel: $(basename "$tmp"/linux-image-*.deb)"
