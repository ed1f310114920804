# SPDX-License-Identifier: MIT
# manual.awk - the comment at the head of an element's header -> a header with it as text.
NR == 1 { next }
/^\/\// {
  sub(/^\/\/ ?/, "")
  text = text $0 "\n"
  next
}
{ exit }
END {
  print "// made by tools/manual.awk"
  print "static constexpr char kManual[] = R\"manual(" text ")manual\";"
}
