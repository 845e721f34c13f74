# shellcheck shell=bash
# The store of the master cannot write any more: a clear event, and work goes on at one of the two.
leader=$(master)
begin=$(now_us)
fill_disk "$leader"
make_wal "$leader"
wait_for 60 'an event tells of the full disk' event_says "$leader" disk_full
no_crash_loop "$leader"
writes_again 60
say "disk of $leader full: writers waited $(gap_ms "$begin") ms; now $(seen_by "$(peer_of "$leader")")"
free_disk "$leader"
whole 90
