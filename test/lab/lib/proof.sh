# shellcheck shell=bash
# The load on the pair, and the proof that nothing was lost, doubled or different afterwards, and
# that each decision about roles is explained.

# What a task of the lab runs: it notes the run in a file of the host and in a table of the pair.
# The file first: it must show a second run even where the store refuses it.
write_note_program() {
    cat >"$1" <<'NOTE'
#!/bin/sh
set -eu
mkdir -p /var/lib/lab
echo "$ROLESWAP_TASK $ROLESWAP_DUE $ROLESWAP_EPOCH $ROLESWAP_NODE $ROLESWAP_ATTEMPT" >>/var/lib/lab/notes
# A session that ends with its server (exit code 2) tells nothing of the commit: once more, if it is not there.
tries=0
until psql -XAtq -v ON_ERROR_STOP=1 "$ROLESWAP_STORE" -c "insert into lab.noted
    select '$ROLESWAP_TASK', '$ROLESWAP_DUE', $ROLESWAP_EPOCH, '$ROLESWAP_NODE', $ROLESWAP_ATTEMPT where not exists
    (select from lab.noted where task = '$ROLESWAP_TASK' and due = '$ROLESWAP_DUE' and attempt = $ROLESWAP_ATTEMPT)"; do
    [ $? -eq 2 ] && [ $((tries += 1)) -le 50 ] || exit 1
    sleep 0.1
done
NOTE
    chmod 0755 "$1"
}

TASKS='
[[task]]
name = "lab-minute"
schedule = "* * * * *"
command = "/usr/local/bin/lab-note"
overlap = "parallel"

[[task]]
name = "lab-rerun"
schedule = "every 1s"
command = "/usr/local/bin/lab-note"
overlap = "parallel"
after_crash = "rerun"

[[task]]
name = "lab-hold"
schedule = "every 1s"
command = "/usr/local/bin/lab-note"
overlap = "parallel"
after_crash = "hold"
'

# prepare_load: tables, the writer's role and the tasks, shipped crontabs included; once per pair.
prepare_load() {
    local node leader
    leader=$(master)
    for node in "${NODES[@]}"; do
        write_note_program "$LAB/$node/root/usr/local/bin/lab-note"
    done
    sql "$leader" "create schema lab;
        create table lab.noted(task text, due timestamptz, epoch bigint, node text, attempt int);
        create table lab.written(id bigint primary key);
        create role lab login password 'lab-secret';
        grant usage on schema lab to lab;
        grant select, insert on lab.written to lab"
    printf '%s' "$TASKS" >"$LAB/$leader/root/run-tasks.toml"
    rs "$leader" apply /run-tasks.toml >&2
    make_cron_functions "$leader"
    import_shipped "$leader" >&2
}

writer_target() { # NODE LINK
    echo "host=$(address "$1" "$2") port=$STORE_PORT dbname=roleswap user=lab password=lab-secret" \
        "sslmode=require channel_binding=require"
}

# start_load [LINK...]: the writer, through both LANs unless told.
start_load() {
    local link node targets=()
    (($#)) || set -- lana lanb
    for link in "$@"; do
        for node in "${NODES[@]}"; do targets+=("$(writer_target "$node" "$link")"); done
    done
    start_writer "${targets[@]}"
}

# prove: after a case.  The pair must be whole; then work stops for a moment, so that the two
# stores can be compared row for row, and goes on.
prove() {
    whole 60
    writes_again
    stop_writer
    local leader decided
    leader=$(master)
    # What comes due just before the stop may have to wait for the start; the next proof sees it.
    decided=$(sql "$leader" "select now() - interval '5 s'")
    rs "$leader" scheduler stop --reason 'the lab compares' >/dev/null
    wait_for 30 'no task runs' no_run_is_open "$leader"
    stores_are_equal
    nothing_acknowledged_is_missing "$leader"
    no_due_time_is_lost "$leader"
    no_due_time_ran_twice "$leader"
    crontabs_ran "$leader" "$decided"
    each_decision_is_explained
    rs "$leader" scheduler start >/dev/null
}

# What tells a decision about roles or the mode; the first of them moved the role.
MOVES='["takeover", "demotion", "self_fence", "claim_failed", "handover_undone"]'
DECISIONS='["standby", "handover_started", "mode_alone", "mode_mirrored", "standby_lost", "suspended", "freeze", "store_failed"]'

# decisions_of NODE: number and word of each since the last proof on this host.
decisions_of() {
    local done_to=0
    if [[ -r $LAB/$1/root/var/lib/lab/explained ]]; then done_to=$(<"$LAB/$1/root/var/lib/lab/explained"); fi
    rs "$1" events -n 1000 --node "$1" --json | jq -r --argjson done_to "$done_to" --argjson words "$MOVES" \
        --argjson more "$DECISIONS" '.events[] | select(.seq > $done_to and (.what | IN(($words + $more)[])))
            | "\(.seq) \(.what)"'
}

# `roleswap why` has for each of them what the node knew, the row of the table where the role moved,
# and a line for each cable.
each_decision_is_explained() {
    local node one seq what cables told all=0 decisions
    for node in "${NODES[@]}"; do
        cables=$(rs "$node" links --json | jq '.links | length')
        mapfile -t decisions < <(decisions_of "$node")
        for one in "${decisions[@]}"; do
            read -r seq what <<<"$one"
            told=$(rs "$node" why "$node:$seq" --json)
            jq -e --arg what "$what" --argjson moves "$MOVES" --argjson cables "$cables" '.decisions | length == 1
                and (.[0].evidence | (.role and .record and .position)
                    and (.links | length == $cables and all(.name != "" and .node != "" and has("heard_ms")))
                    and (.rule.why or ($what | IN($moves[]) | not)))' <<<"$told" >/dev/null ||
                fail "$node:$seq $what is not explained: $told"
            mkdir -p "$LAB/$node/root/var/lib/lab"
            echo "$seq" >"$LAB/$node/root/var/lib/lab/explained"
            all=$((all + 1))
        done
    done
    say "$all decisions are explained"
}

# begin_anew NODE: what a person gave up by force is no part of the proof: it counts from now on.
begin_anew() {
    local node
    rs "$1" scheduler stop --reason 'the lab begins anew' >/dev/null
    wait_for 30 'no task runs' no_run_is_open "$1"
    sql "$1" "delete from lab.noted;
        delete from roleswap.run where task like 'lab-%' or task in (select task from lab.crontab);
        update roleswap.task set created_at = now()"
    for node in "${NODES[@]}"; do : >"$LAB/$node/root/var/lib/lab/notes"; done
    rs "$1" scheduler start >/dev/null
}

no_run_is_open() {
    [[ $(sql "$1" "select count(*) from roleswap.run where state in ('queued', 'running')") == 0 ]]
}

stores_are_equal() {
    wait_for 20 'both stores hold the same rows' same_rows
}
same_rows() {
    dump_rows left >"$LAB/rows.left" && dump_rows right >"$LAB/rows.right" &&
        cmp "$LAB/rows.left" "$LAB/rows.right"
}
# Every row of every table, as text in a stated order, by the node's own store.
dump_rows() {
    local table
    while read -r table; do
        echo "== $table"
        sql "$1" "select t::text from $table t order by 1" || return 1
    done < <(sql "$1" "select format('%I.%I', schemaname, tablename) from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema') order by 1")
}

nothing_acknowledged_is_missing() {
    local node
    awk '$1 == "ack" { print $2 }' "$WRITTEN" | sort >"$LAB/acked"
    for node in "${NODES[@]}"; do
        sql "$node" 'select id from lab.written' | sort >"$LAB/stored.$node"
        comm -23 "$LAB/acked" "$LAB/stored.$node" >"$LAB/missing"
        [[ ! -s $LAB/missing ]] ||
            broken_promise "$(wc -l <"$LAB/missing") acknowledged rows are missing on $node: $(head -n 5 "$LAB/missing" | tr '\n' ' ')"
        # What was never acknowledged nor in doubt must not be there either.
        awk '$1 != "fail" { print $2 }' "$WRITTEN" | sort | comm -13 - "$LAB/stored.$node" >"$LAB/extra"
        [[ ! -s $LAB/extra ]] || broken_promise "rows on $node that were refused: $(head -n 5 "$LAB/extra" | tr '\n' ' ')"
    done
}

# expect_no_rows NODE WHAT QUERY [HOW]: else `broken_promise`, or `fail`.
expect_no_rows() {
    local rows
    rows=$(sql "$1" "$3")
    [[ -z $rows ]] || "${4:-broken_promise}" "$2: $(head -n 5 <<<"$rows" | tr '\n' ';')"
}

# held_in_doubt: of a run, in SQL: after an activation by force it is left to a person, because the old
# master may have run it; and nothing that came due later is.
held_in_doubt() {
    echo "state = 'interrupted' and why like 'the old master may have run it%' and due <= (select
        to_timestamp((value ->> 'until')::bigint) from roleswap.setting where name = 'in_doubt')"
}

no_due_time_is_lost() {
    local leader=$1
    expect_no_rows "$leader" 'due times without a run' "
        select f.task, due from
            (select task, min(due) a, max(due) b,
                    case task when 'lab-minute' then interval '1 min' else interval '1 s' end step
             from roleswap.run where task like 'lab-%' and cause = 'due' group by task) f,
            generate_series(f.a, f.b, f.step) due
        where not exists (select from roleswap.run r where r.task = f.task and r.due = due.due)"
    expect_no_rows "$leader" 'runs that came to a bad end' "
        select task, due, attempt, state, why from roleswap.run where task like 'lab-%'
            and not (state = 'ok' or (state = 'interrupted' and task = 'lab-hold') or ($(held_in_doubt)))" fail
    expect_no_rows "$leader" 'runs that ended well and left no note' "
        select task, due, attempt, node from roleswap.run r where task like 'lab-%' and state = 'ok'
            and not exists (select from lab.noted n where n.task = r.task and n.due = r.due)"
}

no_due_time_ran_twice() {
    local leader=$1 twice
    expect_no_rows "$leader" 'attempts noted twice in the store' "
        select task, due, attempt, count(*) from lab.noted group by 1, 2, 3 having count(*) > 1"
    expect_no_rows "$leader" 'more notes than attempts' "
        select n.task, n.due, count(*), max(r.attempt) from lab.noted n join roleswap.run r
            on n.task = r.task and n.due = r.due
        group by 1, 2 having count(*) > max(r.attempt)"
    expect_no_rows "$leader" 'second attempts of a task that wants none' "
        select task, due, attempt from roleswap.run where task = 'lab-hold' and attempt > 1"
    twice=$(cat "$LAB"/*/root/var/lib/lab/notes | awk '{ print $1, $2, $5 }' | sort | uniq -d)
    [[ -z $twice ]] || broken_promise "attempts noted twice in the files of the hosts: $(head -n 5 <<<"$twice")"
    twice=$(cat "$LAB"/*/root/var/lib/lab/notes | awk '$1 == "lab-hold" { print $2 }' | sort | uniq -d)
    [[ -z $twice ]] || broken_promise "lab-hold ran twice: $(head -n 5 <<<"$twice")"
}
