define($p x, $q "${p}1 \x41");elementclass A B;elementclass B{input->{input[0]->Counter->[0]output}->output;input[1]->[1]output}
FromPort($p)->A->d::Discard("$q");FromPort(y)->[1]z::B[1]->d;FromPort(z)->z->d // c
