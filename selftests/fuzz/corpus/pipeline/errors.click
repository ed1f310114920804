x :: Nope('a' "b); /* é漢 */ x[99] => [a]{ $z | ; input -> input } -> ;;
