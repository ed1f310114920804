FromPort(x)->a::CheckIPHeader->DecIPTTL->b::Counter->EtherRewrite(SRC 02:00:00:00:00:01)->ToPort(y);a[1]->CheckIP6Header->DecIP6HLIM->b;
