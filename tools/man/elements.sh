#!/bin/bash
# SPDX-License-Identifier: MIT
# elements.sh - the manuals in a built `fulcrum` -> man pages: one an element, one that lists them.
#
#   tools/man/elements.sh FULCRUM FOLDER
set -eu
fulcrum=$1 folder=$2
here=$(dirname "$(readlink -f "$0")")
version=$(sed -n 's/^\.TH .*"fulcrum \([0-9.]*\)".*/\1/p' "$here/fulcrum.1")
made=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$made"' EXIT

# NAME PLUGIN, without the row of titles.
elements=$("$fulcrum" element list | awk 'NR > 1 { print $1, $2 }')
while read -r name plugin; do
	"$fulcrum" element help "$name" | awk -v name="$name" -v version="$version" -f "$here/element.awk" >"$made/fulcrum-$name.7"
done <<<"$elements"

{
	cat <<-END
		.\" Made by tools/man/elements.sh.
		.TH FULCRUM\-ELEMENTS 7 "" "fulcrum $version" "Elements of Fulcrum"
		.SH NAME
		fulcrum\-elements \- the classes of elements that a pipeline can be made of
		.SH DESCRIPTION
		Each has a page of its own; those of a plugin need a
		.B require
		of it in the pipeline.
	END
	while read -r name plugin; do
		echo '.TP'
		echo ".BR fulcrum\\-$name (7)"
		[ "$plugin" = built-in ] || echo ".RB ( require($plugin) )"
		sed -n 's/^fulcrum\\-[A-Za-z0-9]* \\- //p' "$made/fulcrum-$name.7"
	done <<<"$elements"
	printf '.SH SEE ALSO\n.BR fulcrum (1),\n.BR fulcrumd (8)\n'
} >"$made/fulcrum-elements.7"

chmod 755 "$made"
rm -rf "$folder"
mv "$made" "$folder"
