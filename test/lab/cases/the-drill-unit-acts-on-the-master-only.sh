# shellcheck shell=bash
# What the drill timer starts, started on both nodes at once as the timers do: the master swaps and
# reports a drill, the standby says why it does nothing.  A master that is new does nothing either.
old=$(master)
new=$(peer_of "$old")
epoch=$(epoch)
has_said() { in_host "$1" journalctl -q -o cat -u roleswap-drill | grep -Eq "$2"; }
drill_says() { wait_for 5 "the journal of the drill on $1 has $2" has_said "$1" "$2"; }
is_settled() {
    local since
    since=$(status_of "$old" '.nodes[] | select(.name == "'"$old"'") | .since')
    (($(date +%s) - $(date -d "$since" +%s) > 6))
}

in_host "$old" systemctl start roleswap-drill.service || fail "the unit failed on $old"
drill_says "$old" "^$old is master for .*a drill needs 3600"
expect_equal "$old $epoch" "$(master) $(epoch)" 'master and epoch after the drill of a new master'

for node in "${NODES[@]}"; do
    in_host "$node" mkdir -p /run/systemd/system/roleswap-drill.service.d
    printf '[Service]\nEnvironment=ROLESWAP_DRILL_SETTLED=6\n' |
        in_host "$node" tee /run/systemd/system/roleswap-drill.service.d/lab.conf >/dev/null
    in_host "$node" systemctl daemon-reload
done
wait_for 20 "$old is settled" is_settled
begin=$(now_us)
in_host "$new" systemctl start roleswap-drill.service &
standby_drill=$!
in_host "$old" systemctl start roleswap-drill.service || fail "the unit failed on $old"
wait "$standby_drill" || fail "the unit failed on $new"
# A slow look may find it master already, since a moment ago.
drill_says "$new" "^$new is (not the master; the drill is the master's business|master for)"
expect_equal "$new $((epoch + 1))" "$(master) $(epoch)" 'master and epoch after the drill'
expect_equal "drill done $old" "$(rs "$new" operation show --json |
    jq -r '.operation | "\(.kind) \(.result) \(.node)"')" 'the report'
drill_says "$old" "^$new is master, $old is its standby"
writes_again
say "drill to $new: writers waited $(gap_ms "$begin") ms"

# The timer itself: its next time is a first Sunday at 03:00 of an odd month.
in_host "$new" systemctl start roleswap-drill.timer
next=$(in_host "$new" systemctl show --property NextElapseUSecRealtime --value roleswap-drill.timer)
in_host "$new" systemctl stop roleswap-drill.timer
read -r weekday month day hour < <(in_host "$new" date -d "$next" '+%u %-m %-d %H:%M')
[[ $weekday == 7 && $((month % 2)) == 1 && $day -le 7 && $hour == 03:00 ]] ||
    fail "the timer elapses next at $next"
for node in "${NODES[@]}"; do
    in_host "$node" rm -r /run/systemd/system/roleswap-drill.service.d
    in_host "$node" systemctl daemon-reload
done
