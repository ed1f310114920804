i :: FromPort(x, ORDERING none); i -> c :: CheckIPHeader[1] -> [0]ToKernel; c -> DecIPTTL -> ToPort(y);
