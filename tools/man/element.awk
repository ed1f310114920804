# SPDX-License-Identifier: MIT
# element.awk - what `fulcrum element help NAME` prints -> a man page.
#
#   awk -v name=NAME -v version=VERSION -f element.awk
#
# Sections keep their lines, which are laid out by hand; NOTES is running text.
function roff(line) {
  gsub(/\\/, "\\e", line)
  gsub(/-/, "\\-", line)
  gsub(/'/, "\\(aq", line)
  gsub(/`/, "\\(ga", line)
  gsub(/\^/, "\\(ha", line)
  gsub(/~/, "\\(ti", line)
  if (line ~ /^\./) line = "\\&" line
  return line
}
function section(title) {
  if (open == "text") print ".fi"
  open = title == "NOTES" ? "running" : "text"
  print ".SH " (title == "SEE" ? "STANDARDS" : title)
  if (open == "text") print ".nf"
}
NR == 1 {
  print ".\\\" Made from the manual of the element by tools/man/element.awk."
  print ".TH FULCRUM\\-" toupper(name) " 7 \"\" \"fulcrum " version "\" \"Elements of Fulcrum\""
  print ".SH NAME"
  sub(/^[^:]*: */, "")
  print "fulcrum\\-" name " \\- " roff($0)
  next
}
/^[A-Z]+  */ {
  section($1)
  sub(/^[A-Z]+ */, "")
  print roff($0)
  next
}
/^ / {
  indent = match($0, /[^ ]/) - 1
  $0 = substr($0, 1 + (indent > 10 ? 10 : indent))
}
NF { print roff($0) }
END {
  if (open == "text") print ".fi"
  print ".SH SEE ALSO"
  print ".BR fulcrum (1),"
  print ".BR fulcrumd (8),"
  print ".BR fulcrum\\-elements (7)"
}
