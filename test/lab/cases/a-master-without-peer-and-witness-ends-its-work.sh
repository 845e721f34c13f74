# shellcheck shell=bash
# lab: witness
# Witness and standby die at once: the master cannot know that its peer did not take over, so it ends
# its work before the peer could have begun, and says why.  A human who knows may order it to go on.
leader=$(master)
other=$(peer_of "$leader")
start_alive
begin=$(now_us)
kill_host third
kill_host "$other"
wait_for 5 "$leader is master no more" is_no_master "$leader"
wait_for 5 'the end is told' event_says "$leader" self_fence
end=$(last_alive "$leader")
say "the last sign of life of a task came $(((end - begin) / 1000)) ms after the two died"
# The lease counts from the last answer of the standby, which came before.
((end - begin < 1000000)) || fail 'a task was alive for longer than the takeover delay'
tells_why() { rs "$leader" events -n 20 | grep -q "$1"; }
wait_for 5 'the end is explained' tells_why 'the witness gave no leave in time'
wait_for 5 'the waiting is explained' tells_why 'the witness does not answer'
shows_witness() { rs "$leader" status | grep -q 'witness'; }
wait_for 5 'the status tells of the witness' shows_witness

code=0
said=$(rs "$leader" activate 2>&1) || code=$?
expect_equal 3 "$code" "exit code of an activation without leave ($said)"
[[ $said == *--force* ]] || fail "the refusal does not tell the remedy: $said"
rs "$leader" activate --force --reason 'the lab saw both burn' >/dev/null
becomes_master "$leader"
writes_again
rs "$leader" events -n 60 | grep -q 'the lab saw both burn' || fail 'the reason is not recorded'
wait_for 20 'the task lives again' alive_now "$leader"
epoch=$(epoch)

boot third
in_host third systemctl start etcd
boot "$other"
whole 60
expect_equal "$leader $epoch" "$(master) $(epoch)" 'master and epoch'
for node in "${NODES[@]}"; do wait_for 20 "$node sees the witness again" witness_is "$node" well; done
never_two_work
stop_alive
