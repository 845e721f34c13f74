# shellcheck shell=bash
# lab: witness
# While the nodes hear each other nothing depends on the witness: neither role nor epoch nor work
# changes with it for five takeover delays, and both nodes tell what is wrong with it.
both_tell() { # WHAT: event of both nodes
    for node in "${NODES[@]}"; do wait_for 20 "$node tells $1" event_says "$node" "$1"; done
}
stays_as_it_is() { # WHAT, since $begin
    stays $((5 * TAKEOVER_DELAY_MS / 1000)) "$leader" "$epoch" "$1"
    no_long_gap "$begin" "$1"
}
leader=$(master)
epoch=$(epoch)
begin=$(now_us)

kill_host third
both_tell witness_lost
stays_as_it_is 'witness dead'
rs "$leader" swap >/dev/null || fail 'a swap needs the witness'
leader=$(master)
epoch=$(epoch)
whole
mark_events
boot third
in_host third systemctl start etcd
for node in "${NODES[@]}"; do wait_for 20 "$node sees the witness again" witness_is "$node" well; done

begin=$(now_us)
in_host third systemctl stop etcd
in_host third rm -r /var/lib/etcd/default
in_host third systemctl start etcd
both_tell witness_wiped
code=0
said=$(rs "$leader" witness status) || code=$?
expect_equal 1 "$code" 'exit code of the status of a wiped witness'
[[ $said == *'roleswap witness init'* ]] || fail "the status of a wiped witness does not tell the remedy: $said"
stays_as_it_is 'witness wiped'
rs "$(peer_of "$leader")" witness init >/dev/null
rs "$leader" witness status >/dev/null || fail 'the witness is not well after its init'
expect_equal "$epoch" "$(rs "$leader" witness status --get /register/epoch)" 'epoch of the new register'

# As slow as a machine that swaps: it runs for 10 ms, stands for 100.  The standby takes over all
# the same, or as soon as the witness answers in time.
etcd=$(in_host third systemctl show --property MainPID --value etcd)
begin=$(now_us)
stand_and_go() {
    while :; do
        in_host third sh -c "kill -STOP $etcd; sleep 0.1; kill -CONT $etcd; sleep 0.01" || return 0
    done
}
stand_and_go &
slow=$!
stays_as_it_is 'witness slow'
begin=$(now_us)
kill_host "$leader"
becomes_master "$(peer_of "$leader")" 15
kill "$slow"
wait "$slow" 2>/dev/null || true
in_host third kill -CONT "$etcd"
writes_again
say "witness slow, master dead: writers waited $(gap_ms "$begin") ms"
boot "$leader"
whole 60
