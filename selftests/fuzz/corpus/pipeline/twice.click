i::FromPort(x);i->j::Tee;i->j;j->i;FromPort(x)->[3]Counter[2]->ToPort;
