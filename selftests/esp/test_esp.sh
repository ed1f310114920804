#!/bin/bash
# SPDX-License-Identifier: MIT
# test_esp.sh - IPsec with others: what ESPEncap seals, scapy and tshark open; what scapy seals, ESPDecap opens.
#
#   clear.pcap ── [ESPEncap] ── scapy, tshark        sealed.pcap (scapy) ── [ESPDecap] ── inner.pcap
#
# On each tier, with the same bytes. FULCRUM_TEST_SEED repeats a run.
. "$(dirname "$0")/../lib.sh"
require_build bin/fulcrum plugins/esp.so
require_program tshark
HERE=$SELFTESTS/esp
SEED=${FULCRUM_TEST_SEED:-$RANDOM}
TIERS=(cpu device:manycore auto)
for PYTHON in python3 /usr/bin/python3 ''; do  # scapy is where Debian puts it
	[ -z "$PYTHON" ] || ! "$PYTHON" -c 'import scapy.layers.ipsec, cryptography' 2>/dev/null || break
done
[ -n "$PYTHON" ] || skip_all "python3-scapy is not installed: run tools/deps.sh as root"

oracle() { "$PYTHON" "$HERE/oracle.py" "$@" 2>"$WORK/oracle.err" || { cat "$WORK/oracle.err"; return 1; }; }
run() {  # tier element input output
	cat >"$WORK/pipeline.click" <<-END
		require(esp);
		FromPort(in) -> $2 -> ToPort(out);
	END
	"$BUILD/bin/fulcrum" run --pipeline "$WORK/pipeline.click" --in "$3" --out "$4" --tier "$1" --verdicts "$WORK/verdicts.jsonl"
}
# Sequence numbers go by the order in which packets are handled, so `auto` makes its own bytes.
sealed_is() {  # tier
	run "$1" "ESPEncap(SAS \"$WORK/sas.txt\")" "$WORK/clear.pcap" "$WORK/$1.pcap" && oracle opens "$WORK" "$WORK/$1.pcap"
}
same_bytes() { oracle same "$WORK/cpu.pcap" "$WORK/device:manycore.pcap"; }
opened_is() {  # tier
	run "$1" "ESPDecap(SAS \"$WORK/sas.txt\")" "$WORK/sealed.pcap" "$WORK/opened.pcap" && oracle same "$WORK/inner.pcap" "$WORK/opened.pcap"
}
round_trip_is() {  # tier
	run "$1" "ESPEncap(SAS \"$WORK/sas.txt\") -> ESPDecap(SAS \"$WORK/sas.txt\")" "$WORK/clear.pcap" "$WORK/back.pcap" &&
		oracle same "$WORK/clear.pcap" "$WORK/back.pcap"
}
tshark_reads() {  # nothing above UDP: a dissector that stumbles over random payload takes ESP's findings with it
	mkdir -p "$WORK/home/.config/wireshark"
	cp "$WORK/esp_sa" "$WORK/home/.config/wireshark/esp_sa"
	HOME=$WORK/home XDG_CONFIG_HOME=$WORK/home/.config tshark -n -r "$WORK/${TIERS[0]}.pcap" \
		-d udp.port==1-65535,data -o esp.enable_encryption_decode:TRUE \
		-o esp.enable_authentication_check:TRUE -T fields -e esp.spi -e esp.icv_good -e udp.payload \
		>"$WORK/tshark.txt" 2>"$WORK/tshark.err" || { cat "$WORK/tshark.err"; return 1; }
	oracle read "$WORK" "$WORK/tshark.txt"
}
never_clear() {  # no SA, no output connected: dropped by name
	grep -v 'sel 10.1.0.0' "$WORK/sas.txt" >"$WORK/fewer.txt"
	run cpu "ESPEncap(SAS \"$WORK/fewer.txt\")" "$WORK/clear.pcap" "$WORK/fewer.pcap" || return 1
	grep -q '"verdict":"drop".*"reason":"no_sa"' "$WORK/verdicts.jsonl" &&
		[ "$(grep -c '"verdict":"tx"' "$WORK/verdicts.jsonl")" = "$(tshark -n -r "$WORK/fewer.pcap" -Y esp 2>/dev/null | wc -l)" ]
}
wrong_key() {  # tier
	sed 's/key ..../key 0000/; s/auth ..../auth 0000/' "$WORK/sas.txt" >"$WORK/wrong.txt"
	run "$1" "ESPDecap(SAS \"$WORK/wrong.txt\")" "$WORK/sealed.pcap" "$WORK/wrong.pcap" || return 1
	grep -q '"reason":"esp_auth_failed"' "$WORK/verdicts.jsonl" && ! grep -q '"reason":"esp_malformed' "$WORK/verdicts.jsonl"
}
bad_file() {
	echo 'sa spi 1' >"$WORK/bad.txt"
	! run cpu "ESPDecap(SAS \"$WORK/bad.txt\")" "$WORK/sealed.pcap" "$WORK/none.pcap" 2>"$WORK/said" && grep -q "bad.txt:1:8: '1' is not an SPI" "$WORK/said"
}

echo "# FULCRUM_TEST_SEED=$SEED"
check "captures" oracle make "$WORK" "$SEED"
for tier in "${TIERS[@]}"; do
	check "sealed on $tier, opened by scapy" sealed_is "$tier"
	check "scapy's packets opened on $tier" opened_is "$tier"
	check "there and back on $tier" round_trip_is "$tier"
	check "wrong keys found out on $tier" wrong_key "$tier"
done
check "the same bytes from cpu and device" same_bytes
check "tshark decrypts and authenticates them" tshark_reads
check "never in clear" never_clear
check "a bad file is refused with line and column" bad_file
finish
