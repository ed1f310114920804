#!/bin/bash
# SPDX-License-Identifier: MIT
# deps.sh - installs the Debian 12 packages that are missing, and only then.
#
#   tools/deps.sh          to build, demonstrate and test
#   tools/deps.sh bench    and DPDK, which `make bench` compares with
#
# With everything there it is silent and needs neither root nor network.
# Services that packages bring along are neither started nor enabled.
# Exit status: 0 all there, or enough to build; 1 the build cannot work.
set -eu

build="clang llvm bpftool g++ make pkg-config linux-libc-dev libbpf-dev libxdp-dev libelf-dev zlib1g-dev
libmnl-dev liburing-dev libboost1.81-dev libboost-json1.81-dev libcli11-dev libspdlog-dev libfmt-dev
libtoml11-dev libnuma-dev libpcap-dev libhyperscan-dev libpcre2-dev libipsec-mb-dev libgtest-dev libbenchmark-dev
ocl-icd-opencl-dev opencl-c-headers"
use="iproute2 nftables ethtool iputils-ping python3 iperf3 curl nginx-light tcpdump tshark python3-scapy tcpreplay
util-linux procps bochs-term bochs bochsbios vgabios isolinux syslinux-common genisoimage cpio pocl-opencl-icd
oclgrind"
case ${1:-} in
'') ;;
bench) use="$use dpdk dpdk-dev libdpdk-dev" ;;
*) echo "usage: $0 [bench]" >&2; exit 2 ;;
esac

missing() {  # packages... -> those not installed
	local have p
	have=" $(dpkg-query -W -f='${Package}=${db:Status-Status} ' "$@" 2>/dev/null || true)"
	for p; do
		case $have in *" $p=installed "*) continue ;; esac
		# Any build of nginx will do.
		if [ "$p" = nginx-light ] && PATH=$PATH:/usr/sbin command -v nginx >/dev/null; then continue; fi
		echo "$p"
	done
}

# Not a Debian package; without it everything is built but the kernels' CUDA form.
if [ ! -x /usr/local/cuda/bin/nvcc ] && ! command -v nvcc >/dev/null; then
	echo "deps: no nvcc, so kernels are built without CUDA: NVIDIA's CUDA Toolkit (12.0 or later) from" \
		"https://developer.nvidia.com/cuda-downloads brings it; the build finds it in /usr/local/cuda or PATH" >&2
fi

one_line() { tr -s '\n' ' ' <<<"$*" | sed 's/ *$//'; }

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "deps: no apt here, so nothing was checked; needed are what Debian 12 calls: $(one_line "$build $use")" >&2
	exit 0
fi
no_build=$(missing $build)
no_use=$(missing $use)
[ -n "$no_build$no_use" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	if [ -n "$no_build" ]; then
		echo "deps: missing: $(one_line "$no_build $no_use"): not root, so not installed; nothing can be built before \`sudo $0 ${1:-}\`" >&2
		exit 1
	fi
	echo "deps: missing: $(one_line "$no_use"): not root, so not installed; build and unit tests work without them" >&2
	exit 0
fi

policy=/usr/sbin/policy-rc.d
log=$(mktemp)
saved=
restore() {
	if [ -n "$saved" ]; then mv -f "$saved" $policy; else rm -f $policy; fi
	rm -f "$log"
}
# Debian starts what it installs, unless this file says 101.
if [ -e $policy ]; then
	saved=$policy.fulcrum-saved
	mv $policy $saved
fi
trap restore EXIT
trap 'exit 130' INT TERM HUP
printf '#!/bin/sh\nexit 101\n' >$policy
chmod 755 $policy

export DEBIAN_FRONTEND=noninteractive
install() {
	apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold \
		$no_build $no_use
}
echo "deps: installing $(wc -w <<<"$no_build $no_use") packages: $(one_line "$no_build $no_use")"
if command -v debconf-set-selections >/dev/null; then
	echo "wireshark-common wireshark-common/install-setuid boolean false
iperf3 iperf3/start_daemon boolean false" | debconf-set-selections
fi
# The lists at hand may do; if not, they are fetched and it is tried again.
if ! install >"$log" 2>&1; then
	if ! { apt-get update -q && install; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		echo "deps: apt-get could not install them (its last words are above): check network and /etc/apt, then run $0 again" >&2
		exit 1
	fi
fi
# A web server that the demo starts by hand must not come up with the machine.
for service in nginx dpdk iperf3; do
	if grep -qw "$service" <<<"$(sed 's/-light//' <<<"$no_use")" && [ -d /run/systemd/system ]; then
		systemctl disable --quiet "$service" 2>/dev/null || true
	fi
done
