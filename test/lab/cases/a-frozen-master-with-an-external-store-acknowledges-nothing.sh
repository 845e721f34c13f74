# shellcheck shell=bash
# lab: external
# SIGSTOP of roleswapd on the node whose store is Debian's cluster, which systemd runs in a cgroup that
# is not the daemon's: its guard ends tasks and cluster in time, nobody starts the cluster again, and
# the node comes back by itself.  Once it goes on after five seconds, once systemd's watchdog ends it.
external=left managed=right
from=$(epoch)

cluster_lives() { in_host "$external" pgrep -u postgres -x postgres; }
# frozen_until CONDITION...: then it goes on, if it still can.
frozen_until() {
    local daemon begin way
    whole 60
    led_by "$external"
    wait_for 30 'the task and its children live' all_live "$external" "$(epoch)"
    daemon=$(main_pid "$external")
    begin=$(now_us)
    in_host "$external" kill -STOP "$daemon"
    becomes_master "$managed" 8
    if cluster_lives; then broken_promise "the cluster on $external lives while $managed is master"; fi
    unit_is_down || fail "$(store_unit) is active without a server"
    until "$@" "$daemon" "$begin"; do
        is_master "$managed" || fail "$managed gave up its role"
        sleep 0.05
    done
    in_host "$external" kill -CONT "$daemon" 2>/dev/null || true
    whole 60
    expect_equal "$managed" "$(master)" "master when $external is back"
    way=$(status_of "$external" ".nodes[] | select(.name == \"$external\") | .store.rejoin.way")
    [[ $way == streaming || $way == rewind ]] || fail "$external came back by $way"
    say "frozen: nobody acknowledged for $(both_gap_ms "$begin") ms; $external came back by $way"
}
five_seconds() { # PID BEGIN
    if cluster_lives; then broken_promise "the cluster on $external was started while the daemon is frozen"; fi
    (($(now_us) - $2 > 5000000))
}
systemd_has_ended_it() { has_other_main_pid "$external" "$1"; } # PID BEGIN

start_watch
frozen_until five_seconds
wait_for 10 'it says that its guard fired' event_says "$external" guard_fired
frozen_until systemd_has_ended_it
never_two_acknowledge $(($(epoch) - from))
never_two_work
stop_watch
