#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh - the demo: needs root, runs demo.py where nothing can stay behind.
#
#   tools/demo/run.sh [--json FILE] [--no-fulcrum] [--help]
set -eu
export PYTHONDONTWRITEBYTECODE=1  # nothing is left behind, in the source tree neither
here=$(dirname "$(readlink -f "$0")")
case " $* " in *" --help "* | *" -h "*) exec python3 "$here/demo.py" --help ;; esac
if [ "$(id -u)" != 0 ]; then
	echo "demo: needs root (network namespaces, XDP); without it: \`make\` builds, \`make check\` runs the unit tests, \`fulcrum run\` works on capture files" >&2
	exit 1
fi
exec "$here/../traffic/sandbox.sh" python3 "$here/demo.py" "$@"
