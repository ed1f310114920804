#!/bin/bash
# SPDX-License-Identifier: MIT
# test_regex_tiers.sh - RegexMatch and PayloadMatch's MATCHES all: verdicts and alerts
# of every tier are those of Python's re, which is asked beforehand.
#
#   payloads ── [pipeline.click on cpu | device:manycore | auto] ── verdicts
#
# Needs neither root nor an interface. FULCRUM_TEST_SEED repeats a run.
. "$(dirname "$0")/../lib.sh"
require_build bin/fulcrum plugins/ids.so
HERE=$SELFTESTS/regex
SEED=${FULCRUM_TEST_SEED:-$RANDOM}

run() {  # tier
	"$BUILD/bin/fulcrum" run --pipeline "$HERE/pipeline.click" --in "$WORK/in.pcap" --out "$WORK/$1.pcap" \
		--verdicts "$WORK/$1.jsonl" --tier "$1"
}
as_expected() {  # tier
	python3 - "$WORK/expected.jsonl" "$WORK/$1.jsonl" <<'PY'
import json, sys
want, got = ([json.loads(line) for line in open(name, encoding="utf-8")] for name in sys.argv[1:])
print(len(want), "packets,", len(got), "verdicts")
bad = [(w, g) for w, g in zip(want, got) if any(g.get(k) != w[k] for k in w)]
for w, g in bad[:10]:
    print("expected", w, "got", g)
sys.exit(1 if bad or len(want) != len(got) or not want else 0)
PY
}
tier_used() { grep -q "\"tier\":\"$1\"" "$WORK/$1.jsonl"; }
refused() {  # word expressions...
	local word=$1 rc=0
	shift
	printf '%s\n' "$@" >"$WORK/bad.txt"
	sed "s|FILE expressions.txt|FILE \"$WORK/bad.txt\"|" "$HERE/pipeline.click" >"$WORK/bad.click"
	"$BUILD/bin/fulcrum" pipeline check "$WORK/bad.click" >"$WORK/said" 2>&1 || rc=$?
	echo "exit status $rc, said: $(cat "$WORK/said")"
	[ $rc != 0 ] && grep -q "bad.txt:$word" "$WORK/said"
}

echo "# seed $SEED"
"$HERE/make_payloads.py" "$SEED" 4000 "$HERE/expressions.txt" "$WORK/in.pcap" "$WORK/expected.jsonl" || bail "no payloads"
for tier in cpu device:manycore auto; do
	check "runs on $tier" run "$tier"
	check "$tier: every verdict and alert is Python's" as_expected "$tier"
done
for tier in cpu device:manycore; do check "--tier $tier ran there" tier_used "$tier"; done
for tier in device:manycore auto; do check "$tier gives the same packets as cpu" cmp "$WORK/cpu.pcap" "$WORK/$tier.pcap"; done
check "a bad expression: file, line and column" refused '3:4: ( is not closed' '# head' '/a/' '/ab(/'
check "a back reference is refused by name" refused '1:5: back references are not supported' '/(a)\1/'
check "too large an expression is refused" refused '1: too large' '/a.{900}b/s'
finish
