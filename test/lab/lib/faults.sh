# shellcheck shell=bash
# What the cases do to the daemon and to the store, and what they then look at.

main_pid() { in_host "$1" systemctl show --property MainPID --value roleswapd; }
has_other_main_pid() {
    local now
    now=$(main_pid "$1")
    [[ $now != 0 && $now != "$2" ]]
}
is_no_master() { ! is_master "$1"; }
sees_master() { [[ $(master_seen_by "$1") == "$2" ]]; }

kill_store() {
    local postmaster
    postmaster=$(head -n 1 "$LAB/$1/root/var/lib/roleswap/store/pg/postmaster.pid")
    in_host "$1" kill -KILL "$postmaster"
}

declare -A LINK_NAME=([lana]=lan-a [lanb]=lan-b [cross]=crossover)
# link_is NODE LINK up|down
link_is() {
    [[ $(rs "$1" links --json | jq -r '.links[] | select(.name == "'"${LINK_NAME[$2]}"'") | .state') == "$3" ]]
}

# commits_reach_both NODE: a commit on it is acknowledged by the peer, soon.
commits_reach_both() {
    timeout 2 nsenter -t "${INIT[$1]}" -m -u -i -n -p -C -- psql -XAtq -h /run/roleswap/store \
        -p "$STORE_PORT" -U roleswap -d roleswap -c 'create temporary table t(); create table lab.try()' \
        -c 'drop table lab.try' &&
        [[ $(sql "$1" "select count(*) from pg_stat_replication where sync_state = 'sync'") == 1 ]]
}

ran_once() {
    [[ $(sql "$(master)" "select count(*) from roleswap.run where task = '$1' and state = 'ok'") != 0 ]]
}

# fill_disk NODE: not a page is left on the file system of the store.
fill_disk() {
    local folder=$LAB/$1/root/var/lib/roleswap
    dd if=/dev/zero of="$folder/ballast" bs=64k 2>/dev/null || true
    dd if=/dev/zero of="$folder/ballast.rest" bs=512 2>/dev/null || true
}
free_disk() { rm -f "$LAB/$1/root/var/lib/roleswap"/ballast*; }

# make_wal NODE: more WAL than its segments of 1 MB have room for; the statement may fail.
make_wal() {
    timeout 30 nsenter -t "${INIT[$1]}" -m -u -i -n -p -C -- psql -XAtq -h /run/roleswap/store \
        -p "$STORE_PORT" -U roleswap -d roleswap -v ON_ERROR_STOP=1 \
        -c "create table lab.ballast as select repeat('x', 1000) from generate_series(1, 80000)" \
        -c 'drop table lab.ballast' >/dev/null 2>&1 || true
}

# mark_events: what the nodes have noted so far satisfies no `event_says` from here on.
declare -A EVENT_MARK=() # node -> number of its newest event
mark_events() {
    local node
    for node in "${NODES[@]}"; do
        is_up "$node" || continue
        EVENT_MARK[$node]=$(events_of "$node" 1 | jq '.events[-1].seq // 0')
    done
}
# forget_node NODE: all of it but its configuration, while its daemon is stopped; its events count from 1 again.
forget_node() {
    in_host "$1" sh -c 'rm -rf /var/lib/roleswap/*'
    rm -f "$LAB/$1/root/var/lib/lab/explained"
    EVENT_MARK[$1]=0
}
events_of() { rs "$1" --node "$1" --json events -n "$2"; } # NODE LIMIT
# event_says NODE WHAT [TEXT]: that node has noted such an event since the mark, and why has TEXT.
event_says() {
    events_of "$1" 200 | jq -e --arg what "$2" --arg text "${3:-}" --argjson mark "${EVENT_MARK[$1]:-0}" '
        any(.events[]; .seq > $mark and .what == $what and (.why | contains($text)))' >/dev/null
}
# status_says NODE TEXT: one of the warnings in its status.
status_says() {
    rs "$1" status --json | jq -e --arg text "$2" 'any(.warnings[]; contains($text))' >/dev/null
}

# stays SECONDS NODE EPOCH WHAT: master and epoch, all the time.
stays() {
    local until
    until=$(($(now_us) + $1 * 1000000))
    while (($(now_us) < until)); do
        expect_equal "$2 $3" "$(master) $(epoch)" "master and epoch, $4"
    done
}
# no_long_gap FROM_US WHAT: no writer waited for as long as a takeover takes at least.
no_long_gap() {
    local gap
    writes_again
    gap=$(gap_ms "$1")
    say "$2: writers waited $gap ms"
    ((${gap%.*} < TAKEOVER_DELAY_MS)) || fail "$2: writers waited $gap ms; the takeover delay is $TAKEOVER_DELAY_MS ms"
}

# no_crash_loop NODE: the daemon itself has not been started again and again.
no_crash_loop() {
    local restarts
    restarts=$(in_host "$1" systemctl show --property NRestarts --value roleswapd)
    ((restarts <= 3)) || fail "roleswapd on $1 was restarted $restarts times"
}
