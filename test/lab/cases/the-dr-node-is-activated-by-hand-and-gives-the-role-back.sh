# shellcheck shell=bash
# lab: dr
# The dr node mirrors across a swap, waits when the site is dead, leads with every row when it is told
# to; the pair that comes back does not lead beside it, and gets the role back with what came since.
rs left swap >/dev/null
leader=$(master)
wait_for 15 'the dr node mirrors the new master' dr_mirrors "$leader" "$leader"
[[ $(sql "$leader" "select sync_state from pg_stat_replication where application_name = 'third'") == async ]] ||
    fail 'the dr node is no asynchronous mirror'

# The mirror is asynchronous: what it shall have, it must have before the site dies.
rs "$leader" scheduler stop --reason 'the site will die' >/dev/null
wait_for 30 'no task runs' no_run_is_open "$leader"
sql "$leader" "alter role lab nologin"
sql "$leader" "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'lab'" >/dev/null
wait_for 15 'the dr node holds everything' dr_mirrors "$leader" "$leader"
rows=$(sql "$leader" 'select count(*) from lab.written')
for node in left right; do kill_host "$node"; done
lab_sleep_until=$((SECONDS + 4))
while ((SECONDS < lab_sleep_until)); do
    [[ $(status_of third '.nodes[2].role') == dr ]] || fail 'the dr node took over by itself'
done

rs third activate --force --reason 'the lab burnt the site' >/dev/null
is_master third || fail 'the dr node does not lead'
expect_equal "$rows" "$(sql third 'select count(*) from lab.written')" 'rows on the dr node'
rs third scheduler start >/dev/null
runs_on_third() { [[ $(sql third "select count(*) from lab.noted where node = 'third'") -gt 0 ]]; }
wait_for 15 'a task runs on the dr node' runs_on_third

for node in left right; do boot "$node"; done
for node in left right; do wait_for 15 "$node knows who leads" sees_master "$node" third; done
for node in left right; do
    [[ $(status_of "$node" '[.nodes[] | select(.role == "master")] | length') == 1 ]] || fail 'two masters'
done
rs left rejoin --sync-wait 60s >/dev/null
rs third scheduler stop --reason 'the role goes back' >/dev/null
wait_for 30 'no task runs' no_run_is_open third
rs third rejoin >/dev/null
becomes_master left 20
rs left scheduler start >/dev/null
sql left "alter role lab login"
whole 60
