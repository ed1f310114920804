#!/bin/bash
# SPDX-License-Identifier: MIT
# test_bad_pipeline.sh - pipeline errors of each kind: place, caret, what would be valid.
#
# Files only: `fulcrum pipeline check`, needs no root.
. "$(dirname "$0")/../lib.sh"
require_build bin/fulcrum plugins/route.so plugins/ids.so

# refused NAME PLACE REGEX TEXT: PLACE is LINE:COLUMN, with * for any column.
refused() { local name=$1; shift; check "$name" is_refused "$@"; }
is_refused() {
	local place=$1 regex=$2 rc=0
	printf '%s\n' "$3" >"$WORK/case.click"
	timeout -k 2 15 "$BUILD/bin/fulcrum" pipeline check "$WORK/case.click" >"$WORK/said" 2>&1 || rc=$?
	echo "exit status $rc, said:"
	cat "$WORK/said"
	[ $rc = 1 ] || [ $rc = 2 ] || { echo "expected status 1 or 2"; return 1; }
	grep -qE "case\.click:${place//\*/[0-9]+}:" "$WORK/said" || { echo "expected the place $place"; return 1; }
	grep -qE '^[ |0-9]*\^' "$WORK/said" || { echo "expected a caret"; return 1; }
	grep -qiE -- "$regex" "$WORK/said" || { echo "expected a message with: $regex"; return 1; }
}
accepted() {
	printf '%s\n' "$1" >"$WORK/case.click"
	"$BUILD/bin/fulcrum" pipeline check "$WORK/case.click"
}
file_refused() {  # REGEX FILE
	local rc=0
	"$BUILD/bin/fulcrum" pipeline check "$2" >"$WORK/said" 2>&1 || rc=$?
	cat "$WORK/said"
	{ [ $rc = 1 ] || [ $rc = 2 ]; } && grep -qiE -- "$1" "$WORK/said"
}

check "a good pipeline is accepted" accepted 'FromPort(a) -> Counter -> ToPort(b);'
refused "unknown element" '1:*' 'Cuonter.*|Counter' 'FromPort(a) -> Cuonter -> ToPort(b);'
refused "unknown element names valid ones" '2:*' 'CheckIPHeader' 'in :: FromPort(a);
in -> CheckIPHeadr -> ToPort(b);'
refused "unknown plugin" '1:*' 'route' 'require(ruote);
FromPort(a) -> ToPort(b);'
refused "missing semicolon" '2:*' '.' 'a :: FromPort(a)
b :: ToPort(b);
a -> b;'
refused "unterminated string" '1:*' 'string|quote' 'require(ids); FromPort(a) -> PayloadMatch(PATTERNS "abc) -> ToPort(b);'
refused "unterminated comment" '1:*' 'comment' '/* FromPort(a) -> ToPort(b);'
refused "unclosed parenthesis" '[12]:*' '.' 'FromPort(a -> ToPort(b);'
refused "stray character" '1:*' '.' 'FromPort(a) -> @ -> ToPort(b);'
refused "name declared twice" '2:*' 'x' 'x :: FromPort(a); y :: ToPort(b); x -> y;
x :: Counter;'
refused "name never declared" '1:*' 'nowhere' 'FromPort(a) -> nowhere;'
refused "output that an element has not" '1:*' 'output|port' 'c :: Counter; FromPort(a) -> c; c[3] -> ToPort(b);'
refused "input that an element has not" '1:*' 'input|port' 'FromPort(a) -> [2]Counter -> ToPort(b);'
refused "connection into a source" '1:*' 'input' 'FromPort(a) -> FromPort(b) -> ToPort(c);'
refused "connection out of a sink" '1:*' 'output' 'FromPort(a) -> Discard -> ToPort(b);'
refused "output connected twice" '1:*' 'connected|twice|already' 'i :: FromPort(a); i -> ToPort(b); i -> ToPort(c);'
refused "output left open" '1:*' 'connected|output' 'FromPort(a) -> Counter;'
refused "loop" '[12]:*' 'loop|cycle|round' 'c :: Counter; d :: Counter; FromPort(a) -> c -> d -> c;'
refused "missing argument" '1:*' 'FromPort|port' 'FromPort -> ToPort(b);'
refused "too many arguments" '1:*' 'argument|takes' 'FromPort(a) -> CheckIPHeader(1, 2) -> ToPort(b);'
refused "value out of the choices" '1:*' 'flow.*none' 'FromPort(a, ORDERING sideways) -> ToPort(b);'
refused "unknown keyword" '1:*' 'ORDERING|COLOUR' 'FromPort(a, COLOUR red) -> ToPort(b);'
refused "argument of an unknown kind of table" '2:*' 'FIB' 'require(route);
FromPort(a) -> r :: IPLookup(TABLE x) -> ToPort(b);'
refused "file of an argument is missing" '2:*' 'nosuch' 'require(route);
FromPort(a) -> r :: IPLookup(FIB nosuch.txt) -> ToPort(b);'
refused "elementclass with an unset parameter" '*:*' 'who|parameter' 'elementclass E { $x | input -> Counter -> output };
FromPort(a) -> E -> ToPort($who);'
echo '// only a comment' >"$WORK/empty.click"
check "nothing in it" file_refused 'empty.click.*FromPort' "$WORK/empty.click"
check "file that is not there" file_refused 'nosuch.click' "$WORK/nosuch.click"
check "folder instead of a file" file_refused "$(basename "$WORK")" "$WORK"
head -c 100000 /dev/urandom >"$WORK/random.click"
check "random bytes" file_refused 'random.click' "$WORK/random.click"
finish
