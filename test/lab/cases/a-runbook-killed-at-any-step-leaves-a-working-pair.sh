# shellcheck shell=bash
# kill -9 of the runbook at each step: before the hand-over everything is undone, after it the pair
# goes on with the new roles, and what the swap had stopped runs again without a human.
step_is_done() { grep -q "^\[ *$1/" "$LAB/swap.log"; }
all_runs_again() {
    [[ $(status_of "$(master)" '.operation == null and .scheduler.state == "running"
        and ([.queues[] | select(.held)] | length) == 0') == true ]]
}
for step in 2 5 6 7 8 9 10 11 12 13 15; do
    from=$(master)
    rs "$from" swap >"$LAB/swap.log" 2>&1 &
    wait_for 20 "step $step is done" step_is_done "$step"
    owner=$(rs "$from" status --get /operation/owner_pid 2>/dev/null || true)
    if [[ $owner =~ ^[0-9]+$ ]]; then in_host "$from" kill -KILL "$owner" || true; fi
    wait $! || true
    wait_for 20 "all runs again after a kill at step $step" all_runs_again
    whole
    say "killed after step $step: $(rs "$from" operation show --get /operation/result), $(master) is master"
done
