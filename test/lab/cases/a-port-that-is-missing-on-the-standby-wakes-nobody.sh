# shellcheck shell=bash
# One task whose port has another name on each node.  While it is missing on the standby that is a
# warning there and on the master, no failure, and no reason against a swap; after it a run says what
# is missing, and works when that is there.
leader=$(master)
standby=$(peer_of "$leader")
in_host "$leader" touch "/run/port-$leader"
cat >"$LAB/$leader/root/root/panel.toml" <<TOML
[[task]]
name = "panel"
schedule = "@yearly"
catch_up = "none"
command = "echo \$PORT"
environment = { PORT = "port-$leader" }
needs = ["/run/port-$leader"]
[task.node.$standby]
environment = { PORT = "port-$standby" }
needs = ["/run/port-$standby"]
TOML
rs "$leader" apply /root/panel.toml >/dev/null

# ended_as STATE TEXT: how the newest run of it ended, and what it said.
ended_as() {
    [[ $(sql "$(master)" "select state || ' ' || coalesce(trim(output_tail, e'\n'), '') || why from roleswap.run
        where task = 'panel' order by id desc limit 1") == "$1 $2" ]]
}
warns() { rs "$1" status --json | jq -e --arg text "tasks on $standby: panel: needs /run/port-$standby" \
    'any(.warnings[]; startswith($text))' >/dev/null; }
check_of_panel() { rs "$1" check --json | jq -r '.checks[] | select(.id == "task panel") | "\(.node) \(.level) \(.ok)"'; }
level_of() { rs "$1" events --node "$1" -n 50 --json | jq -r --arg what "$2" '[.. | objects | select(.what? == $what)][-1].level'; }

for node in "${NODES[@]}"; do wait_for 40 "$node warns" warns "$node"; done
expect_equal "$standby warn false" "$(check_of_panel "$leader")" 'the check of the task'
expect_equal notice "$(level_of "$standby" tasks_unready)" 'level of the event'
rs "$leader" check >/dev/null || fail 'a missing port of the standby keeps the pair from being ready'
rs "$leader" task run panel >/dev/null
wait_for 20 'the run on the master' ended_as ok "port-$leader"

rs "$leader" swap >/dev/null
becomes_master "$standby"
rs "$standby" task run panel >/dev/null
wait_for 20 'the run without its port' ended_as failed \
    "needs /run/port-$standby: No such file or directory; connect or make it, or give the task another one on this node"
in_host "$standby" touch "/run/port-$standby"
rs "$standby" task run panel >/dev/null
wait_for 20 'the run with its port' ended_as ok "port-$standby"
warns_no_more() { ! warns "$1"; }
wait_for 40 'the warning ends' warns_no_more "$leader"
expect_equal info "$(level_of "$standby" tasks_ready)" 'level of the event'
rs "$leader" task remove panel >/dev/null
