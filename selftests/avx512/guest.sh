#!/bin/bash
# SPDX-License-Identifier: MIT
# guest.sh - a static program -> its stdout and exit status on a CPU made by Bochs.
#
#   selftests/avx512/guest.sh [-t SECONDS] [-m MIB] [-c CPU] [-f FILE]... PROGRAM [ARG...]
#
#   -t   limit for boot and program together (default 120)
#   -m   the guest's memory (default 256)
#   -c   a model of `bochs --help cpu` (default corei7_skylake_x: AVX-512 F CD BW DQ VL)
#   -f   a file that the program finds as /NAME
#
# Boots Linux with nothing but PROGRAM in it; other boots give a static busybox:
# `guest.sh /bin/busybox sh -c '...'`. stdout is the program's, byte for byte;
# stderr is what the guest's console said, and how long boot and program took.
# Exit status: the program's (128 + signal), or
#   124 the limit passed; what the program had said by then is on stdout
#   125 the guest cannot be made, or ended without the program
#   126 no guest can be run here; stderr ends with the reason
#
# Bochs 2.7 lacks what only Knights Landing had (ER, PF, PREFETCHWT1) and computes
# VPCONFLICTD wrong: build knl code for it with
# `-march=knl -mno-avx512er -mno-avx512pf -mno-prefetchwt1`, keep VPCONFLICTD out.
set -u
here=$(dirname "$(readlink -f "$0")")
build=$here/../../${B:-build}
limit_s=120 memory_mib=256 cpu=corei7_skylake_x files=()
while getopts t:m:c:f: option; do
	case $option in
	t) limit_s=$OPTARG ;;
	m) memory_mib=$OPTARG ;;
	c) cpu=$OPTARG ;;
	f) files+=("$OPTARG") ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n 's/^#   selftests/usage: selftests/p' "$0" >&2; exit 2; }

bios=/usr/share/bochs/BIOS-bochs-latest
vga_bios=/usr/share/bochs/VGABIOS-lgpl-latest
loader=(/usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32)
work=$(mktemp -d) || exit 125
bochs_pid=
cleanup() {
	[ -z "$bochs_pid" ] || kill -KILL "$bochs_pid" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

cannot() { echo "guest: $*" >&2; exit 126; }
broken() { echo "guest: $*" >&2; exit 125; }

check_needs() {
	local need
	for need in bochs-bin genisoimage cpio setpriv; do
		command -v "$need" >/dev/null || cannot "$need is not installed: run tools/deps.sh as root"
	done
	for need in "$bios" "$vga_bios" "${loader[@]}" /usr/lib/*/bochs/plugins/libbx_term_gui.so; do
		[ -e "$need" ] || cannot "$need is missing: run tools/deps.sh as root"
	done
	[ -x "$build/selftests/guest_init" ] || cannot "selftests/guest_init is not built: run make tests"
	"$here/kernel.sh" "$build/guest/vmlinuz" >"$work/kernel.log" 2>&1 || cannot "$(tail -n 1 "$work/kernel.log")"
}

# Linux turns AVX off where XSAVES is there without being as wide as it wants, so
# it must not see XSAVEC and XSAVES (321, 323). The emulated TSC runs at another
# rate than CPUID says: waits by it would take a hundred times as long.
write_image() {  # program args...
	local program=$1
	mkdir -p "$work/root/dev" "$work/iso"
	cp "$build/selftests/guest_init" "$work/root/init" &&
		cp "$program" "$work/root/program" && chmod 755 "$work/root/program" &&
		{ [ ${#files[@]} = 0 ] || cp "${files[@]}" "$work/root/"; } || broken "the guest's files cannot be copied"
	printf '%s\0' "$(basename "$program")" "${@:2}" >"$work/root/args"
	(cd "$work/root" && find . | cpio -o -H newc --quiet -R 0:0 >"$work/iso/initrd") || broken "cpio failed"
	cp "${loader[@]}" "$work/iso/"
	ln -s "$(readlink -f "$build/guest/vmlinuz")" "$work/iso/vmlinuz"
	cat >"$work/iso/isolinux.cfg" <<-END
		default guest
		prompt 0
		label guest
		kernel /vmlinuz
		append initrd=/initrd console=ttyS0,115200 quiet panic=-1 nosmp nokaslr mitigations=off clearcpuid=321,323 tsc=unstable cryptomgr.notests=1
	END
	genisoimage -quiet -f -o "$work/guest.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 \
		-boot-info-table "$work/iso" 2>"$work/iso.log" || broken "genisoimage failed: $(tail -n 1 "$work/iso.log")"
}

# Debian's Bochs has its debugger compiled in, which waits for a `c`. Bochs ends
# with this script, also where that one gets no chance to clean up.
start_bochs() {
	echo c >"$work/debugger"
	cat >"$work/bochsrc" <<-END
		display_library: term
		config_interface: textconfig
		plugin_ctrl: unmapped=1, biosdev=1, speaker=0, parallel=0, gameport=0
		romimage: file=$bios
		vgaromimage: file=$vga_bios
		memory: guest=$memory_mib, host=$memory_mib
		cpu: model=$cpu, count=1, ips=100000000, reset_on_triple_fault=0
		clock: sync=none
		ata0-master: type=cdrom, path=$work/guest.iso, status=inserted
		boot: cdrom
		com1: enabled=1, mode=file, dev=$work/console
		com2: enabled=1, mode=file, dev=$work/output
		log: $work/bochs.log
		panic: action=fatal
		error: action=report
		info: action=ignore
		debug: action=ignore
	END
	: >"$work/console"
	: >"$work/output"
	cd "$work" || exit 125
	TERM=vt100 setpriv --pdeathsig KILL bochs-bin -q -f bochsrc -rc debugger </dev/null >"$work/screen" 2>&1 &
	bochs_pid=$!
}

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# Ends with Bochs, at the latest when the limit is over; that one returns false.
watch() {
	local start_ms up_ms=
	start_ms=$(now_ms)
	while kill -0 "$bochs_pid" 2>/dev/null; do
		note_boot
		if [ "$(now_ms)" -ge $((start_ms + limit_s * 1000)) ]; then
			kill -KILL "$bochs_pid"
			wait "$bochs_pid" 2>/dev/null
			bochs_pid=
			echo "guest: ended after the limit of $limit_s s, $([ -n "$up_ms" ] && echo in the program || echo still booting)" >&2
			return 1
		fi
		sleep 0.1
	done
	wait "$bochs_pid" 2>/dev/null
	bochs_pid=
	note_boot
	[ -z "$up_ms" ] || echo "guest: program and power-off took $(($(now_ms) - up_ms)) ms" >&2
}
note_boot() {  # of watch
	[ -z "$up_ms" ] && grep -aq '^guest: up' "$work/console" || return 0
	up_ms=$(now_ms)
	echo "guest: booted in $((up_ms - start_ms)) ms" >&2
}

check_needs
write_image "$@"
start_bochs
if watch; then timed_out=; else timed_out=1; fi
tr -d '\r' <"$work/console" | sed '/^$/d; s/^/console: /' >&2
cat "$work/output"
[ -z "$timed_out" ] || exit 124
status=$(sed -nE 's/^guest: status ([0-9]+).*/\1/p' "$work/console" | tail -n 1)
if [ -z "$status" ]; then
	grep -ahE 'PANIC|exiting|p\[' "$work/bochs.log" "$work/screen" | tail -n 3 >&2
	echo "guest: ended without the program" >&2
	exit 125
fi
exit "$status"
