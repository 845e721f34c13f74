# shellcheck shell=bash
# lab: agents
# Two agents.  A planned swap, and the death of the master's host, while their jobs run: no job is
# interrupted, each result is delivered once.  The death of an agent: its runs follow after_crash.
# AGENT_JOB_S is how long a job runs.
seconds=${AGENT_JOB_S:-10}
leader=$(master)
for host in "${AGENTS[@]}"; do
    for policy in rerun hold; do
        rs "$leader" task add "job-$host-$policy" --schedule @yearly --queue "$host" --overlap parallel \
            --after-crash "$policy" --command "/usr/local/bin/lab-job $seconds" >/dev/null
    done
done

# start_jobs: six, three at each agent; returns once all have begun.
declare -A at=() # run -> host
start_jobs() {
    local host policy
    at=()
    for host in "${AGENTS[@]}"; do
        for policy in rerun rerun hold; do
            at[$(rs "$(master)" task run "job-$host-$policy" --json | jq .id)]=$host
        done
    done
    wait_for 15 'all jobs have begun' have_begun
}
noted() { grep -c "^$1 [^ ]* $2 " "$LAB/${at[$2]}/root/var/lib/lab/jobs" 2>/dev/null; } # begin|end RUN
have_begun() {
    local run
    for run in "${!at[@]}"; do noted begin "$run" >/dev/null || return 1; done
}
none_has_ended() {
    local run
    for run in "${!at[@]}"; do
        if noted end "$run" >/dev/null; then fail "run $run ended too soon for this test"; fi
    done
}
row_of() { sql "$(master)" "select state, attempt, agent from roleswap.run where id = $1"; }
are_over() {
    [[ $(sql "$(master)" "select count(*) from roleswap.run where agent is not null and not over") == 0 ]]
}
# all_were_once: not interrupted, one begin, one end, one result, its output in the pair, on both nodes.
all_were_once() {
    local run
    wait_for $((seconds + 30)) 'the jobs are over' are_over
    for run in "${!at[@]}"; do
        expect_equal "ok|1|${at[$run]}" "$(row_of "$run")" "run $run"
        expect_equal '1 1' "$(noted begin "$run") $(noted end "$run")" "begins and ends of run $run"
        [[ $(sql "$(master)" "select output_tail from roleswap.run where id = $run") == *"job $run of ${at[$run]}"* ]] ||
            fail "run $run has not its own output"
    done
    wait_for 5 'every result was applied' nothing_waits
}
nothing_waits() {
    local host
    for host in "${AGENTS[@]}"; do
        [[ -z $(ls "$LAB/$host/root/var/lib/roleswap-agent/runs") ]] || return 1
    done
    [[ $(sql "$(master)" 'select count(*) from roleswap.agent_result') == 0 ]]
}
come_back_ms() { # FROM_US: until both agents are connected to the present master
    for host in "${AGENTS[@]}"; do wait_for 20 "agent $host is connected" agent_is "$host" connected; done
    echo $((($(now_us) - $1) / 1000))
}

start_jobs
begin=$(now_us)
rs "$leader" swap >"$LAB/swap.out" || fail "$(cat "$LAB/swap.out")"
none_has_ended
heir=$(peer_of "$leader")
is_master "$heir" || fail 'the roles did not change'
rs "$heir" operation show --json | jq -e '.operation.steps[] | select(.step == "wait_agents" and .state == "done")
    | .detail == "connected: fourth, third"' >/dev/null || fail 'the swap did not wait for the agents'
say "swapped with agents in $((($(now_us) - begin) / 1000)) ms, their jobs go on"
all_were_once

whole 60
dead=$(master)
heir=$(peer_of "$dead")
start_jobs
begin=$(now_us)
kill_host "$dead"
becomes_master "$heir" 15
say "the agents were connected to $heir $(come_back_ms "$begin") ms after the death of $dead"
none_has_ended
all_were_once
boot "$dead"
whole 60

# A host of an agent that loses its power, and an agent that is killed.
start_jobs
kill_host third
in_host fourth systemctl kill --kill-whom=main --signal=KILL roleswap-agent
none_has_ended
boot third
for host in "${AGENTS[@]}"; do wait_for 30 "agent $host is back" agent_is "$host" connected; done
wait_for $((seconds + 30)) 'the jobs are over' are_over
for run in "${!at[@]}"; do
    host=${at[$run]}
    case $(sql "$(master)" "select task from roleswap.run where id = $run") in
    *-rerun) expect_equal "ok|2|$host" "$(row_of "$run")" "run $run, to be run again" ;;
    *-hold) expect_equal "interrupted|1|$host" "$(row_of "$run")" "run $run, to be held" ;;
    esac
    (($(noted end "$run" || true) <= 1)) || broken_promise "run $run ended twice"
done
say 'runs of dead agents followed after_crash'
nothing_waits || fail 'a result was left over'
