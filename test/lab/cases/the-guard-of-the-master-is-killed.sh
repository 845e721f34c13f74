# shellcheck shell=bash
# kill -9 of the guard of a mirrored master: no deadline holds without it, so the master ends its
# work at once and the standby takes over, long before its delay is over.
old=$(master)
heir=$(peer_of "$old")
epoch=$(epoch)
begin=$(now_us)
in_host "$old" pkill -KILL -x roleswap-guard
becomes_master "$heir"
wait_for 10 'the loss of the guard is told' event_says "$old" guard_lost
wait_for 10 'the end of its work is told, and why' event_says "$old" self_fence 'the guard is gone'
wait_for 10 'there is a guard again' event_says "$old" guard_started
writes_again
say "guard of $old killed: writers waited $(gap_ms "$begin") ms"
whole 60
expect_equal "$heir" "$(master)" 'the master'
(($(epoch) > epoch)) || fail 'the heir leads without an epoch of its own'
