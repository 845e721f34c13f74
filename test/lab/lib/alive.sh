# shellcheck shell=bash
# A task that heeds no signal and notes all the time that it lives, with two children in a session
# of their own.  All hosts have one clock, that of this machine, so the notes can be compared.

write_alive_program() {
    cat >"$1" <<'TASK'
#!/bin/bash
# Notes the microseconds of each sign of life, for ever; three processes.
trap '' TERM INT HUP QUIT USR1
mkdir -p /var/lib/lab
live() {
    exec {silence}<> <(:) {notes}>>"/var/lib/lab/alive.$ROLESWAP_EPOCH"
    while :; do
        echo "${EPOCHREALTIME/./} $BASHPID" >&"$notes"
        read -rt 0.005 -u "$silence"
    done
}
export -f live
(setsid bash -c '(live &) & live' &) &
live
TASK
    chmod 0755 "$1"
}

# start_alive [OPTIONS]: of the task.
start_alive() {
    local node
    for node in "${NODES[@]}"; do
        write_alive_program "$LAB/$node/root/usr/local/bin/lab-alive"
        rm -f "$LAB/$node"/root/var/lib/lab/alive.*
    done
    rs "$(master)" task add alive --schedule 'every 1s' --overlap skip --after-crash rerun --on-swap move \
        --command /usr/local/bin/lab-alive "$@" >/dev/null
    wait_for 20 'the task lives' alive_now "$(master)"
}
stop_alive() {
    local leader
    leader=$(master)
    rs "$leader" task remove alive >/dev/null
    wait_for 30 'the task ends' kill_runs "$leader" alive
}
alive_now() { [[ -n $(find "$LAB/$1/root/var/lib/lab" -name 'alive.*' -newermt '-0.1 seconds') ]]; }

# kill_runs NODE TASK: a run that is just being started cannot be killed yet.
kill_runs() {
    local run
    for run in $(sql "$1" "select id from roleswap.run where task = '$2' and state in ('queued', 'running')"); do
        rs "$1" run kill "$run" >/dev/null 2>&1 || return 1
    done
}

# alive_spans: "epoch node first last" of each epoch, in order; microseconds.
alive_spans() {
    local node file
    for node in "${NODES[@]}"; do
        for file in "$LAB/$node"/root/var/lib/lab/alive.*; do
            [[ -e $file ]] || continue
            # A line that was being written when its process was killed may be short.
            awk -v epoch="${file##*.}" -v node="$node" 'length($1) == 16 {
                if (!first || $1 < first) first = $1
                if ($1 > last) last = $1
            } END { printf "%d %s %.0f %.0f\n", epoch, node, first, last }' "$file"
        done
    done | sort -n
}
# all_live NODE EPOCH: each process of the task.
all_live() {
    [[ $(tail -n 100 "$LAB/$1/root/var/lib/lab/alive.$2" 2>/dev/null | cut -d ' ' -f 2 | sort -u | wc -l) -ge 3 ]]
}
# last_alive NODE: microseconds.
last_alive() { alive_spans | awk -v node="$1" '$2 == node && $4 > last { last = $4 } END { printf "%.0f\n", last }'; }

# apart: reads "term node first last" in order of terms, and prints what of one node is not wholly
# later than all that an earlier term of the other has, or is of a term that the other has too.
apart() {
    awk '{
        for (other in last) if (other != $2 && ($3 <= last[other] || $1 == term[other]))
            printf "term %s: %s from %.0f, and %s in term %s until %.0f\n", $1, $2, $3, other, term[other], last[other]
        if ($4 > last[$2]) last[$2] = $4
        term[$2] = $1
    }'
}
# moves: of the same lines: how often the node changed, and the shortest time between, in milliseconds.
moves() {
    awk 'node && $2 != node { changes++; if (!least || $3 - last < least) least = $3 - last }
        { node = $2; if ($4 > last) last = $4 }
        END { printf "%d times, never sooner than %.1f ms after the last of the other", changes, least / 1000 }'
}
never_two_work() {
    local two
    two=$(alive_spans | apart)
    [[ -z $two ]] || broken_promise "task processes alive on both: $two"
    say "task processes moved $(alive_spans | moves)"
}

epoch_of() { status_of "$1" '.nodes[] | select(.name == "'"$1"'") | .epoch'; }
# first_start NODE EPOCH: microseconds.
first_start() {
    sql "$1" "select (extract(epoch from min(started_at)) * 1000000)::bigint from roleswap.run
        where node = '$1' and epoch = $2"
}

# freeze_masters ROUNDS: SIGSTOP of roleswapd on the master for 10 s, so many times, while the task
# lives.  Its last sign of life is older than the start of the first run of any task on the new
# master, by the store of that, which notes a run before its process is made.
freeze_masters() {
    local round frozen heir daemon begin after last first
    for ((round = 1; round <= $1; round++)); do
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
}
