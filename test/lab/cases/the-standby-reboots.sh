# shellcheck shell=bash
# The master goes on alone in less than a second and takes the standby back when it returns.
leader=$(master)
standby=$(peer_of "$leader")
epoch=$(epoch)
begin=$(now_us)
reboot_host "$standby"
whole 60
expect_equal "$leader $epoch" "$(master) $(epoch)" 'master and epoch'
say "reboot of $standby: writers waited $(gap_ms "$begin") ms"
