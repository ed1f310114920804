// SPDX-License-Identifier: MIT
// pipeline.click - all literal matches, then expressions; what matches one is dropped.
require(ids);

in :: FromPort(eth0);
pm :: PayloadMatch(PATTERNS "aa", "ab", "passwd", "select", "\x90", MATCHES all);
rm :: RegexMatch(FILE expressions.txt);

in -> CheckIPHeader -> pm -> rm;
pm[1] -> rm;
rm -> ToPort(east);
rm[1] -> Discard(REASON regex);
