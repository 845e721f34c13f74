# shellcheck shell=bash
# SIGSTOP of roleswapd on the master for 10 s, while a task runs that heeds no signal and has forked
# away from its session twice.  Its processes note every few milliseconds that they live; the last
# such note is older than the start of the first run of any task on the new master.  FROZEN_ROUNDS
# times, 3.
start_alive
freeze_masters "${FROZEN_ROUNDS:-3}"
stop_alive
