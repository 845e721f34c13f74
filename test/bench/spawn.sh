# shellcheck shell=bash
# bench spawn: 5 000 runs of /bin/true, as many at a time as come, start and end durable; against the
# fewest calls that start it in a cgroup of its own.  The rate of posix_spawn is printed beside it.

SPAWN_RUNS=5000

bare() { in_host "$MASTER" /root/bare "$@"; }

spawn_once() {
    local begin
    begin=$(now_us)
    echo "select count(*) from roleswap.enqueue_many('true', array_fill(null::jsonb, array[$SPAWN_RUNS]))" | psql_script "$MASTER" >/dev/null
    until_none "$BENCH_OPEN"
    per_second "$SPAWN_RUNS" "$begin"
}

bench_spawn() {
    local number rate limit
    cp "$BUILD/test/bench/bare" "$LAB/$MASTER/root/root/bare"
    in_host "$MASTER" mkdir -p /sys/fs/cgroup/bare
    rs "$MASTER" task add true --schedule @yearly --queue bench --overlap parallel -- /bin/true >&2
    figure spawn posix_spawn 1 starts_per_s "$(bare spawn "$SPAWN_RUNS" 2)"
    for ((number = 1; number <= ${repetitions:?}; number++)); do
        limit=$(bare cgroup "$SPAWN_RUNS" 16 /sys/fs/cgroup/bare)
        figure spawn hand "$number" starts_per_s "$limit"
        echo "$limit" >>"$LAB/limits"
        rate=$(spawn_once)
        figure spawn pair "$number" runs_per_s "$rate"
        echo "$rate" >>"$LAB/rates"
    done
    expect_equal "$((${repetitions:?} * SPAWN_RUNS)) 0 1" \
        "$(sql "$MASTER" "select count(*) || ' ' || max(exit_code) || ' ' || max(attempt) from roleswap.run where task = 'true' and state = 'ok'")" \
        'runs that ended well, at the first attempt'
    limit=$(median <"$LAB/limits")
    at_least spawn "$(median <"$LAB/rates")" "$limit" "$(awk -v l="$limit" 'BEGIN { print 0.7 * l }')" || result=1
}
