# shellcheck shell=bash
# kill -9 of the daemon alone; systemd starts it again.
for node in "$(master)" "$(peer_of "$(master)")"; do
    before=$(main_pid "$node")
    begin=$(now_us)
    in_host "$node" systemctl kill --signal=KILL --kill-whom=main roleswapd
    wait_for 20 "roleswapd on $node is a new one" has_other_main_pid "$node" "$before"
    whole 60
    writes_again
    say "roleswapd of $node killed: writers waited $(gap_ms "$begin") ms; now $(seen_by "$node")"
done
