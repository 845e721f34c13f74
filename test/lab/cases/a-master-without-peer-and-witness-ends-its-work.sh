# shellcheck shell=bash
# lab: witness
# Witness and standby die at once: the master cannot know that its peer did not take over, so it ends
# its work before the peer could have begun, and says why.  A human who knows may order it to go on.
leader=$(master)
other=$(peer_of "$leader")
epoch=$(epoch)
start_alive
begin=$(now_us)
kill_host third
kill_host "$other"
wait_for 5 "$leader is master no more" is_no_master "$leader"
end=$(last_alive "$leader")
say "the last sign of life of a task came $(((end - begin) / 1000)) ms after the two died"
# The lease counts from the last answer of the standby, which came before.
((end - begin < TAKEOVER_DELAY_MS * 1000)) || fail 'a task was alive for longer than the takeover delay'
# What a mail would carry: the event and its reason.
wait_for 5 'the end is told, and why' event_says "$leader" self_fence 'the witness gave no leave in time'
wait_for 5 'the waiting is told, and why' event_says "$leader" waiting 'the witness does not answer'
wait_for 5 'the status tells of the witness' status_says "$leader" 'the witness does not answer'
wait_for 5 'the status tells the remedy' status_says "$leader" 'roleswap activate --force'
why=$(rs "$leader" why)
[[ $why == *'the witness gave no leave in time'* ]] || fail "why does not tell of the witness: $why"

code=0
said=$(rs "$leader" activate 2>&1) || code=$?
expect_equal 3 "$code" "exit code of an activation without leave ($said)"
[[ $said == *--force* ]] || fail "the refusal does not tell the remedy: $said"
rs "$leader" activate --force --reason 'the lab saw both burn' >/dev/null
becomes_master "$leader"
writes_again
event_says "$leader" takeover 'forced by an operator: the lab saw both burn' || fail 'the reason is not recorded'
(($(epoch) > epoch)) || fail 'a forced activation begins no epoch'
wait_for 20 'the task lives again' alive_now "$leader"
epoch=$(epoch)

boot third
in_host third systemctl start etcd
boot "$other"
whole 60
expect_equal "$leader $epoch" "$(master) $(epoch)" 'master and epoch'
event_says "$leader" takeover 'the lab saw both burn' || fail 'the record of the forced activation is gone'
for node in "${NODES[@]}"; do wait_for 20 "$node sees the witness again" witness_is "$node" well; done
never_two_work
stop_alive
