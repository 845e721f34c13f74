# shellcheck shell=bash
# The store of the standby cannot write any more: the master goes on, says so, and takes it back
# when there is room again.
leader=$(master)
standby=$(peer_of "$leader")
epoch=$(epoch)
begin=$(now_us)
fill_disk "$standby"
make_wal "$leader"
wait_for 60 'the standby tells of its full disk' event_says "$standby" disk_full
wait_for 60 'the master tells that it is alone' event_says "$leader" mode_alone
writes_again 60
expect_equal "$leader $epoch" "$(master) $(epoch)" 'master and epoch'
no_crash_loop "$standby"
free_disk "$standby"
whole 90
say "disk of $standby full: writers waited $(gap_ms "$begin") ms"
