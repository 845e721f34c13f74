# shellcheck shell=bash
# The client in the office: one small transaction after another (test/bench/writer.cpp), and what
# its notes tell.

WRITERS=() # process ids
WRITTEN=   # the notes

# start_writer CONNINFO...: one for each address.  It goes on counting where its notes end.
start_writer() {
    : "${WRITTEN:=$LAB/written}"
    run_writer "$WRITTEN" "$(next_id)" "$@"
    writes_again
}
# run_writer NOTES FIRST-ID CONNINFO...
run_writer() {
    local target targets=()
    for target in "${@:3}"; do targets+=(--to "$target"); done
    # `exec`: the process id must be the writer's, not that of a subshell around it.
    exec_in_office "$BUILD/test/bench/writer" --output "$1" --first-id "$2" \
        --pause-ms "${WRITER_PAUSE_MS:-0}" --retry-ms "${WRITER_RETRY_MS:-2}" "${targets[@]}" \
        2>>"$LAB/writer.log" &
    WRITERS+=($!)
}

stop_writer() {
    local writer
    for writer in "${WRITERS[@]}"; do
        kill -TERM "$writer" 2>/dev/null || true
        wait "$writer" 2>/dev/null || true
    done
    WRITERS=()
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
