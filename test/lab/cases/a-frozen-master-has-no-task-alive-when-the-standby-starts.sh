# shellcheck shell=bash
# SIGSTOP of roleswapd on the master for 10 s, while a task runs that heeds no signal and has forked
# away from its session twice.  Its processes note every few milliseconds that they live; the last
# such note is older than the first one of the task on the new master.  FROZEN_ROUNDS times, 3.
#
# Both hosts share one boot-time clock, that of this machine, so the notes can be compared.
rounds=${FROZEN_ROUNDS:-3}

for node in "${NODES[@]}"; do
    mkdir -p "$LAB/$node/root/var/lib/lab"
    cat >"$LAB/$node/root/usr/local/bin/lab-stubborn" <<'TASK'
#!/bin/bash
# Notes the seconds since boot of each sign of life, for ever; three processes.
trap '' TERM INT HUP QUIT USR1
mkdir -p /var/lib/lab
live() {
    while :; do
        read -r up _ </proc/uptime
        echo "$up $BASHPID $ROLESWAP_EPOCH" >>"/var/lib/lab/alive.$ROLESWAP_EPOCH"
        read -rt 0.005 <> <(:)
    done
}
export -f live
(setsid bash -c '(live &) & live' &) &
live
TASK
    chmod 0755 "$LAB/$node/root/usr/local/bin/lab-stubborn"
done

leader=$(master)
rs "$leader" task add stubborn --schedule 'every 1s' --overlap skip --after-crash rerun \
    --command /usr/local/bin/lab-stubborn >/dev/null

epoch_of() { status_of "$1" '.nodes[] | select(.name == "'"$1"'") | .epoch'; }
alive_file() { echo "$LAB/$1/root/var/lib/lab/alive.$2"; }
# three_live NODE EPOCH
three_live() { [[ $(tail -n 100 "$(alive_file "$1" "$2")" 2>/dev/null | cut -d' ' -f2 | sort -u | wc -l) -ge 3 ]]; }

for ((round = 1; round <= rounds; round++)); do
    whole 60
    frozen=$(master)
    heir=$(peer_of "$frozen")
    before=$(epoch)
    wait_for 30 'the task and its children live' three_live "$frozen" "$before"
    daemon=$(main_pid "$frozen")
    begin=$(now_us)
    in_host "$frozen" kill -STOP "$daemon"
    becomes_master "$heir" 8
    after=$(epoch_of "$heir")
    wait_for 30 "the task lives on $heir" three_live "$heir" "$after"
    until (($(now_us) - begin > 10000000)); do becomes_master "$heir" 1; done
    # Often systemd has ended it by then, for its WatchdogSec.
    in_host "$frozen" kill -CONT "$daemon" 2>/dev/null || true
    last=$(cut -d' ' -f1 "$(alive_file "$frozen" "$before")" | sort -n | tail -n 1)
    first=$(head -n 1 "$(alive_file "$heir" "$after")" | cut -d' ' -f1)
    say "round $round: last sign of life on $frozen at $last s, first on $heir at $first s"
    awk -v last="$last" -v first="$first" 'BEGIN { exit !(last < first) }' ||
        fail "round $round: alive on $frozen at $last s, and on $heir since $first s"
    wait_for 30 "$frozen sees $heir as the master" sees_master "$frozen" "$heir"
done
leader=$(master)
rs "$leader" task disable stubborn >/dev/null
# A run that is just being started cannot be killed yet.
kill_stubborn() {
    local run
    for run in $(sql "$leader" "select id from roleswap.run where task = 'stubborn' and state in ('queued', 'running')"); do
        rs "$leader" run kill "$run" >/dev/null 2>&1 || return 1
    done
}
wait_for 30 'the runs of the task end' kill_stubborn
