# SPDX-License-Identifier: MIT
# manual.awk - the comment of an element's header that has a SYNOPSIS -> a header with it as text.
#
# It is the one at the head of the file, or the first that holds a line of its own
# "// SYNOPSIS …" where the head says something else.
function settle() {
  if (!found && has_synopsis) found = text
  text = ""
  has_synopsis = 0
}
NR == 1 { next }
/^\/\// {
  if ($0 ~ /^\/\/ SYNOPSIS/) has_synopsis = 1
  sub(/^\/\/ ?/, "")
  if (text == "") sub(/^[a-z0-9_]+\.h - /, "")
  text = text $0 "\n"
  next
}
{ settle() }
END {
  settle()
  if (!found) {
    print FILENAME ": no comment with a SYNOPSIS" >"/dev/stderr"
    exit 1
  }
  print "// made by tools/manual.awk"
  print "static constexpr char kManual[] = R\"manual(" found ")manual\";"
}
