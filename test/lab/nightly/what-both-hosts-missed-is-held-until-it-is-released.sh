# shellcheck shell=bash
# lab: outage
# Both hosts lose their power for longer than hold_after_outage.  What they would make up is held,
# listed with its reason, through a swap and a takeover, while new due times run as usual; it is
# released by pattern, no faster than the rate, and dropped.
leader=$(master)
rs "$leader" task add unwanted --schedule 'every 5s' --catch-up all --command true >/dev/null
wait_for 20 'it runs' ran_once unwanted
last=$(sql "$leader" 'select max(due) from roleswap.run where state = '"'ok'")
for node in "${NODES[@]}"; do kill_host "$node"; done
say 'both hosts are off'
sleep 30
for node in "${NODES[@]}"; do boot "$node"; done
whole 60

# held_runs NODE: how many, and how many of them are released.
held_runs() { status_of "$1" '.held | "\(.runs) \(.released)"'; }
# held_of PATTERN: how many of these tasks are.
held_of() { rs "$(master)" held list "$1" --json | jq .matching; }
check_of_held() { rs "$1" check --json | jq -r '.checks[] | select(.id == "held runs") | "\(.node) \(.level) \(.value)"'; }
is_held_and_told() {
    local leader
    leader=$(master)
    # Neither more nor fewer: what comes due now is not held.
    expect_equal "$all 0" "$(held_runs left)" "held, as left sees it, $1"
    expect_equal "$all 0" "$(held_runs right)" "held, as right sees it, $1"
    expect_equal "$leader warn $all" "$(check_of_held "$leader")" "the check, $1"
    status_says left "runs are held, because their due times passed while nobody scheduled" || fail "no warning, $1"
    expect_equal 0 "$(sql "$leader" "select count(*) from lab.noted n join roleswap.run r using (task, due)
        where r.state = 'held'")" "held runs that ran, $1"
}
runs_again() { [[ $(sql "$(master)" "select count(*) from roleswap.run where task = 'lab-rerun' and state = 'ok'
    and due > now() - interval '5 s'") != 0 ]]; }

wait_for 20 'new due times run' runs_again
leader=$(master)
event_says "$leader" due_times_held 'when nobody scheduled for longer than hold_after_outage = "20s"' ||
    fail 'no event tells of the outage'
all=$(sql "$leader" "select count(*) from roleswap.run where state = 'held'")
((all > 40)) || fail "only $all runs are held"
say "$all runs are held"
expect_equal 0 "$(sql "$leader" "select count(*) from roleswap.run where state = 'held' and due <= '$last'")" 'held runs from before'
is_held_and_told 'after the outage'
[[ $(rs "$leader" held list 'lab-*') == *'nobody scheduled between 20'* ]] || fail 'the list does not say why'
rs "$leader" swap >/dev/null
wait_for 20 'new due times run' runs_again
is_held_and_told 'after a swap'
dead=$(master)
kill_host "$dead"
becomes_master "$(peer_of "$dead")"
boot "$dead"
whole 60
is_held_and_told 'after a takeover'

wanted=$(held_of 'lab-re*')
rs left held release 'lab-re*' --rate 5/s >/dev/null
none_is_held() { [[ $(held_of "$1") == 0 ]]; }
wait_for 60 'all of that pattern are released' none_is_held 'lab-re*'
took=$(sql "$(master)" "select extract(epoch from max(started_at) - min(started_at)) from roleswap.run
    where task = 'lab-rerun' and due between '$last' and started_at - interval '15 s'")
say "$wanted runs, released at 5/s, started within $took s"
awk -v took="$took" -v runs="$wanted" 'BEGIN { exit !(took > (runs - 1) / 5 * 0.9) }' || fail 'they started faster than that'
rs right held drop unwanted >/dev/null
wait_for 10 'they are dropped' none_is_held unwanted
expect_equal 0 "$(sql "$(master)" "select count(*) from roleswap.run where task = 'unwanted' and state = 'skipped'
    and why not like '%dropped by root'")" 'runs that were skipped otherwise'
rs left held release --all --rate none >/dev/null
wait_for 60 'none is held any more' none_is_held '*'
rs left task remove unwanted >/dev/null
