# shellcheck shell=bash
# lab: fence
# The host of the master dies: the standby leads after the power strip has confirmed that it is off,
# and not before.
dead=$(master)
heir=$(peer_of "$dead")
begin=$(now_us)
kill_host "$dead"
becomes_master "$heir"
expect_equal off "$(cat "$LAB/power/$dead")" "the outlet of $dead"
events_of "$heir" 200 | jq -e --argjson mark "${EVENT_MARK[$heir]}" '[.events[] | select(.seq > $mark) | .what] |
    index("fence_started") < index("fence_confirmed") and index("fence_confirmed") < index("takeover")' >/dev/null ||
    fail 'the events are not fence_started, fence_confirmed, takeover'
writes_again
say "the fence took $(rs "$heir" fence status --get /last/took_ms) ms, writers waited $(gap_ms "$begin") ms"
boot "$dead"
whole 60
expect_equal "$heir" "$(master)" 'the master'
