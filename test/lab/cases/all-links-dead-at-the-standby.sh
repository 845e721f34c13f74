# shellcheck shell=bash
# The standby is cut off: the master goes on alone; the standby, which reaches nobody, stays one.
leader=$(master)
lonely=$(peer_of "$leader")
epoch=$(epoch)
begin=$(now_us)
for link in "${LINKS[@]}"; do unplug "$link" "$lonely"; done
never_within 4 "$lonely takes over" is_master "$lonely"
writes_again
say "without its standby: writers waited $(gap_ms "$begin") ms"
heal_all
whole 60
expect_equal "$leader $epoch" "$(master) $(epoch)" 'master and epoch'
