# shellcheck shell=bash
# bench prune: what it costs that old runs leave the history.  50 000 runs of nothing again and again,
# first with room for all of them in the history, then with room for a thousand: the engine deletes
# while it works.  And how fast rows go, and how many there are at the most.

PRUNE_LOADS=4

# keep_runs NUMBER: on both nodes, which start again for it.
keep_runs() {
    local node
    for node in "${NODES[@]}"; do
        sed -i "s/^keep_runs = .*/keep_runs = $1/" "$LAB/$node/root/etc/roleswap/roleswap.toml"
    done
    in_host "$(peer_of "$MASTER")" systemctl restart roleswapd
    whole 60
    in_host "$MASTER" systemctl restart roleswapd
    whole 60
    MASTER=$(master)
}

rows() { sql "$MASTER" "select count(*) from roleswap.run where task = 'nothing'"; }

bench_prune() {
    local number rate begin before most=0 gone
    prepare_engine
    for ((number = 1; number <= PRUNE_LOADS; number++)); do
        rate=$(engine_once)
        figure prune 'all kept' "$number" runs_per_s "$rate"
        echo "$rate" >>"$LAB/limits"
    done
    keep_runs 1000
    before=$(rows)
    # The first of them is more than enough to begin with.
    for ((number = 0; number <= PRUNE_LOADS; number++)); do
        rate=$(engine_once)
        gone=$((before + ENGINE_RUNS - $(rows)))
        before=$(rows)
        figure prune 'a thousand kept' "$number" runs_per_s "$rate"
        figure prune 'a thousand kept' "$number" rows_gone "$gone"
        figure prune 'a thousand kept' "$number" rows "$before"
        ((number)) && echo "$rate" >>"$LAB/rates"
        most=$((before > most ? before : most))
    done
    begin=$(now_us)
    until_none "select where (select count(*) from roleswap.run where task = 'nothing') >= $((before / 2))"
    figure prune 'a thousand kept' 0 most_rows "$most"
    figure prune 'afterwards' 1 rows_per_s "$(per_second "$((before - before / 2))" "$begin")"
    at_least prune "$(median <"$LAB/rates")" "$(median <"$LAB/limits")" "$(awk -v l="$(median <"$LAB/limits")" 'BEGIN { print 0.6 * l }')" || result=1
}
