#!/bin/bash
# SPDX-License-Identifier: MIT
# test_plugins.sh - plugins: refused for a reason that is told, and in and out of a helper under traffic.
#
#   client: numbered UDP ── west [router.click; probe.so in and out] east ── server
. "$(dirname "$0")/../lib.sh"
require_build bin/fulcrum bin/fulcrumd plugins/route.so
require_program ${CXX:-g++}
HERE=$SELFTESTS/plugins
FOLDER=$WORK/plugins
mkdir "$FOLDER"
chmod 755 "$WORK"
export FULCRUM_PLUGIN_DIR=$FOLDER

compile() {  # file option...
	local file=$1
	shift
	${CXX:-g++} -std=c++20 -I"$ROOT/include" -I"$ROOT/include/uapi" -fPIC -fno-gnu-unique -shared "$@" \
		-DVERSION="${VERSION:-1.0}" -o "$file.new" "$HERE/probe.cc" && mv "$file.new" "$file"
}
plugin() { local name=$1; shift; compile "$FOLDER/$name.so" -DNAME="$name" "$@"; }

# ---- each bad one says what is wrong ---------------------------------------------
# The first line of what `pipeline check` says, with the scratch folder as DIR.
said_of() {  # name
	printf 'require(%s);\nFromPort(a) -> Discard;\n' "$1" >"$WORK/p.click"
	"$BUILD/bin/fulcrum" pipeline check "$WORK/p.click" 2>&1 >/dev/null | head -n 1 |
		sed -e "s|$FOLDER|DIR|g; s|$WORK/||; s| in DIR, .*: build it| in DIR, …: build it|"
}
make_bad() {
	echo "no shared object, but long enough to be read as the header of one, if it only were" >"$FOLDER/garbage.so"
	plugin nosymbol -DNO_SYMBOL && plugin abi -DABI=1 && plugin named -DSAYS=other && plugin taken -DCLASS=Counter &&
		plugin twice -DTWICE && plugin fails -DSTART_FAILS && plugin throws -DSTART_THROWS &&
		plugin probe && plugin writable && chmod g+w "$FOLDER/writable.so" && mkdir "$FOLDER/open" &&
		compile "$FOLDER/open/inopen.so" -DNAME=inopen && ln -s open/inopen.so "$FOLDER/inopen.so" && chmod 777 "$FOLDER/open"
}
check "plugins are built against include/ alone" make_bad
for name in nosuch Bad garbage nosymbol abi named taken twice fails throws writable inopen; do
	said_of "$name"
done >"$WORK/said"
check "each refusal says what is wrong and what to do" diff -u "$HERE/refusals.txt" "$WORK/said"
# The program's own symbols are there to be found, so that this is the build's to refuse: -z defs.
check "a symbol of the helper does not link" bash -c "! ${CXX:-g++} -std=c++20 -I'$ROOT/include' -I'$ROOT/include/uapi' \
	-fPIC -shared -Wl,-z,defs -DNAME=x -DVERSION=1 -DUNRESOLVED -o '$WORK/x.so' '$HERE/probe.cc' 2>/dev/null"
check "a good one beside them loads" [ -z "$(said_of probe)" ]
knows() { "$BUILD/bin/fulcrum" --socket "$WORK/none" plugin info "$@"; }
check "info knows it without a helper" [ "$(knows probe --json | json 'd["version"], d["state"], d["elements"][0]["class"]')" = "('1.0', 'available', 'Probe')" ]
FULCRUM_PLUGIN_DIR= knows route >"$WORK/info"
check "info of route: table, BPF object" grep -qE '^  table |^  inline object  inline_route.bpf.o' "$WORK/info"
check "info of route: what its kernel is built for" grep -q 'route_lookup .*x86-64-v2.*x86-64-v4.*knl.*opencl' "$WORK/info"
check "list names those that are refused" [ "$("$BUILD/bin/fulcrum" --socket "$WORK/none" plugin list --json |
	json '{p["plugin"]: p["state"] for p in d["plugins"]}["writable"], {p["plugin"]: p["state"] for p in d["plugins"]}["probe"]')" = "('refused', 'available')" ]

# ---- who may own one --------------------------------------------------------------
if [ "$(id -u)" = 0 ]; then
	plugin foreign
	chown 1 "$FOLDER/foreign.so"
	check "root takes no other user's file" [ "$(said_of foreign)" = "p.click:1:9: error: plugin foreign: DIR/foreign.so: belongs to user 1, not to root: a plugin runs with all rights of this program: if it is to be trusted, chown root DIR/foreign.so" ]
	rm "$FOLDER/foreign.so"
	if command -v setpriv >/dev/null; then
		mkdir "$WORK/own"
		cp "$FOLDER/probe.so" "$WORK/own/"
		chown -R 1 "$WORK/own"
		as_user() { setpriv --reuid 1 --regid 1 --clear-groups env FULCRUM_PLUGIN_DIR="$WORK/own" "$BUILD/bin/fulcrum" --socket "$WORK/none" plugin info probe; }
		check "another user takes his own" as_user
		chown -R 2 "$WORK/own"
		check "but not a third one's" bash -c "! $(declare -f as_user); BUILD='$BUILD' WORK='$WORK'; ! as_user"
	else
		skip_case "another user takes his own" "setpriv is not installed"
	fi
else
	skip_case "root takes no other user's file" "needs root"
fi

# ---- in and out under traffic -------------------------------------------------------
if [ "$(id -u)" != 0 ] || [ ! -e "$BUILD/bpf/steer.bpf.o" ]; then
	skip_case "load and unload under traffic" "needs root and bpf/steer.bpf.o"
	finish
fi
mapped() { grep -q "/$1.so" "/proc/$HELPER_PID/maps"; }
refused() {  # words command...
	local words=$1
	shift
	! "$@" >"$WORK/refused" 2>&1 && { grep -qF "$words" "$WORK/refused" || { cat "$WORK/refused"; false; }; }
}
round() {
	ctl plugin load probe && mapped probe && ctl plugin unload probe && ! mapped probe
}
rounds() { local i; for i in 1 2 3 4 5 6 7 8 9 10; do round || { echo "round $i"; return 1; }; done; }
version() { ctl plugin info probe --json | json 'd["version"]'; }
upgrade() {
	ctl plugin load probe && [ "$(version)" = 1.0 ] && VERSION=2.0 plugin probe && [ "$(version)" = 1.0 ] &&
		ctl plugin unload probe && ctl plugin load probe && [ "$(version)" = 2.0 ] && ctl plugin unload probe
}
bad_ones() {
	local name
	for name in nosuch garbage nosymbol abi named taken twice fails throws writable inopen; do
		refused "plugin $name: " ctl plugin load $name || { echo "$name"; return 1; }
		! mapped "$name" || { echo "$name is mapped"; return 1; }
	done
}

make_topology
check "iproute2 attaches the program to both ports" attach
# On a busy machine workers may wait for their CPU: that is not what is looked at here.
check "the helper gets ready" start_helper router.click --set workers.beat_limit_ms=5000
on client ping -n -c 3 -i 0.02 -W 1 "$SERVER4" >/dev/null  # the kernel finds the neighbours
udp_seq --to "$SERVER4" --seconds "${SECONDS_OF_TRAFFIC:-20}" --flows 16 --rate 4000 >"$WORK/seq" &
CHILDREN+=($!)
TRAFFIC_PID=$!
check "ten times in and out: mapped, and not any more" rounds
check "a new file is taken by unload and load" upgrade
check "loading the bad ones changes nothing" bad_ones
check "loading one twice is refused" bash -c "$(declare -f ctl on refused); NS=$NS BUILD='$BUILD' SOCKET='$SOCKET' WORK='$WORK'
	ctl plugin load probe && refused 'is loaded already' ctl plugin load probe && ctl plugin unload probe && refused 'is not loaded' ctl plugin unload probe"
check "one that a pipeline uses stays" refused "used by pipeline" ctl plugin unload route
check "list says so" [ "$(ctl plugin list --json | json '[(p["state"], p["used"]) for p in d["plugins"] if p["plugin"] == "route"]')" = "[('loaded', True)]" ]
plugin uniq -DUNIQUE -fgnu-unique
check "one with unique symbols says that it stays mapped" bash -c "$(declare -f ctl on refused); NS=$NS BUILD='$BUILD' SOCKET='$SOCKET' WORK='$WORK'
	ctl plugin load uniq && refused 'its code stays mapped' ctl plugin unload uniq && refused 'restart the program' ctl plugin load uniq"

# ---- by changes of the pipeline -------------------------------------------------------
ROUTER=$SELFTESTS/pipelines/router.click
sed 's/require(route)/require(route, probe)/; s/^c4 -> rt;/c4 -> Probe -> rt;/' "$ROUTER" >"$WORK/probe.click"
sed 's/require(route)/require(route, late)/; s/^c4 -> rt;/c4 -> Late -> rt;/' "$ROUTER" >"$WORK/late.click"
plugin late -DCLASS=Late -DCONFIGURE_THROWS
unloaded() { wait_for 5 ctl plugin unload "$1" && ! mapped "$1"; }
swaps() {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		ctl pipeline load "$WORK/probe.click" && mapped probe && refused "used by pipeline" ctl plugin unload probe &&
			ctl pipeline load "$ROUTER" && unloaded probe || { echo "round $i"; return 1; }
	done
}
untouched() {
	refused "failed in its set-up: no more of this" ctl pipeline load "$WORK/late.click" &&
		[ "$(ctl pipeline show --json | json '"Late" in [n["class"] for n in d["nodes"]]')" = False ] && unloaded late
}
if "$BUILD/bin/fulcrum" --help | grep -q "pipeline load"; then
	check "ten changes of pipeline: in use, then unmapped" swaps
	check "one that throws in its set-up leaves the pipeline as it is" untouched
else
	skip_case "changes of pipeline" "fulcrum pipeline load is not there"
fi
wait "$TRAFFIC_PID"
# A packet that the receiver's socket had no room for has arrived.
check "no packet is lost, none overtakes another" [ "$(json 'd["lost"] - d["socket_drops"], d["reordered"], d["received"] > 10000' <"$WORK/seq")" = "(0, 0, True)" ]
lost_by_name() { ctl stats --json | json '{k: v for k, v in d["lost"].items() if v}' | tee "$WORK/lost" && grep -qx '{}' "$WORK/lost"; }
check "the helper lost nothing" lost_by_name
check "the helper stops cleanly" stop_helper
check "all frames come home" grep -qE 'frames: ([0-9]+) of \1 home' "$WORK/helper.log"

# ---- with its kernels and tables on a device ------------------------------------------
# Both pipelines have elements with kernels, so that tasks go on when ids has left.
device_rounds() {  # device
	local i
	for i in 1 2 3; do
		ctl pipeline load "$SELFTESTS/pipelines/ids.click" && set_ratio "$1=1000" && took_tasks "$1" && mapped ids &&
			ctl pipeline load "$ROUTER" && set_ratio "$1=1000" && took_tasks "$1" && unloaded ids || { echo "round $i"; return 1; }
	done
}
tasks() { ctl device list --json | json "sum(x['tasks'] for x in d['devices'] if x['device'] == '$1')"; }
took_tasks() { local before; before=$(tasks "$1"); wait_for 10 more_tasks "$1" "$before"; }
more_tasks() { [ "$(tasks "$1")" -gt "$2" ]; }
for kind in manycore opencl; do
	if [ "$kind" = opencl ] && ! { command -v clinfo && clinfo -l | grep -q Device; } >/dev/null 2>&1; then
		skip_case "$kind: three times in and out" "no OpenCL device"
		continue
	fi
	check "$kind: the helper gets ready" start_helper router.click --set workers.beat_limit_ms=5000 \
		--set device.kind=$kind --set device.name=$kind --set device.task_timeout_ms=20000
	udp_seq --to "$SERVER4" --seconds 15 --flows 16 --rate 2000 >"$WORK/seq" &
	CHILDREN+=($!)
	TRAFFIC_PID=$!
	check "$kind: three times in and out of pipeline and device" device_rounds "$kind"
	wait "$TRAFFIC_PID"
	check "$kind: no packet is lost" [ "$(json 'd["lost"] - d["socket_drops"], d["reordered"], d["received"] > 5000' <"$WORK/seq")" = "(0, 0, True)" ]
	check "$kind: the helper stops cleanly" stop_helper
done
detach
finish
