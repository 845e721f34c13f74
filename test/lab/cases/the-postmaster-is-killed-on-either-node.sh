# shellcheck shell=bash
# kill -9 of the store's first process; its children go by themselves, the daemon lives.
for node in "$(master)" "$(peer_of "$(master)")"; do
    begin=$(now_us)
    kill_store "$node"
    whole 60
    writes_again
    say "postmaster of $node killed: writers waited $(gap_ms "$begin") ms; now $(seen_by "$node")"
done
