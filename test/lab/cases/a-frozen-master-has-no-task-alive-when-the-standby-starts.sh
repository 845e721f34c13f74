# shellcheck shell=bash
# SIGSTOP of roleswapd on the master for 10 s, while a task runs that heeds no signal and has forked
# away from its session twice.  Its processes note every few milliseconds that they live; the last
# such note is older than the start of the first run of any task on the new master, by the store of
# that, which notes a run before its process is made.  FROZEN_ROUNDS times, 3.
rounds=${FROZEN_ROUNDS:-3}
epoch_of() { status_of "$1" '.nodes[] | select(.name == "'"$1"'") | .epoch'; }
# first_start NODE EPOCH: microseconds.
first_start() {
    sql "$1" "select (extract(epoch from min(started_at)) * 1000000)::bigint from roleswap.run
        where node = '$1' and epoch = $2"
}

start_alive
for ((round = 1; round <= rounds; round++)); do
    whole 60
    frozen=$(master)
    heir=$(peer_of "$frozen")
    wait_for 30 'the task and its children live' all_live "$frozen" "$(epoch)"
    daemon=$(main_pid "$frozen")
    begin=$(now_us)
    in_host "$frozen" kill -STOP "$daemon"
    becomes_master "$heir" 8
    after=$(epoch_of "$heir")
    wait_for 30 "the task lives on $heir" all_live "$heir" "$after"
    until (($(now_us) - begin > 10000000)); do becomes_master "$heir" 1; done
    # Often systemd has ended it by then, for its WatchdogSec.
    in_host "$frozen" kill -CONT "$daemon" 2>/dev/null || true
    last=$(last_alive "$frozen")
    first=$(first_start "$heir" "$after")
    [[ -n $first ]] || fail "round $round: no run is noted on $heir in epoch $after"
    say "round $round: first start on $heir $(((first - last) / 1000)).$(((first - last) % 1000)) ms after the last sign of life on $frozen"
    ((last < first)) || broken_promise "round $round: alive on $frozen at $last us, and a run on $heir since $first us"
    wait_for 30 "$frozen sees $heir as the master" sees_master "$frozen" "$heir"
done
never_two_work
stop_alive
