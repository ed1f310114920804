// SPDX-License-Identifier: MIT
FromPort(eth0) -> c :: Classifier(12/08zz, -);
c -> Discard; c[1] -> Discard;
