# shellcheck shell=bash
# bench due: 200 tasks that are due in the same second: how late their processes are made, by the
# clock beside the kernel's call that makes them, which is what their rows say.  Beside it how late
# the first instruction of their program runs, in which the processor decides: of the same program
# in a bare loop of posix_spawn, by timers of systemd with the finest accuracy, and by Debian's cron.

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
both_ms() { # SIDE NUMBER
    figure due "$1" "$2" median_ms "$(percentile 50 <"$LAB/due.ms")"
    figure due "$1" "$2" p99_ms "$(percentile 99 <"$LAB/due.ms")"
}
# When the processes were made, by the rows of the newest minute.
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
    late <"$LAB/$MASTER/root/root/$1.stamps" >"$LAB/due.ms"
    both_ms "$1, the program" 1
}
bare_burst() {
    local begin
    cp "$BUILD/test/bench/bare" "$LAB/$MASTER/root/root/bare"
    begin=$(in_host "$MASTER" /root/bare burst "$DUE_TASKS" "$STAMP" /root/burst.stamps)
    awk -v begin="$begin" '{ printf "%.1f\n", ($1 - begin) * 1000 }' <"$LAB/$MASTER/root/root/burst.stamps" >"$LAB/due.ms"
    both_ms 'posix_spawn, the program' 1
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
        both_ms 'pair, the program' "$number"
        wait_for 60 'their ends' no_run_open
        started >"$LAB/due.ms"
        median=$(percentile 50 <"$LAB/due.ms")
        p99=$(percentile 99 <"$LAB/due.ms")
        figure due pair "$number" median_ms "$median"
        figure due pair "$number" p99_ms "$p99"
        echo "$median" >>"$LAB/medians"
        echo "$p99" >>"$LAB/p99s"
    done
    rs "$MASTER" scheduler stop >&2
    bare_burst
    if [[ -x /usr/sbin/cron ]]; then beside cron begin_cron end_cron; else echo 'skipped: cron is not installed' >&2; fi
    beside timer timers end_timers
    at_most 'due, median' "$(median <"$LAB/medians")" 0 60 || result=1
    at_most 'due, p99' "$(median <"$LAB/p99s")" 0 150 || result=1
}
