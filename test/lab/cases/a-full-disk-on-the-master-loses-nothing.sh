# shellcheck shell=bash
# The store of the master cannot write any more: a clear event, no crash loop, and as soon as there is
# room again, or the role has moved, writers get on.
leader=$(master)
begin=$(now_us)
fill_disk "$leader"
make_wal "$leader"
wait_for 60 'an event tells of the full disk' event_says "$leader" disk_full
no_crash_loop "$leader"
free_disk "$leader"
whole 90
writes_again
say "disk of $leader full: writers waited $(gap_ms "$begin") ms; now $(seen_by "$leader")"
