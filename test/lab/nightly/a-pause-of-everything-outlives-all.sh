# shellcheck shell=bash
# pause-all: no run is made and none starts, through a restart of the daemons, a swap, a takeover and
# a boot of both hosts, and each node says so; then resume-all, and the queue that was held before is
# the only one that is held.
rs left queue set printer --concurrency 1 >/dev/null
rs left queue hold printer --reason 'out of paper' >/dev/null
rs right pause-all --reason 'power work' >/dev/null
wait_for 30 'what ran has ended' no_run_is_open "$(master)"
runs() { sql "$(master)" 'select count(*) from roleswap.run'; }
before=$(runs)

stays_paused() { # WHEN
    local node
    whole 60
    for node in "${NODES[@]}"; do
        expect_equal 'power work, root' "$(status_of "$node" '.paused | "\(.reason), \(.by)"')" "the pause as $node sees it, $1"
        status_says "$node" 'everything is paused' || fail "no warning on $node, $1"
    done
    expect_equal warn "$(rs left check --json | jq -r '.checks[] | select(.id == "pause") | .level')" "the check, $1"
    never_within 3 "a run is made, $1" some_run_is_new
}
some_run_is_new() { [[ $(runs) != "$before" ]]; }

stays_paused 'at first'
for node in "${NODES[@]}"; do
    in_host "$node" systemctl restart roleswapd
    stays_paused "after a restart of roleswapd on $node"
done
rs left swap >/dev/null
stays_paused 'after a swap'
dead=$(master)
kill_host "$dead"
becomes_master "$(peer_of "$dead")"
boot "$dead"
stays_paused 'after a takeover'
for node in "${NODES[@]}"; do kill_host "$node"; done
for node in "${NODES[@]}"; do boot "$node"; done
stays_paused 'after a boot of both hosts'

rs left resume-all >/dev/null
wait_for 30 'runs are made' some_run_is_new
expect_equal 'printer out of paper' "$(rs left queue list --json | jq -r '.queues[] | select(.held) | "\(.name) \(.reason)"')" 'held queues'
rs left queue release printer >/dev/null
