// SPDX-License-Identifier: MIT
define($a 0123456789012345678901234567890123456789);
define($b $a$a$a$a);
define($c $b$b$b$b);
define($d $c$c$c$c);
define($e $d$d$d$d);
define($f $e$e$e$e);
define($g $f$f$f$f);
define($h $g$g$g$g);
define($i $h$h$h$h);
define($j $i$i$i$i);
define($k $j$j$j$j);
define($l $k$k$k$k);
define($m $l$l$l$l);
FromPort($m) -> Discard;
