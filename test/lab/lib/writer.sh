# shellcheck shell=bash
# The client in the office: one small transaction after another (test/bench/writer.cpp), and what
# its notes tell.

WRITER=  # process id
WRITTEN= # its notes

# start_writer CONNINFO...: one for each address.  It goes on counting where its notes end.
start_writer() {
    local target targets=()
    for target in "$@"; do targets+=(--to "$target"); done
    : "${WRITTEN:=$LAB/written}"
    # `exec`: the process id must be the writer's, not that of a subshell around it.
    exec_in_office "$BUILD/test/bench/writer" --output "$WRITTEN" --first-id "$(next_id)" \
        --pause-ms "${WRITER_PAUSE_MS:-0}" "${targets[@]}" 2>>"$LAB/writer.log" &
    WRITER=$!
    writes_again
}

stop_writer() {
    [[ -n $WRITER ]] || return 0
    kill -TERM "$WRITER" 2>/dev/null || true
    wait "$WRITER" 2>/dev/null || true
    WRITER=
}

next_id() { awk '$2 > id { id = $2 } END { print id + 1 }' "$WRITTEN" 2>/dev/null || echo 1; }
acked() { grep -c '^ack ' "$WRITTEN" 2>/dev/null || true; }
acked_more() { (($(acked) >= $1)); }

# writes_again [SECONDS]: some more transactions are acknowledged.
writes_again() { wait_for "${1:-30}" 'a writer gets on' acked_more $(($(acked) + 40)); }

# gap_ms FROM_US: the longest time between two acknowledgements since FROM_US.
gap_ms() {
    awk -v from="$1" '$1 == "ack" {
        if ($4 >= from && last && $4 - last > gap) gap = $4 - last
        last = $4
    } END { printf "%.1f\n", gap / 1000 }' "$WRITTEN"
}
