# shellcheck shell=bash
# The master is cut off from everything: it must stop by itself, and the standby, which still
# reaches the office, goes on.  Nothing that was acknowledged may be lost when they meet again.
lonely=$(master)
heir=$(peer_of "$lonely")
begin=$(now_us)
for link in "${LINKS[@]}"; do unplug "$link" "$lonely"; done
becomes_master "$heir" 15
wait_for 15 "$lonely is master no more" is_no_master "$lonely"
writes_again
say "cut off: writers waited $(gap_ms "$begin") ms"
heal_all
whole 60
expect_equal "$heir" "$(master)" 'the master'
