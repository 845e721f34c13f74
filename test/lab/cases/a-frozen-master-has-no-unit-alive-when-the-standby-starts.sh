# shellcheck shell=bash
# The same with a task in a transient unit, which is no child of the daemon and not in its cgroup:
# FROZEN_ROUNDS times, 2.  Then a unit that systemd starts late, after the master froze and the
# standby took over, executes nothing, though it begins between two kills of the guard: 30 of them.
start_alive --unit --sandbox NoNewPrivileges=yes
slice=$(in_host "$(master)" systemctl list-units --no-legend --plain 'roleswap-*.slice' | awk '{ print $1 }')
[[ -n $slice ]] || fail 'the task has no slice of units'
freeze_masters "${FROZEN_ROUNDS:-2}"
stop_alive

whole 60
frozen=$(master)
heir=$(peer_of "$frozen")
in_host "$frozen" mkdir -p /var/lib/lab
rs "$frozen" task add late --schedule @yearly --catch-up none --overlap parallel --unit --after-crash hold -- \
    /usr/bin/touch /var/lib/lab/late >/dev/null
daemon=$(main_pid "$frozen")
# Nothing is asked of this systemd while it stands still: a call would wait, too.
kill -STOP "${INIT[$frozen]}"
for _ in {1..30}; do rs "$frozen" task run late >/dev/null; done
claimed() { [[ $(sql "$frozen" "select count(*) from roleswap.run where task = 'late' and state = 'running'") == 30 ]]; }
wait_for 10 'the runs are claimed' claimed
in_host "$frozen" kill -STOP "$daemon"
becomes_master "$heir" 8
kill -CONT "${INIT[$frozen]}"
never_within 2 'a late unit executes its command' test -e "$LAB/$frozen/root/var/lib/lab/late"
begun() { [[ $(in_host "$frozen" journalctl -q -o cat) == *'Roleswap task late'* ]]; }
wait_for 5 'systemd has started a late unit' begun
in_host "$frozen" kill -CONT "$daemon" 2>/dev/null || true
wait_for 30 "$frozen sees $heir as the master" sees_master "$frozen" "$heir"
[[ ! -e $LAB/$frozen/root/var/lib/lab/late ]] || broken_promise 'a unit that began late did work'
no_unit() { [[ -z $(in_host "$1" systemctl list-units --no-legend --plain 'roleswap-*-run-*.service') ]]; }
wait_for 20 "no unit is left on $frozen" no_unit "$frozen"
whole 60
rs "$(master)" task remove late >/dev/null
