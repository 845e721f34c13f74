# shellcheck shell=bash
# The master works alone, dies, the standby is activated by force: what the old master ended alone
# comes back as server history, all of it and nothing else, and no due time runs on both.
count=${HISTORY_RUNS:-200}
leader=$(master)
other=$(peer_of "$leader")
rs "$leader" task add alone --schedule @yearly --catch-up none --command true >/dev/null
rs "$leader" task add apart --schedule 'every 1s' --catch-up all --command /usr/local/bin/lab-note >/dev/null
rs "$leader" task run alone >/dev/null # known to both
ended_alone() { [[ $(sql "$1" "select count(*) from roleswap.run where task = 'alone' and state = 'ok'") == "$2" ]]; }
wait_for 20 'the run that both know' ended_alone "$leader" 1
# What the writer is told while the two are apart is given up with the old store, so it rests.
stop_writer
rs "$other" takeover hold --reason 'the lab parts the two' >/dev/null
kill_host "$other"
is_alone() { [[ $(status_of "$1" '.nodes[] | select(.name == "'"$1"'") | .mode') == alone ]]; }
wait_for 30 "$leader is alone" is_alone "$leader"
parted=$(sql "$leader" 'select roleswap.iso(now())')
in_host "$leader" sh -c "i=0; while [ \$i -lt $count ]; do roleswap task run alone >/dev/null; i=\$((i + 1)); done"
wait_for 120 "$count runs alone" ended_alone "$leader" $((count + 1))
noted_apart() { # NODE: due times of "apart" since the two parted that this host ran
    awk -v since="$parted" '$1 == "apart" && $2 > since { print $2 }' "$LAB/$1/root/var/lib/lab/notes" | sort -u
}
ran_apart() { (($(noted_apart "$1" | wc -l) >= $2)); }
wait_for 30 'due times that only the old master ran' ran_apart "$leader" 5
sql "$leader" "select task || ' ' || roleswap.iso(due) from roleswap.run
    where task = 'alone' order by due offset 1" >"$LAB/expected"
kill_host "$leader"
boot "$other"
knows_itself() { rs "$other" status >/dev/null 2>&1; }
wait_for 60 "the daemon of $other" knows_itself
rs "$other" activate --force --reason 'the old master burnt down' >/dev/null
becomes_master "$other" 30
rs "$other" takeover release >/dev/null
wait_for 30 "due times that $other runs itself" ran_apart "$other" 3
listed() { rs "$other" run list --task apart --state interrupted -n 1000 --json | jq -r '.runs[].due' | sort; }
event_says "$other" due_times_in_doubt || fail 'no event due_times_in_doubt'
listed >"$LAB/interrupted"
noted_apart "$leader" | comm -23 - "$LAB/interrupted" >"$LAB/unlisted"
[[ ! -s $LAB/unlisted ]] || fail "the old master ran what is not listed as interrupted: $(head -n 5 "$LAB/unlisted" | tr '\n' ' ')"
say "$(wc -l <"$LAB/interrupted") due times of a task with catch_up = all were held, $(noted_apart "$leader" | wc -l) of them the old master had run"
before=$(sql "$other" "select count(*) from roleswap.run where task = 'alone'")
boot "$leader"
whole 90
expect_equal rewind "$(status_of "$leader" '.nodes[] | select(.name == "'"$leader"'") | .store.rejoin.way')" \
    'way of the rejoin'
# From the choice of the way to in sync.  A full copy of this store takes its seconds, too: the limit
# stays where a rewind that had become one would not.
took=$(rs "$leader" events -n 200 --json | jq --arg node "$leader" '
    def ms: (sub("[.][0-9]+Z$"; "Z") | fromdateiso8601) * 1000 + (capture("[.](?<ms>[0-9]{3})Z$").ms | tonumber);
    [.events[] | select(.node == $node)] | ([.[] | select(.what == "rejoin")][-1].at | ms) as $begin |
    [.[] | select(.what == "standby_in_sync") | .at | ms | select(. >= $begin)][0] - $begin')
say "rewound and in sync $took ms after the event rejoin"
((took < 10000)) || fail "a rejoin by rewind took $took ms, 10000 are allowed"
history_is_whole() {
    [[ $(rs "$other" history list --task alone --json | jq '.history | length') == "$count" ]]
}
wait_for 30 "$count entries of server history" history_is_whole
rs "$other" history list --task alone --json | jq -r '.history | sort_by(.due)[] | "\(.task) \(.due)"' \
    >"$LAB/found"
cmp "$LAB/expected" "$LAB/found" || fail 'the server history is not what the old master ended alone'
expect_equal "$before" "$(sql "$other" "select count(*) from roleswap.run where task = 'alone'")" \
    'runs on the new master: none was run again'
twice=$(awk -v since="$parted" '$2 > since { print $1, $2, $4 }' "$LAB"/{left,right}/root/var/lib/lab/notes | sort -u |
    awk '{ print $1, $2 }' | uniq -d)
[[ -z $twice ]] || broken_promise "due times that both hosts ran: $(head -n 5 <<<"$twice" | tr '\n' ' ')"
grep -q 'wait for a decision' <<<"$(rs "$other" status)" || fail 'status does not warn'
event_says "$other" history_found || event_says "$leader" history_found || fail 'no event history_found'
rs "$leader" history accept --task alone >/dev/null
expect_equal "$((before + count))" "$(sql "$other" "select count(*) from roleswap.run where task = 'alone'")" \
    'runs after they were accepted'
rs "$leader" history accept --task apart >/dev/null
expect_equal 0 "$(rs "$other" history list --task apart --json | jq '.history | length')" 'entries that could not be accepted'
listed | comm -12 - <(noted_apart "$leader") >"$LAB/undecided"
[[ $(wc -l <"$LAB/undecided") -le 1 ]] || fail "accepted runs are still interrupted: $(head -n 5 "$LAB/undecided" | tr '\n' ' ')" # one may have died with its host
rs "$other" history dismiss --all >/dev/null
in_host "$leader" sh -c '! ls /var/lib/roleswap/history/*.jsonl 2>/dev/null' || fail 'a delivered file stays'
rs "$other" task remove alone >/dev/null
rs "$other" task remove apart >/dev/null
begin_anew "$other"
start_load
