# shellcheck shell=bash
# The writer, and the figures taken from its notes.

# start_writer FILE CONNINFO...: in the office; WRITER is its process id.
start_writer() {
    local file=$1 target targets=()
    shift
    for target in "$@"; do targets+=(--to "$target"); done
    # `exec`: the process id must be the writer's, not that of a subshell around it.
    exec_in_office "$BUILD/test/bench/writer" --output "$file" "${targets[@]}" --first-id "$(next_id "$file")" &
    WRITER=$!
    wait_for 20 "the writer writes" acked_more "$file" 20
}
next_id() { awk 'BEGIN { id = 0 } { if ($2 > id) id = $2 } END { print id + 1 }' "$1" 2>/dev/null || echo 1; }
stop_writer() {
    [[ -n ${WRITER:-} ]] || return 0
    kill -TERM "$WRITER" 2>/dev/null || true
    wait "$WRITER" || true
    WRITER=
}

acked() { grep -c '^ack ' "$1" || true; }
acked_more() { (($(acked "$1") >= $2)); }
# writes_again FILE: a hundred more are acknowledged.
writes_again() {
    local goal
    goal=$(($(acked "$1") + 100))
    wait_for 60 "the writer writes again" acked_more "$1" "$goal"
}

# gap_ms FILE FROM_US: the longest time without an acknowledged transaction since FROM_US, counted
# from acknowledgement to acknowledgement.
gap_ms() {
    awk -v from="$2" '$1 == "ack" {
        if ($4 >= from && last && $4 - last > gap) gap = $4 - last
        last = $4
    } END { printf "%.1f\n", gap / 1000 }' "$1"
}

median() { sort -n | awk '{ v[NR] = $1 } END {
    if (!NR) exit 1
    printf "%.1f\n", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# repetition BENCH SIDE NUMBER MS: one JSON line.
repetition() { printf '{"bench":"%s","side":"%s","repetition":%d,"ms":%s}\n' "$@"; }

# verdict BENCH MEDIAN LIMIT BAR: the closing line; fails where the bar is missed.
verdict() {
    awk -v bench="$1" -v median="$2" -v limit="$3" -v bar="$4" 'BEGIN {
        ok = median <= bar
        printf "{\"bench\":\"%s\",\"median\":%.1f,\"limit\":%.1f,\"ratio\":%.2f,\"bar\":%.1f,\"ok\":%s}\n",
            bench, median, limit, limit > 0 ? median / limit : 0, bar, ok ? "true" : "false"
        exit !ok }'
}
