# shellcheck shell=bash
# bench engine: 50 000 runs of nothing on the mirrored pair, from the first request to the last end
# on both nodes; beside it graphile-worker in its best batched setting, with the same requests.

ENGINE_RUNS=50000
ENGINE_LISTS=10
# From the end, where what is left is found at once: a look must not cost what it measures.
BENCH_OPEN="select where (select id from roleswap.run where not over and queue = 'bench'
            order by priority, due desc, id desc limit 1) is not null"

# The tasks of the lab stand still meanwhile.
prepare_engine() {
    rs "$MASTER" scheduler stop --reason bench >&2
    rs "$MASTER" task add nothing --schedule @yearly --queue bench --kind noop --overlap parallel >&2
    sql "$MASTER" "create schema if not exists lab"
    sql "$MASTER" "create table lab.changes (id bigint primary key, state text not null)"
    sql "$MASTER" "create table lab.requests (id bigint generated always as identity primary key, task text, payload jsonb)"
}

lists() { # SQL of one list
    local n
    for ((n = 0; n < ENGINE_LISTS; n++)); do echo "$1;"; done
}

engine_once() {
    local begin
    begin=$(now_us)
    lists "select count(*) from roleswap.enqueue_many('nothing', array_fill(null::jsonb, array[$((ENGINE_RUNS / ENGINE_LISTS))]))" |
        psql_script "$MASTER" >/dev/null
    until_none "$BENCH_OPEN"
    per_second "$ENGINE_RUNS" "$begin"
}

graphile_once() { # PROCESSES FETCHED AT-A-TIME
    local begin n pids=()
    for ((n = 0; n < $1; n++)); do
        peer graphile work "$2" "$3" >"$LAB/graphile.$n" 2>&1 &
        pids+=($!)
    done
    for ((n = 0; n < $1; n++)); do wait_for 20 'a worker of graphile-worker' grep -q ready "$LAB/graphile.$n"; done
    begin=$(now_us)
    lists "select count(*) from graphile_worker.add_jobs(array(select json_populate_record(null::graphile_worker.job_spec,
           '{\"identifier\":\"noop\"}') from generate_series(1, $((ENGINE_RUNS / ENGINE_LISTS)))))" | psql_script "$MASTER" >/dev/null
    until_none "select where (select id from graphile_worker._private_jobs order by id desc limit 1) is not null"
    per_second "$ENGINE_RUNS" "$begin"
    in_host "$MASTER" pkill -TERM -f graphile.mjs || true # in a host of the bench's own
    wait "${pids[@]}" || true
}

bench_engine() {
    local number peers best=0 rate setting
    prepare_engine
    rate=$(by_hand changes.sql 2 5)
    awk -v t="$rate" 'BEGIN { printf "%.1f\n", t * 1000 }' >"$LAB/limit"
    for ((number = 1; number <= ${repetitions:?}; number++)); do
        rate=$(engine_once)
        echo "$rate" >>"$LAB/rates"
        figure engine pair "$number" runs_per_s "$rate"
    done
    expect_equal "$((${repetitions:?} * ENGINE_RUNS)) $((${repetitions:?} * ENGINE_RUNS)) 1" \
        "$(sql "$MASTER" "select count(*) || ' ' || count(distinct due) || ' ' || max(attempt) from roleswap.run where task = 'nothing' and state = 'ok'")" \
        'runs that ended, each once, at the first attempt'
    peers=$(install_peers)
    if [[ -n $peers ]]; then
        echo "skipped: graphile-worker $peers" >&2
        result=77 # without it there is no bar
    else
        put_peers
        peer graphile migrate
        for setting in '1 500 24' '2 500 10' '2 2000 24'; do
            : >"$LAB/peer_rates"
            for ((number = 1; number <= ${repetitions:?}; number++)); do
                # shellcheck disable=SC2086
                rate=$(graphile_once $setting)
                figure engine "graphile-worker ($setting)" "$number" jobs_per_s "$rate"
                echo "$rate" >>"$LAB/peer_rates"
            done
            best=$(awk -v a="$best" -v b="$(median <"$LAB/peer_rates")" 'BEGIN { print (b > a) ? b : a }')
        done
    fi
    at_least engine "$(median <"$LAB/rates")" "$(cat "$LAB/limit")" "$(awk -v b="$best" 'BEGIN { print 1.5 * b }')" || result=1
}
