# shellcheck shell=bash
# SIGSTOP: the peer must take over, and the frozen one must see when it wakes that it is not master.
frozen=$(master)
heir=$(peer_of "$frozen")
daemon=$(main_pid "$frozen")
begin=$(now_us)
in_host "$frozen" kill -STOP "$daemon"
becomes_master "$heir" 4
until (($(now_us) - begin > 5000000)); do becomes_master "$heir" 1; done
in_host "$frozen" kill -CONT "$daemon"
wait_for 20 "$frozen sees $heir as the master" sees_master "$frozen" "$heir"
wait_for 10 'it says that its guard fired' event_says "$frozen" guard_fired
whole 60
say "frozen for 5 s: writers waited $(gap_ms "$begin") ms"
