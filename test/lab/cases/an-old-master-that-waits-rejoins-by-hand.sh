# shellcheck shell=bash
# The standby may not take over by itself, the master is cut off and gives up, the standby is forced
# to be master.  The old master then waits, because the silent peer may be master; `rejoin` typed
# there says so as long as nothing can be done, and follows the mirroring as soon as it can.
old=$(master)
new=$(peer_of "$old")
rs "$new" takeover hold --reason 'the lab tries' >/dev/null
for link in "${LINKS[@]}"; do unplug "$link" "$old"; done
wait_for 15 "$old is master no more" is_no_master "$old"
never_within 2 "$new takes over although it is held" is_master "$new"
rs "$new" activate --force --reason 'the lab cut the cables' >/dev/null
becomes_master "$new"
wait_for 10 "$old says why it waits" event_says "$old" waiting
code=0
said=$(rs "$old" rejoin 2>&1) || code=$?
expect_equal 3 "$code" "exit code of a rejoin that cannot be ($said)"
grep -q 'Nothing has changed' <<<"$said" || fail "the rejoin that cannot be says: $said"
code=0
said=$(rs "$old" primitive rejoin 2>&1) || code=$?
expect_equal 3 "$code" "exit code of the bare rejoin ($said)"
grep -q 'the peer is not heard' <<<"$said" || fail "the bare rejoin says: $said"

heal_all
wait_for 10 "$old hears its peer" link_is "$old" lana up
rs "$old" rejoin >"$LAB/rejoin.log" 2>&1 || fail "the rejoin: $(cat "$LAB/rejoin.log")"
grep -q "^$old is standby in sync" "$LAB/rejoin.log" || fail "the rejoin says: $(cat "$LAB/rejoin.log")"
expect_equal "rejoin done $old" "$(rs "$new" operation show --json |
    jq -r '.operation | "\(.kind) \(.result) \(.node)"')" 'the report'
expect_equal "$new" "$(master)" 'the master'
rs "$new" takeover release >/dev/null
