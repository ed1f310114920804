#!/bin/bash
# SPDX-License-Identifier: MIT
# test_device_loss.sh - a device that fails under traffic costs no packet and comes back by itself.
#
#   client: 16 numbered UDP flows ── west [router.click, all on "card"] east ── server
#                     "card" is a modelled device that fails by its script
#
# Policy drop and a long heartbeat limit: no packet is let past those that the
# helper holds. What is missing or out of order here is the loss's doing.
. "$(dirname "$0")/../lib.sh"
. "$SELFTESTS/devices/card.sh"
require_helper
SECONDS_EACH=14
RATE=1500 # what comes until a hanging device is given up fits its ring
export TMPDIR=$WORK  # where evidence goes

send() { udp_seq --to "$SERVER4" --flows 16 --rate "$RATE" --seconds "$SECONDS_EACH" >"$WORK/seq.json" & SENDER=$!; }
sent_well() { wait "$SENDER"; }
arrived() { cat "$WORK/seq.json"; [ "$(json "$1" <"$WORK/seq.json")" = True ]; }
traffic_is_whole() {  # what
	check "$1: the flows end" sent_well
	check "$1: 0 reordered, 0 doubled" arrived 'd["reordered"] == 0 and d["duplicates"] == 0'
	check "$1: 0 lost" arrived 'd["received"] == d["sent"] > 10000'
}

loss() {  # kind, regex of the reason, further fields of the failure
	write_card "{ kind = \"$1\", after_tasks = 1200$3 }"
	check "$1: the helper gets ready" start_with_card "$WORK/drop.click"
	set_ratio card=1000 >/dev/null
	send
	check "$1: the device works" shows "c['state'] == 'up' and c['packets'] > 50"
	check "$1: its state says that it is lost, and why" shows "__import__('re').search('$2', c['state']) is not None"
	check "$1: what it held was done on the cpu" shows "c['losses'] >= 1 and c['done_on_cpu_instead'] > 0"
	check "$1: it comes back" shows "c['state'] == 'up'"
	local before
	before=$(card "['tasks']")
	check "$1: it takes packets again" shows "c['state'] == 'up' and c['tasks'] > $before + 20"
	traffic_is_whole "$1"
	grep -E 'warn|lost|back' "$WORK/helper.log" | head -5 | diagnose
}
evidence_is_there() {
	local file
	file=$(card "['evidence']") && echo "$file" && [ -s "$file" ] && [ "$(stat -c %s "$file")" -gt 40 ]
}

make_topology
check "attached" attach
sed "s/ON_HELPER_LOSS inline/ON_HELPER_LOSS drop/" "$SELFTESTS/pipelines/router.click" >"$WORK/drop.click"

for case in "lost;lost: it|lost: ;, reopen_fails = 2" "hang;did not finish a task in time;" \
	"wrong;another answer than the cpu;" "oom;lost: ;"; do
	IFS=';' read -r kind reason more <<<"$case"
	loss "$kind" "$reason" "$more"
	[ "$kind" = wrong ] && check "wrong: the packets are in a capture" evidence_is_there
	check "$kind: the helper stops cleanly" stop_helper
done

write_card ""
check "the helper gets ready" start_with_card "$WORK/drop.click"
set_ratio card=1000 >/dev/null
send
check "the device works" shows "c['packets'] > 50"
check "disabled under traffic" ctl device disable card
check "its state says so" shows "c['state'].startswith('disabled')"
check "enabled again" ctl device enable card
set_ratio card=1000 >/dev/null
before=$(card "['tasks']")
check "it takes packets again" shows "c['state'] == 'up' and c['tasks'] > $before + 20"
traffic_is_whole "disabled"
check "no device was lost" card_holds "c['losses'] == 0"
check "the helper stops cleanly" stop_helper
finish
