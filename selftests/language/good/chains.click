// SPDX-License-Identifier: MIT
// Declarations, chains, ports, both comments.
i :: FromPort(in0, ORDERING none);  /* a block
   of lines */ a, b :: Counter;
i -> a -> [0] b [0] -> c::CheckIPHeader -> ToPort(out0);
c[1] -> Discard(bad_header)  // the last ; may be left out
