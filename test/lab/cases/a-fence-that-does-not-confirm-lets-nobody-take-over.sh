# shellcheck shell=bash
# lab: fence
# The power strip refuses, or never answers, the order to switch the dead master off: the standby
# does not lead, and status, events and why say so and what to do.  A human who looked confirms.
dead=$(master)
heir=$(peer_of "$dead")
epoch=$(epoch)
nobody_leads() { # SECONDS WHAT TEXT
    wait_for 20 "$2: the failure is told, and why" event_says "$heir" fence_failed "$3"
    wait_for 10 "$2: the status tells of the fence" status_says "$heir" "$3"
    status_says "$heir" 'roleswap fence confirm' || fail "$2: the status does not tell the remedy"
    never_within "$1" "$2: $heir leads" is_master "$heir"
    expect_equal "$epoch" "$(status_of "$heir" '[.nodes[].epoch] | max')" "$2: the epoch"
    ! event_says "$heir" takeover || fail "$2: a takeover is noted"
    [[ $(rs "$heir" why) == *"$3"* ]] || fail "$2: why does not tell of the fence: $(rs "$heir" why)"
}
: >"$LAB/power/$dead.locked"
kill_host "$dead"
wait_for 20 'the waiting is told, and why' event_says "$heir" waiting 'the fence did not confirm'
nobody_leads 5 'a strip that refuses' 'the outlet is locked'
mark_events
: >"$LAB/power/$dead.stuck"
rm "$LAB/power/$dead.locked"
nobody_leads 1 'a strip that is stuck' 'no end within'

rs "$heir" fence confirm --yes >/dev/null
becomes_master "$heir"
event_says "$heir" fence_confirmed "that $dead is off" || fail 'who confirmed is not recorded'
(($(epoch) > epoch)) || fail 'the heir leads without an epoch of its own'
rm "$LAB/power/$dead.stuck"
boot "$dead"
whole 60
