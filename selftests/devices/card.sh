# SPDX-License-Identifier: MIT
# card.sh - sourced behind lib.sh: a helper with a modelled device "card" that fails by its script.

RETRY='retry_ms = 1500\nretry_max_s = 3'  # how soon a lost card is opened again

# A model without delays worth the name, every task of which is done again and compared.
write_card() {  # FAILURE, empty: none
	cat >"$WORK/card.toml" <<-END
		name = "card"
		in_place = false
		launch_ns = 5000
		copy_in_bytes_per_s = 10_000_000_000
		copy_out_bytes_per_s = 10_000_000_000
		engines = 2
		packets_per_s = 10_000_000
		bytes_per_s = 1_000_000_000
		fail = [$1]
	END
	{
		sed '/^\[\[device\]\]/,$d' "$SELFTESTS/helper.toml"
		printf '[[device]]\nkind = "modelled"\nname = "card"\nmodel = "card.toml"\nwraps = "inline"\n'
		printf "$RETRY"'\nshadow_every = 1\ntask_timeout_ms = 500\n'
	} >"$WORK/helper.toml"
}
# With a long heartbeat limit: no packet is let past those that the helper holds.
start_with_card() {  # PIPELINE
	: >"$WORK/helper.log"
	nsenter --net="/run/netns/${NS}dut" "$BUILD/bin/fulcrumd" --pipeline "$1" \
		--config "$WORK/helper.toml" --set workers.beat_limit_ms=5000 --socket "$SOCKET" >"$WORK/helper.log" 2>&1 &
	HELPER_PID=$!
	wait_for 20 helper_ready_or_gone && grep -q ready "$WORK/helper.log" && kill -0 $HELPER_PID
}
card() { ctl device list --json | json "d['devices'][0]$1"; }  # ['KEY']
card_holds() { ctl device list --json | json "(lambda c: $1)(d['devices'][0])" | grep -qx True; }
shows() { wait_for 10 card_holds "$1" || { ctl device list --json; return 1; }; }
