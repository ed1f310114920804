#!/bin/bash
# SPDX-License-Identifier: MIT
# test_handlers.sh - elements of a running pipeline are asked and told; what they were told holds.
#
#   client ── west [handlers.click] east ── server
. "$(dirname "$0")/../lib.sh"
require_helper
PACKETS=200

call() { ctl element call "$@"; }
says() {  # expected text, then the call
	local expected=$1
	shift
	call "$@" >"$WORK/said" || return 1
	cat "$WORK/said"
	grep -qxF -- "$expected" "$WORK/said"
}
refuses() {  # word of the message, then the call
	local word=$1
	shift
	call "$@" >"$WORK/said" 2>&1 && { cat "$WORK/said"; return 1; }
	cat "$WORK/said"
	grep -qF -- "$word" "$WORK/said"
}
number() { call "$1" counters | awk -v name="$2" '$1 == name { print $2 }'; }
pings() { on client ping -f -c $PACKETS -W 1 "$SERVER4" >/dev/null; }
counted() {
	call way/c reset && pings || return 1
	call way/c counters
	[ "$(number way/c packets_in)" -ge $PACKETS ] && [ "$(number way/c packets)" = "$(number way/c packets_in)" ]
}
starts_again() { call way/c reset && call way/c counters && [ "$(number way/c packets_in)" -lt 20 ]; }
# 1 packet a second, one at once: most of a flood does not pass.
told() {
	call limit rate 1pps BURST 1 && says "1pps burst 1 packets" limit limit || return 1
	call limit reset && on client ping -f -c $PACKETS -W 1 "$SERVER4" >"$WORK/ping"
	call limit counters
	[ "$(number limit exceed_packets)" -gt $((PACKETS / 2)) ]
}
told_back() {
	call limit rate 100kpps, BURST 1000 || return 1
	sleep 0.1
	pings
}
as_json() {
	call way/c counters --json | json 'd["element"] == "way/c" and d["text"].startswith("packets_in ")' | grep -qx True &&
		call way/c reset --json | json '"text" not in d' | grep -qx True
}
lists() {
	ctl element handlers limit --json | json '{h["name"]: h["writes"] for h in d["handlers"]}' | tee "$WORK/said"
	grep -q "'rate': True" "$WORK/said" && grep -q "'limit': False" "$WORK/said" && grep -q "'counters': False" "$WORK/said"
}
survives_a_swap() {
	local before after
	before=$(number way/c packets_in)
	ctl pipeline load "$SELFTESTS/swap/handlers.click" && pings || return 1
	after=$(number way/c packets_in)
	echo "$before, then $after"
	[ $((after - before)) -ge $PACKETS ]
}

make_topology
check "attached" attach
check "the helper gets ready" start_helper "$SELFTESTS/swap/handlers.click" --set workers.beat_limit_ms=5000
on client ping -c 3 -i 0.1 "$SERVER4" >/dev/null 2>&1
check "class" says Counter way/c class
check "config" says '100kpps, BURST 1000' limit config
check "counters" counted
check "reset" starts_again
check "counts go on over a change of pipeline" survives_a_swap
check "an element's own reading handler" says "$(call way/h percentiles | head -n 1)" way/h percentiles
check "an element's own writing handler" told
check "and back" told_back
check "JSON" as_json
check "handlers" lists
check "unknown element: the nearest is named" refuses way/c way/cc counters
check "unknown handler: the nearest is named" refuses counters way/c countrs
check "arguments where none are taken" refuses "takes no arguments" way/c counters 1
check "a refused value changes nothing" refuses pps limit rate 5parsecs
check "arguments that are none" refuses "not a list of arguments" limit rate '1pps) -> y :: Counter('
check "the helper stops cleanly" stop_helper
check "all frames are home" grep -E 'frames: ([0-9]+) of \1 home' "$WORK/helper.log"
finish
