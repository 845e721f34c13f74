# shellcheck shell=bash
# Ten planned swaps, each started on the other node than the one before.
for turn in {1..10}; do
    from=$(master)
    to=$(peer_of "$from")
    asked=${NODES[turn % 2]}
    begin=$(now_us)
    rs "$asked" swap >"$LAB/swap.log" 2>&1 || fail "swap $turn on $asked: $(tail -n 5 "$LAB/swap.log")"
    expect_equal "$to" "$(master)" "the master after swap $turn"
    writes_again
    say "swap $turn to $to, asked on $asked: writers waited $(gap_ms "$begin") ms"
    whole
done
