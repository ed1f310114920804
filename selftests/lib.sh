# SPDX-License-Identifier: MIT
# lib.sh - what selftests share: cases in KTAP, a topology, a helper in it.
#
# Sourced first thing by a test; the test ends with `finish`. As root the test
# runs inside tools/traffic/sandbox.sh, also when it is started by hand.
#
#   client ── west [dut] east ── server        (tools/traffic/topology.sh)
#
# WORK is a scratch folder; it, the namespaces and the processes go at exit,
# however the test ends.
set -u
SELFTESTS=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
ROOT=$(dirname "$SELFTESTS")
if [ "$(id -u)" = 0 ] && [ -z "${FULCRUM_SANDBOX:-}" ]; then
	exec "$ROOT/tools/traffic/sandbox.sh" "$(readlink -f "$0")" "$@"
fi
export PYTHONDONTWRITEBYTECODE=1
TRAFFIC=$ROOT/tools/traffic
BUILD=$ROOT/${B:-build}
DATA=${FULCRUM_DATA:-$ROOT/../shared/data}
PINS=/sys/fs/bpf/tc/globals
NS=t$$-
WORK=$(mktemp -d)
SOCKET=$WORK/control.sock
HELPER_PID=
CASES=0 FAILED=0 SKIPPED=0
CHILDREN=()

cleanup() {
	exec 2>/dev/null  # bash would tell of each child it kills
	local pid
	trap - EXIT
	for pid in "${CHILDREN[@]:-}" $HELPER_PID; do
		[ -z "$pid" ] || { kill -CONT "$pid"; kill -KILL "$pid"; } 2>/dev/null
	done
	wait 2>/dev/null
	"$TRAFFIC/topology.sh" down "$NS" 2>/dev/null
	rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# ---- cases ---------------------------------------------------------------------
diagnose() { sed 's/^/# /'; }
pass() { CASES=$((CASES + 1)); echo "ok $CASES $*"; }
fail() { CASES=$((CASES + 1)); FAILED=$((FAILED + 1)); echo "not ok $CASES $*"; }
skip_case() { CASES=$((CASES + 1)); SKIPPED=$((SKIPPED + 1)); echo "ok $CASES $1 # SKIP $2"; }
skip_all() { echo "1..0 # SKIP $*"; exit 4; }
bail() { echo "# $*"; fail "$*"; finish; }

# check NAME COMMAND...: one case; what the command said is shown if it fails.
check() {
	local name=$1
	shift
	if "$@" >"$WORK/case.out" 2>&1; then
		pass "$name"
	else
		echo "# exit status $? of: $*"
		diagnose <"$WORK/case.out"
		[ ! -s "$WORK/helper.log" ] || { echo "# helper:"; tail -n 20 "$WORK/helper.log" | diagnose; }
		fail "$name"
	fi
}

finish() {
	echo "1..$CASES"
	[ "$FAILED" = 0 ] || exit 1
	[ "$CASES" != "$SKIPPED" ] || exit 4
	exit 0
}

# ---- needs ---------------------------------------------------------------------
require_root() { [ "$(id -u)" = 0 ] || skip_all "needs root"; }
require_program() {
	local p
	for p; do command -v "$p" >/dev/null || skip_all "$p is not installed: run tools/deps.sh as root"; done
}
require_build() {
	local f
	for f; do [ -e "$BUILD/$f" ] || skip_all "$f is not built: run make"; done
}
require_helper() { require_root; require_build bin/fulcrumd bin/fulcrum bpf/steer.bpf.o; }

# ---- waiting -------------------------------------------------------------------
# wait_for SECONDS COMMAND...: polls until it succeeds; false when time is up.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >"$WORK/wait.out" 2>&1; do
		[ $SECONDS -lt $end ] || { echo "waited in vain for: $*"; cat "$WORK/wait.out"; return 1; }
		sleep 0.05
	done
}
gone() { ! kill -0 "$1" 2>/dev/null; }

# background COMMAND...: starts it, pid in LAST_PID; killed at exit at the latest.
background() {
	"$@" &
	LAST_PID=$!
	CHILDREN+=("$LAST_PID")
}

# ---- topology --------------------------------------------------------------------
make_topology() { "$TRAFFIC/topology.sh" up "$NS" || bail "topology could not be made"; }
on() { local ns=$1; shift; nsenter --net="/run/netns/$NS$ns" "$@"; }

attach() {  # ports, default both
	local port
	[ $# -gt 0 ] || set -- west east
	for port; do
		on dut ip link set dev "$port" xdp obj "$BUILD/bpf/steer.bpf.o" sec xdp || return 1
	done
}
detach() {
	local port
	for port in west east; do on dut ip link set dev "$port" xdp off; done
}

# ---- helper ------------------------------------------------------------------------
# Starts fulcrumd with a pipeline of this folder or a path; false if it does not
# get ready. Its words are in $WORK/helper.log.
start_helper() {  # pipeline [option...]
	local pipeline=$1
	shift
	[ -e "$pipeline" ] || pipeline=$SELFTESTS/pipelines/$pipeline
	: >"$WORK/helper.log"  # the last helper's "ready" must not be taken for this one's
	nsenter --net="/run/netns/${NS}dut" "$BUILD/bin/fulcrumd" --pipeline "$pipeline" \
		--config "$SELFTESTS/helper.toml" --socket "$SOCKET" "$@" >"$WORK/helper.log" 2>&1 &
	HELPER_PID=$!
	wait_for 20 helper_ready_or_gone && grep -q ready "$WORK/helper.log" && kill -0 $HELPER_PID
}
helper_ready_or_gone() { grep -q ready "$WORK/helper.log" || gone $HELPER_PID; }

# Clean stop. False if it takes more than 10 s or the exit status is not 0.
stop_helper() {
	local pid=$HELPER_PID
	kill -TERM "$pid" || return 1
	wait_for 10 gone "$pid" || { echo "helper did not stop within 10 s"; return 1; }
	HELPER_PID=
	wait "$pid"
}
kill_helper() { kill -KILL "$HELPER_PID"; wait "$HELPER_PID" 2>/dev/null; HELPER_PID=; }

# Counters of fu1_queue over all ports: those whose names match, added up.
counter() {  # PYTHON_REGEX
	bpftool -j map dump pinned "$PINS/fu1_queue" | PYTHONPATH=$TRAFFIC python3 -c '
import account, json, re, sys
print(sum(v for k, v in account.queue_counters(json.load(sys.stdin)).items() if re.fullmatch(sys.argv[1], k)))' "$1"
}

ctl() { on dut "$BUILD/bin/fulcrum" --socket "$SOCKET" "$@"; }
set_ratio() { ctl ratio set west "$@" && ctl ratio set east "$@"; }  # TIER=PERMILLE...

# json EXPRESSION: evaluates it over the document on stdin, which is `d`.
json() { python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }

# ---- traffic ----------------------------------------------------------------------
CLIENT4=10.1.0.2 CLIENT6=fd00:1::2 SERVER4=10.2.0.2 SERVER6=fd00:2::2

# Numbered UDP from client to server; the JSON of udp_seq.py on stdout.
udp_seq() { "$TRAFFIC/udp_seq.py" both --from-ns "${NS}client" --to-ns "${NS}server" "$@"; }

# A web server in `server` with files of these sizes under names of the same kind.
start_web() {  # SIZE_BYTES...
	local size
	mkdir -p "$WORK/www"
	for size; do head -c "$size" /dev/urandom >"$WORK/www/$size.bin"; done
	"$TRAFFIC/web.sh" "$WORK" >"$WORK/nginx.conf"
	background nsenter --net="/run/netns/${NS}server" nginx -c "$WORK/nginx.conf" -p "$WORK" -e "$WORK/nginx.err"
	wait_for 10 on server curl -s -o /dev/null http://127.0.0.1/ || bail "nginx did not start: $(cat "$WORK/nginx.err")"
}

# Fetches a file over IPv4 or IPv6 and compares it byte by byte.
fetch() {  # 4|6 SIZE_BYTES [curl option...]
	local family=$1 size=$2 host=$SERVER4
	shift 2
	[ "$family" = 4 ] || host="[$SERVER6]"
	on client curl -sS --fail --max-time 30 "$@" -o "$WORK/got.$family.$size" "http://$host/$size.bin" &&
		cmp "$WORK/got.$family.$size" "$WORK/www/$size.bin"
}
