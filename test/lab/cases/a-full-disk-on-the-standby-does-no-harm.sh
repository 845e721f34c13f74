# shellcheck shell=bash
# The store of the standby cannot write any more: the master goes on, says so, and takes it back
# when there is room again.
leader=$(master)
standby=$(peer_of "$leader")
epoch=$(epoch)
begin=$(now_us)
fill_disk "$standby"
make_wal "$leader"
wait_for 60 'an event tells of the full disk' event_says "$leader" disk_full
writes_again 60
expect_equal "$leader $epoch" "$(master) $(epoch)" 'master and epoch'
no_crash_loop "$standby"
free_disk "$standby"
whole 90
say "disk of $standby full: writers waited $(gap_ms "$begin") ms"
