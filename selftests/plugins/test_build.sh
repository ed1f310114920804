#!/bin/bash
# SPDX-License-Identifier: MIT
# test_build.sh - plugins need the installed headers, all of them and nothing else.
#
#   make install DESTDIR=… ── headers, plugin.mk ── example, `plugin new` ── make test
. "$(dirname "$0")/../lib.sh"
require_build bin/fulcrum plugins/route.so
require_program make ${CXX:-g++}
INSTALLED=$WORK/root/opt/fulcrum
# One GPU is enough to see that its compiler is asked.
export CUDA_ARCHS=90 CUDA_PTX=

# Of the build only what is there: nothing is made anew.
install_it() {
	local old=(-o all) f
	for f in bin/fulcrum $(cd "$BUILD" && echo plugins/*.so); do old+=(-o "${B:-build}/$f"); done
	make -s -C "$ROOT" B="${B:-build}" "${old[@]}" install DESTDIR="$WORK/root" PREFIX=/opt/fulcrum
}
make_in() { local folder=$1; shift; (unset MAKEFLAGS MAKELEVEL B; make -C "$folder" CXX="${CXX:-g++}" "$@"); }

# ---- out of the tree -----------------------------------------------------------
check "make install" install_it
check "fulcrum.pc names the folders" grep -qx 'pluginmk=${prefix}/share/fulcrum/plugin.mk' "$INSTALLED/lib/pkgconfig/fulcrum.pc"
headers_alone() {  # each compiles with one -I, by itself
	local h
	for h in "$INSTALLED"/include/fulcrum/*.h; do
		case $h in */fulcrum_inline.h | */fulcrum_parse.h) continue ;; esac  # of BPF programs
		echo "#include \"fulcrum/${h##*/}\"" | ${CXX:-g++} -std=c++20 -fsyntax-only -I"$INSTALLED/include" -x c++ - || return 1
	done
}
check "each installed header compiles with one -I" headers_alone
cp -r "$ROOT/tools/examples/plugin" "$WORK/example"
check "the example is built against them" make_in "$WORK/example" PREFIX="$INSTALLED" all
check "and gives the same on every device" make_in "$WORK/example" -s PREFIX="$INSTALLED" test
sed -n '/# SKIP/d; s/^ok .* \(device:[a-z]*\).*/# \1 ran/p' "$WORK/case.out"
check "it finds the manual of its element" bash -c "FULCRUM_PLUGIN_DIR='$WORK/example/build' '$INSTALLED/bin/fulcrum' --socket '$WORK/none' plugin info sample | grep -q 'x86-64-v2 .*opencl'"

cd "$WORK" || exit 1
check "plugin new writes one of another name" "$INSTALLED/bin/fulcrum" plugin new byte_watch
check "nothing of the example's name is left" bash -c "! grep -ri sample '$WORK/byte_watch'"
check "it is built and passes its test as it is" make_in "$WORK/byte_watch" -s test
check "its element is called after it" bash -c "FULCRUM_PLUGIN_DIR='$WORK/byte_watch/build' '$INSTALLED/bin/fulcrum' --socket '$WORK/none' plugin info byte_watch | grep -q '^ByteWatch('"
check "plugin new writes over nothing" bash -c "! '$INSTALLED/bin/fulcrum' plugin new byte_watch 2>'$WORK/said' && grep -q 'is there already' '$WORK/said'"
check "plugin new takes no name that C++ does not" bash -c "! '$INSTALLED/bin/fulcrum' plugin new 9lives 2>'$WORK/said' && grep -q 'a letter first' '$WORK/said'"

# ---- in the tree: what reaches into the helper is not built ------------------------
TREE=$WORK/tree
mkdir -p "$TREE/helper/plugins" "$TREE/tools/cli" "$TREE/selftests"
cp -r "$ROOT/Makefile" "$ROOT/include" "$TREE/"
cp -r "$ROOT/helper/base" "$TREE/helper/"
cp "$ROOT/helper/plugins/kernels.mk" "$TREE/helper/plugins/"
cp "$ROOT/tools/manual.awk" "$TREE/tools/"
in_tree() {  # plugin text
	mkdir -p "$TREE/helper/plugins/$1"
	printf '%s\nFULCRUM_PLUGIN(%s) = {fulcrum::kPluginAbi, "%s", "1", {}};\n' "$2" "$1" "$1" >"$TREE/helper/plugins/$1/plugin.cc"
	make_in "$TREE" -s NVCC= B=build "build/plugins/$1.so"
}
fails_by() {  # words plugin text
	! in_tree "$2" "$3" >"$WORK/build.out" 2>&1 && { grep -q "$1" "$WORK/build.out" || { cat "$WORK/build.out"; false; }; }
}
check "a plugin of public headers is built" in_tree good '#include "fulcrum/element.h"'
check "an include of the helper is not found" fails_by 'base/log.h: No such file' includes '#include "fulcrum/element.h"
#include "base/log.h"'
check "a symbol of the helper does not link" fails_by 'undefined reference to .*log_info' symbols '#include "fulcrum/element.h"
namespace fulcrum { void log_info(const std::string&); }
extern "C" void call() { fulcrum::log_info("x"); }'
check "another plugin's headers are not found" fails_by 'plugins/good/x.h: No such file' other '#include "fulcrum/element.h"
#include "plugins/good/x.h"'
finish
