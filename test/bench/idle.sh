# shellcheck shell=bash
# bench idle: 100 000 tasks with schedules and IDLE_ROWS rows of history (10 million by default, which
# take up to 7 GiB of memory on each host): what the daemons take while nothing is due, and how long
# `status` takes.

IDLE_TASKS=100000
IDLE_PARTS=5 # an apply takes at most 4 MiB
IDLE_ROWS=${IDLE_ROWS:-10000000}
IDLE_SECONDS=${IDLE_SECONDS:-20}
IDLE_TIMES=3 # the median of so many
IDLE_TURNS=100 # the rows come as they would: in each turn one of each task

idle_tasks() { # PART
    awk -v n="$((IDLE_TASKS / IDLE_PARTS))" -v part="$1" 'BEGIN { for (i = part * n; i < (part + 1) * n; i++)
        printf "[[task]]\nname = \"idle-%d\"\nschedule = \"%d %d 1 1 *\"\nargv = [\"/bin/true\"]\n", i, i % 60, i % 24 }'
}

daemon_of() { in_host "$1" systemctl show -P MainPID roleswapd; }
# Nanoseconds on a processor, of the daemon with all its threads, by the scheduler's own count.
daemon_ns() { in_host "$1" sh -c "cat /proc/$2/task/*/schedstat" | awk '{ ns += $1 } END { printf "%.0f\n", ns }'; }
# shellcheck disable=SC2016 # awk's
resident_mib() { in_host "$1" awk '/^VmRSS/ { printf "%.1f\n", $2 / 1024 }' "/proc/$2/status"; }

# Nanoseconds, of all that the unit holds: the daemon, its guard, its store.
unit_ns() { in_host "$1" systemctl show -P CPUUsageNSec roleswapd; }

# on_processors LIST: where the daemons of both hosts run.
on_processors() {
    local node
    for node in "${NODES[@]}"; do in_host "$node" taskset -acp "$1" "$(daemon_of "$node")" >/dev/null; done
}

# idle_cpu NODE WHAT: percent of one processor, of the daemon; tells that of the whole unit beside it.
#
# Both hosts are on this machine, and where the daemons run on two processors of it each datagram is
# an interrupt from one to the other, charged to the sender: two hosts have no such thing.  (A bare
# loop of the same reads and sends takes three times as much across two processors as on one.)  So
# they share one meanwhile; what they take where they like is told beside it.
idle_cpu() {
    local time
    figure "idle $2" "$1" 1 cpu_percent_on_any_processor "$(idle_cpu_once "$1")" >&3
    on_processors 0
    for ((time = 0; time < IDLE_TIMES; time++)); do idle_cpu_once "$1"; done | sort -n | sed -n "$((IDLE_TIMES / 2 + 1))p"
    on_processors "0-$(($(nproc) - 1))"
}
idle_cpu_once() {
    local pid before unit
    pid=$(daemon_of "$1")
    before=$(daemon_ns "$1" "$pid") unit=$(unit_ns "$1")
    sleep "$IDLE_SECONDS" # the measured time itself
    awk -v a="$before" -v b="$(daemon_ns "$1" "$pid")" -v s="$IDLE_SECONDS" 'BEGIN { printf "%.2f\n", (b - a) / s / 1e7 }'
    say "$1: $(awk -v a="$unit" -v b="$(unit_ns "$1")" -v s="$IDLE_SECONDS" \
        'BEGIN { printf "%.2f", (b - a) / s / 1e7 }') % with its guard and its store" >&2
}

status_ms() {
    local begin
    begin=$(now_us)
    rs "$1" status >/dev/null
    echo "$((($(now_us) - begin) / 1000))"
}

fill_history() {
    local turn rows=$((IDLE_ROWS / IDLE_TURNS))
    for ((turn = IDLE_TURNS; turn > 0; turn--)); do
        sql "$MASTER" "insert into roleswap.run (task, due, queue, state, epoch, node, started_at, ended_at, duration_ms, exit_code, over)
            select task, now() - $turn * interval '1 day' + g * interval '100 ms', 'default', 'ok', 1, 'left', now(), now(), 5, 0, true
            from (select 'idle-' || g % $IDLE_TASKS as task, g from generate_series(1, $rows) g order by 1) as turn"
    done
    sql "$MASTER" 'vacuum analyze roleswap.run'
    whole 600
}

# idle_figures WHAT: all of it, against the bars.
idle_figures() {
    local standby
    standby=$(peer_of "$MASTER")
    at_most "idle $1, master CPU in percent" "$(idle_cpu "$MASTER" "$1")" 0 1 || result=1
    at_most "idle $1, standby CPU in percent" "$(idle_cpu "$standby" "$1")" 0 0.5 || result=1
    at_most "idle $1, daemon in MiB" "$(resident_mib "$MASTER" "$(daemon_of "$MASTER")")" 0 150 || result=1
    status_ms "$MASTER" >/dev/null
    at_most "idle $1, status in ms" "$(for _ in 1 2 3 4 5; do status_ms "$MASTER"; done | median)" 0 50 || result=1
}

# The tasks of the lab, two of them each second, are no part of what idle means.
remove_lab_tasks() {
    local name
    for name in lab-minute lab-rerun lab-hold; do rs "$MASTER" task remove "$name" >&2; done
}

bench_idle() {
    exec 3>&1 # figures from within $(...)
    remove_lab_tasks
    idle_figures 'without tasks'
    local part
    for ((part = 0; part < IDLE_PARTS; part++)); do
        idle_tasks "$part" >"$LAB/$MASTER/root/root/idle.toml"
        rs "$MASTER" apply /root/idle.toml >"$LAB/apply"
    done
    idle_figures "with $IDLE_TASKS tasks"
    fill_history
    idle_figures "with $IDLE_ROWS runs"
}
