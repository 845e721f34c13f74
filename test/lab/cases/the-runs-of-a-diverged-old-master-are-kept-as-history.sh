# shellcheck shell=bash
# The master works alone, dies, the standby is activated by force: what the old master ended alone
# comes back as server history, all of it and nothing else, and is not run again.
count=${HISTORY_RUNS:-200}
leader=$(master)
other=$(peer_of "$leader")
rs "$leader" task add alone --schedule @yearly --catch-up none --command true >/dev/null
rs "$leader" task run alone >/dev/null # known to both
ended_alone() { [[ $(sql "$1" "select count(*) from roleswap.run where task = 'alone' and state = 'ok'") == "$2" ]]; }
wait_for 20 'the run that both know' ended_alone "$leader" 1
# What the two do apart is given up with the old store, so the load rests: the proof that nothing
# acknowledged is missing does not hold for what a person gives up by force.
stop_writer
rs "$leader" scheduler stop --reason 'the lab parts the two' >/dev/null
wait_for 30 'no task runs' no_run_is_open "$leader"
rs "$other" takeover hold --reason 'the lab parts the two' >/dev/null
kill_host "$other"
is_alone() { [[ $(status_of "$1" '.nodes[] | select(.name == "'"$1"'") | .mode') == alone ]]; }
wait_for 30 "$leader is alone" is_alone "$leader"
in_host "$leader" sh -c "i=0; while [ \$i -lt $count ]; do roleswap task run alone >/dev/null; i=\$((i + 1)); done"
wait_for 120 "$count runs alone" ended_alone "$leader" $((count + 1))
sql "$leader" "select task || ' ' || roleswap.iso(due) from roleswap.run
    where task = 'alone' order by due offset 1" >"$LAB/expected"
kill_host "$leader"
boot "$other"
knows_itself() { rs "$other" status >/dev/null 2>&1; }
wait_for 60 "the daemon of $other" knows_itself
rs "$other" activate --force --reason 'the old master burnt down' >/dev/null
becomes_master "$other" 30
rs "$other" takeover release >/dev/null 2>&1 || true
before=$(sql "$other" "select count(*) from roleswap.run where task = 'alone'")
begin=$(now_us)
boot "$leader"
whole 90
say "$leader rejoined in $((($(now_us) - begin) / 1000)) ms, its boot included"
expect_equal rewind "$(status_of "$leader" '.nodes[] | select(.name == "'"$leader"'") | .store.rejoin.way')" \
    'way of the rejoin'
history_is_whole() {
    [[ $(rs "$other" history list --task alone --json | jq '.history | length') == "$count" ]]
}
wait_for 30 "$count entries of server history" history_is_whole
rs "$other" history list --task alone --json | jq -r '.history | sort_by(.due)[] | "\(.task) \(.due)"' \
    >"$LAB/found"
cmp "$LAB/expected" "$LAB/found" || fail 'the server history is not what the old master ended alone'
expect_equal "$before" "$(sql "$other" "select count(*) from roleswap.run where task = 'alone'")" \
    'runs on the new master: none was run again'
grep -q 'wait for a decision' <<<"$(rs "$other" status)" || fail 'status does not warn'
event_says "$other" history_found || event_says "$leader" history_found || fail 'no event history_found'
rs "$leader" history accept --task alone >/dev/null
expect_equal "$((before + count))" "$(sql "$other" "select count(*) from roleswap.run where task = 'alone'")" \
    'runs after they were accepted'
rs "$other" history dismiss --all >/dev/null 2>&1 || true
in_host "$leader" sh -c '! ls /var/lib/roleswap/history/*.jsonl 2>/dev/null' || fail 'a delivered file stays'
rs "$leader" scheduler start >/dev/null
start_load
