#!/bin/bash
# SPDX-License-Identifier: MIT
# test_swap_loss.sh - the pipeline is changed while a device fails, is opened again and comes back.
#
#   client: 16 numbered UDP flows ── west [routed.click <-> searched.click, all on "card"] east ── server
#                     "card" is a modelled device that fails by its script
#
# Policy drop and a long heartbeat limit: what is missing or out of order is the helper's doing.
. "$(dirname "$0")/../lib.sh"
. "$SELFTESTS/devices/card.sh"
require_helper
HERE=$SELFTESTS/swap
SWAPS=200
RETRY='retry_ms = 400\nretry_max_s = 1'
export TMPDIR=$WORK  # where evidence goes

swap_through_the_loss() {
	local sender ok=0
	udp_seq --to "$SERVER4" --flows 16 --rate 1500 --seconds 10 >"$WORK/udp.json" &
	sender=$!
	"$HERE/swapper.py" --socket "$SOCKET" --pid $HELPER_PID --count $SWAPS --pause-ms 40 \
		--good "$HERE/searched.click,$HERE/routed.click" >"$WORK/swap.json" || ok=1
	wait $sender || ok=1
	cat "$WORK/swap.json" "$WORK/udp.json"
	return $ok
}
holds() { cat "$WORK/$1.json"; [ "$(json "$2" <"$WORK/$1.json")" = True ]; }

make_topology
check "attached" attach
for kind in lost hang wrong; do
	write_card "{ kind = \"$kind\", after_tasks = 100 }"
	check "$kind: the helper gets ready" start_with_card "$HERE/routed.click"
	set_ratio card=1000 >/dev/null
	on client ping -c 3 -i 0.1 "$SERVER4" >/dev/null 2>&1
	check "$kind: $SWAPS changes while the device fails" swap_through_the_loss
	echo "# $(cat "$WORK/swap.json")"
	check "$kind: the device was lost" card_holds "c['losses'] >= 1 and c['done_on_cpu_instead'] > 0"
	check "$kind: it comes back" shows "c['state'] == 'up'"
	check "$kind: 0 lost" holds udp 'd["received"] == d["sent"] > 1000'
	check "$kind: 0 reordered, 0 doubled" holds udp 'd["reordered"] == 0 and d["duplicates"] == 0'
	check "$kind: the helper stops cleanly" stop_helper
	check "$kind: all frames are home" grep -E 'frames: ([0-9]+) of \1 home' "$WORK/helper.log"
done
finish
