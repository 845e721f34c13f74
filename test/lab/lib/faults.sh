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

# event_says NODE WORD: the pair has noted such an event since the case began.
event_says() { rs "$1" events -n 50 --json | jq -e --arg what "$2" '[.. | objects | select(.what? == $what)] | length > 0' >/dev/null; }

# no_crash_loop NODE: the daemon itself has not been started again and again.
no_crash_loop() {
    local restarts
    restarts=$(in_host "$1" systemctl show --property NRestarts --value roleswapd)
    ((restarts <= 3)) || fail "roleswapd on $1 was restarted $restarts times"
}
