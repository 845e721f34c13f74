# shellcheck shell=bash
# bench marks: items that a run begins and does, against as many plain changes of one row each (an
# insert by a random key and its update, in two transactions) by the same number of clients of pgbench
# on the same pair in turn.  The bar is for the way that `roleswap memory` and `roleswap each` go, through
# the daemon, where marks that come together share a commit.  Beside it, the SQL functions of the memory with
# a commit for each mark, which check the token each time.

MARKS_SECONDS=${MARKS_SECONDS:-5}
MARKS_CALLERS=(1 16 64)
MARKS_SHARE=0.8 # of the plain changes, with 64 callers

# marks_script NAME: standard input becomes that script of pgbench.
marks_script() { cat >"$LAB/$MASTER/root/root/$1.sql"; }
# marks_rate SCRIPT CLIENTS: commits per second; each turn of a script has two.
marks_rate() {
    in_host "$MASTER" pgbench -n -M prepared -h /run/roleswap/store -p "$STORE_PORT" -U roleswap \
        -f "/root/$1.sql" -c "$2" -j 2 -T "$MARKS_SECONDS" roleswap 2>>"$LAB/pgbench.log" |
        awk '/^tps/ { printf "%.1f\n", 2 * $3 }'
}

# A run that does nothing: its number and its token are what the functions ask for.
prepare_marks() {
    local run token
    rs "$MASTER" task add bench-marks --schedule @yearly --command 'exec sleep 100000' >/dev/null
    run=$(rs "$MASTER" task run bench-marks --get /id)
    wait_for 10 'the run is running' marks_run_is_running "$run"
    token=$(sql "$MASTER" "select roleswap.memory_token(id, attempt, epoch) from roleswap.run where id = $run")
    sql "$MASTER" 'create table lab.one_row(id bigint primary key, state text, at timestamptz default now())' >/dev/null
    MARKS_RUN=("$run" "$token")
    cp "$BUILD/test/bench/callers" "$LAB/$MASTER/root/root/"
    marks_script plain <<'SQL'
\set i random(1, 1000000000000)
INSERT INTO lab.one_row (id, state) VALUES (:i, 'begun') ON CONFLICT DO NOTHING;
UPDATE lab.one_row SET state = 'done' WHERE id = :i;
SQL
    marks_script sql <<SQL
\\set i random(1, 1000000000000)
SELECT roleswap.memory_begin($run, '$token', :i::text);
SELECT roleswap.memory_done($run, '$token', :i::text);
SQL
}
# daemon_rate CALLERS: marks per second through the control socket.
daemon_rate() { in_host "$MASTER" /root/callers /run/roleswap/ctl "${MARKS_RUN[@]}" "$1" "$MARKS_SECONDS"; }
marks_run_is_running() { [[ $(sql "$MASTER" "select state from roleswap.run where id = $1") == running ]]; }

# What `roleswap each` makes of it: items per second of a loop over /bin/true, and over nothing but done items.
each_rate() { # ITEMS
    local run
    rs "$MASTER" task add bench-each --schedule @yearly \
        --command "seq $1 | roleswap each --jobs 16 - -- /bin/true" >/dev/null
    run=$(rs "$MASTER" task run bench-each --get /id)
    wait_for 300 'the loop ends' marks_run_is_ok "$run"
    sql "$MASTER" "select round($1 * 1000.0 / duration_ms, 1) from roleswap.run where id = $run"
}
marks_run_is_ok() { [[ $(sql "$MASTER" "select state from roleswap.run where id = $1") == ok ]]; }

# shellcheck disable=SC2154 # `repetitions` is the runner's
bench_marks() {
    local number callers side rate limit
    prepare_marks
    for ((number = 1; number <= repetitions; number++)); do
        for callers in "${MARKS_CALLERS[@]}"; do
            for side in plain sql daemon; do
                if [[ $side == daemon ]]; then rate=$(daemon_rate "$callers"); else rate=$(marks_rate "$side" "$callers"); fi
                printf '{"bench":"marks","side":"%s","callers":%d,"repetition":%d,"per_s":%s}\n' \
                    "$side" "$callers" "$number" "$rate"
                echo "$rate" >>"$LAB/rates.$side.$callers"
            done
        done
    done
    printf '{"bench":"marks","side":"each --jobs 16","items_per_s":%s}\n' "$(each_rate 5000)"
    for callers in "${MARKS_CALLERS[@]}"; do
        limit=$(median <"$LAB/rates.plain.$callers")
        marks_verdict "$callers" sql "$(median <"$LAB/rates.sql.$callers")" "$limit" 0
        marks_verdict "$callers" daemon "$(median <"$LAB/rates.daemon.$callers")" "$limit" \
            "$((callers == 64))" || result=1
    done
}

# marks_verdict CALLERS SIDE MEDIAN LIMIT 1: fails where the share is missed; 0: only tells it.
marks_verdict() {
    awk -v callers="$1" -v side="$2" -v median="$3" -v limit="$4" -v bars="$5" -v share="$MARKS_SHARE" 'BEGIN {
        bar = bars * share * limit
        ok = median >= bar
        printf "{\"bench\":\"marks\",\"side\":\"%s\",\"callers\":%d,\"median\":%.1f,\"limit\":%.1f,\"ratio\":%.2f,\"bar\":%.1f,\"ok\":%s}\n",
            side, callers, median, limit, median / limit, bar, ok ? "true" : "false"
        exit !ok }'
}
