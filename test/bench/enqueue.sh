# shellcheck shell=bash
# bench enqueue: single requests from 24 connections against plain inserts of one row, and the time
# from a request to its start on an idle pair.

ENQUEUE_CLIENTS=24
ENQUEUE_SECONDS=5

# One request at a time on an idle pair: milliseconds from before the request to the end of a run of
# nothing, which is claimed on both nodes before that.
latencies() {
    psql_script "$MASTER" <<SQL
create temp table asked (id bigint, at timestamptz);
DO \$\$ DECLARE began timestamptz; number bigint; BEGIN
    FOR i IN 1..$1 LOOP
        began := clock_timestamp();
        number := roleswap.enqueue('nothing');
        INSERT INTO asked VALUES (number, began);
        COMMIT;
        PERFORM pg_sleep(0.02 + random() * 0.03);
    END LOOP;
END \$\$;
select round(extract(epoch from r.ended_at - a.at) * 1000, 2) from asked a join roleswap.run r using (id);
SQL
}

bench_enqueue() {
    local number limit rate peers half half_99
    prepare_engine
    # Two commits of one row, one after the other: what a request and its claim need at least.
    figure enqueue hand 1 two_commits_ms "$(awk -v t="$(by_hand insert.sql 1 5)" 'BEGIN { printf "%.2f", 2000 / t }')"
    latencies 200 >"$LAB/ms"
    half=$(percentile 50 <"$LAB/ms")
    half_99=$(percentile 99 <"$LAB/ms")
    # Beside inserts that nobody reads the runs wait, too.
    rs "$MASTER" queue hold bench --reason bench >&2
    for ((number = 1; number <= ${repetitions:?}; number++)); do
        limit=$(by_hand insert.sql "$ENQUEUE_CLIENTS" "$ENQUEUE_SECONDS")
        figure enqueue hand "$number" inserts_per_s "$limit"
        echo "$limit" >>"$LAB/limits"
        rate=$(by_hand enqueue.sql "$ENQUEUE_CLIENTS" "$ENQUEUE_SECONDS")
        figure enqueue pair "$number" requests_per_s "$rate"
        echo "$rate" >>"$LAB/rates"
    done
    rs "$MASTER" queue release bench >&2
    until_none "$BENCH_OPEN"
    figure enqueue 'pair, runs done meanwhile' 1 requests_per_s "$(by_hand enqueue.sql "$ENQUEUE_CLIENTS" "$ENQUEUE_SECONDS")"
    until_none "$BENCH_OPEN"
    peers=$(install_peers)
    if [[ -n $peers ]]; then
        echo "skipped: graphile-worker and pg-boss $peers" >&2
    else
        put_peers
        peer graphile migrate
        figure enqueue graphile-worker 1 requests_per_s "$(by_hand graphile.sql "$ENQUEUE_CLIENTS" "$ENQUEUE_SECONDS")"
        figure enqueue pg-boss 1 requests_per_s "$(peer boss "$ENQUEUE_CLIENTS" "$ENQUEUE_SECONDS")"
    fi
    at_most 'enqueue to start, median' "$half" 0 4 || result=1
    at_most 'enqueue to start, p99' "$half_99" 0 30 || result=1
    limit=$(median <"$LAB/limits")
    at_least enqueue "$(median <"$LAB/rates")" "$limit" \
        "$(awk -v l="$limit" 'BEGIN { b = 0.6 * l; print (b > 5000) ? b : 5000 }')" || result=1
}
