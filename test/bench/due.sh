# shellcheck shell=bash
# bench due: 200 tasks that are due in the same second: how late the programs of their commands run,
# by the clock that each reads first.  Debian's cron and timers of systemd with the finest accuracy
# start the same program beside it.  What the rows of the runs say is printed, too.

DUE_TASKS=200
STAMP=/root/stamp # FILE

late() { awk '{ printf "%.1f\n", ($1 % 60) * 1000 }'; } # stamps after a full minute, in ms

due_tasks() {
    local n
    for ((n = 0; n < DUE_TASKS; n++)); do
        printf '[[task]]\nname = "due-%d"\nschedule = "* * * * *"\ncommand = "%s /root/due.stamps"\n' "$n" "$STAMP"
    done
}
cron_table() {
    local n
    for ((n = 0; n < DUE_TASKS; n++)); do echo "* * * * * root $STAMP /root/cron.stamps"; done
}
timers() {
    local n dir=$LAB/$MASTER/root/run/systemd/system
    for ((n = 0; n < DUE_TASKS; n++)); do
        printf '[Service]\nType=oneshot\nExecStart=%s /root/timer.stamps\n' "$STAMP" |
            in_host "$MASTER" tee "/run/systemd/system/due-$n.service" >/dev/null
        printf '[Timer]\nOnCalendar=*-*-* *:*:00\nAccuracySec=1us\n' |
            in_host "$MASTER" tee "/run/systemd/system/due-$n.timer" >/dev/null
    done
    in_host "$MASTER" systemctl daemon-reload
    all_timers start
}
stamped() { (($(wc -l <"$LAB/$MASTER/root/root/$1.stamps") >= $2)); }

no_run_open() { [[ $(sql "$MASTER" "select count(*) from roleswap.run where not over") == 0 ]]; }
# When the processes were started, by the rows of the newest minute.
started() {
    sql "$MASTER" "select round(extract(epoch from started_at - due) * 1000, 1) from roleswap.run
        where task like 'due-%' and due = (select max(due) from roleswap.run where task = 'due-0')"
}

# beside SIDE BEGIN END: what another program makes of it, in one minute.
beside() {
    "$2"
    : >"$LAB/$MASTER/root/root/$1.stamps"
    wait_for 130 "$DUE_TASKS jobs of $1" stamped "$1" "$DUE_TASKS"
    "$3"
    late <"$LAB/$MASTER/root/root/$1.stamps" >"$LAB/$1.ms"
    figure due "$1" 1 median_ms "$(percentile 50 <"$LAB/$1.ms")"
    figure due "$1" 1 p99_ms "$(percentile 99 <"$LAB/$1.ms")"
}
begin_cron() {
    cron_table >"$LAB/$MASTER/root/etc/cron.d/bench"
    in_host "$MASTER" systemd-run --quiet --unit bench-cron /usr/sbin/cron -f
}
end_cron() { in_host "$MASTER" systemctl stop bench-cron; }
end_timers() { all_timers stop; }
all_timers() { in_host "$MASTER" sh -c "cd /run/systemd/system && systemctl $1 due-*.timer"; }

bench_due() {
    local number median p99
    cp "$BUILD/test/bench/stamp" "$LAB/$MASTER/root$STAMP"
    due_tasks >"$LAB/$MASTER/root/root/due.toml"
    rs "$MASTER" apply /root/due.toml >&2
    for ((number = 1; number <= ${repetitions:?}; number++)); do
        : >"$LAB/$MASTER/root/root/due.stamps"
        wait_for 130 "$DUE_TASKS runs" stamped due "$DUE_TASKS"
        late <"$LAB/$MASTER/root/root/due.stamps" >"$LAB/due.ms"
        median=$(percentile 50 <"$LAB/due.ms")
        p99=$(percentile 99 <"$LAB/due.ms")
        wait_for 60 'their ends' no_run_open
        started >"$LAB/due.ms"
        figure due 'pair, by the rows' "$number" median_ms "$(percentile 50 <"$LAB/due.ms")"
        figure due 'pair, by the rows' "$number" p99_ms "$(percentile 99 <"$LAB/due.ms")"
        figure due pair "$number" median_ms "$median"
        figure due pair "$number" p99_ms "$p99"
        echo "$median" >>"$LAB/medians"
        echo "$p99" >>"$LAB/p99s"
    done
    rs "$MASTER" scheduler stop >&2
    if [[ -x /usr/sbin/cron ]]; then beside cron begin_cron end_cron; else echo 'skipped: cron is not installed' >&2; fi
    beside timer timers end_timers
    at_most 'due, median' "$(median <"$LAB/medians")" 0 60 || result=1
    at_most 'due, p99' "$(median <"$LAB/p99s")" 0 150 || result=1
}
