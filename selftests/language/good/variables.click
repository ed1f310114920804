// SPDX-License-Identifier: MIT
// Values put in as they were written, in words and in "…", not in single quotes.
define($port in0, $order ORDERING none, $why "not_", $mac 02:00:00:00:00:0);
define($src ${mac}1);
elementclass Out { $to, SRC $s | input -> EtherRewrite(SRC $s, DST ${mac}2) -> ToPort($to) }
FromPort($port, $order) -> c :: CheckIPHeader -> Out(out0, SRC $src);
c[1] -> Discard("${why}ip");
