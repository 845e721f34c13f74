# shellcheck shell=bash
# A fork bomb, a task that leaves a daemon, one that closes all it has, one that writes without end,
# one that heeds no SIGTERM, as a plain task and in a transient unit, and those that stop or kill the
# main process of their unit: each is ended as a tree, `run show` says why, and the pair does not
# notice: same master, same epoch.
leader=$(master)
before=$(epoch)
for node in "${NODES[@]}"; do
    in_host "$node" useradd --system --no-create-home lab-wild 2>/dev/null || true
done
cat >"$LAB/$leader/root/usr/local/bin/lab-wild" <<'TASK'
#!/bin/bash
case $1 in
bomb) exec perl -e 'while (1) { fork }' ;;
daemon) # its child has another parent, session and no descriptor of it
    (setsid bash -c '(exec sleep 4711 0<&- 1>&- 2>&- &) ; exit 0' &)
    until pgrep -u "$UID" -f 'sleep 4711' >/dev/null; do :; done
    ;;
closed)
    exec 0<&- 1>&- 2>&-
    cd / && exec sleep 4711
    ;;
flood) exec yes ;;
deaf)
    trap '' TERM INT HUP
    while :; do sleep 0.1; done
    ;;
stopper) # the main process of its unit, which belongs to the same user
    kill -STOP "$PPID"
    exec sleep 4711
    ;;
killer) kill -KILL "$PPID" && exec sleep 4711 ;;
esac
TASK
chmod 0755 "$LAB/$leader/root/usr/local/bin/lab-wild"

nobody_left() { ! in_host "$leader" pgrep -u lab-wild >/dev/null; }
many_bombs() { (($(in_host "$leader" pgrep -c -u lab-wild) >= 140)); }
over() { [[ $(rs "$leader" run show "$1" --json | jq -r '.run.state') != @(queued|running) ]]; }

# wild WHAT STATE WHY OPTIONS...: runs it once.
wild() {
    local what=$1 state=$2 why=$3 run shown begin
    shift 3
    rs "$leader" task add "wild-$what" --schedule @yearly --catch-up none --user lab-wild "$@" -- \
        /usr/local/bin/lab-wild "$what" >/dev/null
    begin=$(now_us)
    run=$(rs "$leader" task run "wild-$what" --json | jq -r .id)
    if [[ $what == bomb ]]; then wait_for 5 'the bomb has gone off' many_bombs; fi
    wait_for 40 "$what ends" over "$run"
    nobody_left || broken_promise "$what ($*): processes are left: $(in_host "$leader" ps -u lab-wild -o pid,args)"
    shown=$(rs "$leader" run show "$run")
    say "$what ($*): $((($(now_us) - begin) / 1000)) ms, $(grep -E '^(state|why|cpu|output_bytes)' <<<"$shown" | tr -s ' ' | tr '\n' ' ')"
    expect_equal "$state" "$(rs "$leader" run show "$run" --json | jq -r .run.state)" "state of $what"
    grep -qE "^why +.*$why" <<<"$shown" || fail "$what: run show does not say \"$why\": $shown"
    rs "$leader" task remove "wild-$what" >/dev/null
}

for unit in '' --unit; do
    # shellcheck disable=SC2086 # no option where it is empty
    {
        wild bomb timeout 'timed out after 3 s' --timeout 3s --rlimit nproc=150 $unit
        wild daemon ok 'outlived it and' $unit
        wild closed timeout 'timed out after 1 s' --timeout 1s $unit
        wild flood failed 'more than 20971520 bytes of output' --output-max 20MiB $unit
        wild deaf timeout 'heeded no SIGTERM' --timeout 1s $unit
    }
done
wild stopper timeout 'timed out after 1 s' --timeout 1s --unit
wild killer failed 'its unit was ended from outside' --unit
expect_equal "$leader $before" "$(master) $(epoch)" 'master and epoch'
