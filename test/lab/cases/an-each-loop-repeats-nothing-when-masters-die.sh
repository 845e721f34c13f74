# shellcheck shell=bash
# Two loops of 2 000 items, one that does again what is in doubt and one that holds it, while the
# master dies at random moments (host, daemon, store, in turn) with planned swaps in between.  Each
# command notes its item in a file of the host.  EACH_KILLS, EACH_PACE (seconds of a command) and
# EACH_SEED change it.
kills=${EACH_KILLS:-3}
seed=${EACH_SEED:-$RANDOM}
items=2000
say "$kills kills, seed $seed"
RANDOM=$seed

pace() {
    local node
    for node in "${NODES[@]}"; do echo "$1" >"$LAB/$node/root/var/lib/lab/pace"; done
}
for node in "${NODES[@]}"; do
    cat >"$LAB/$node/root/usr/local/bin/lab-item" <<'ITEM'
#!/bin/bash
echo "$ROLESWAP_ITEM $ROLESWAP_EPOCH $ROLESWAP_NODE $EPOCHREALTIME" >>"/var/lib/lab/items.$ROLESWAP_TASK"
read -r pace </var/lib/lab/pace
[[ $pace == 0 ]] || exec sleep "$pace"
ITEM
    chmod 0755 "$LAB/$node/root/usr/local/bin/lab-item"
    mkdir -p "$LAB/$node/root/var/lib/lab"
    rm -f "$LAB/$node"/root/var/lib/lab/items.*
done
pace "${EACH_PACE:-0.05}"

declare -A run
for policy in redo hold; do
    rs "$(master)" task add "each-$policy" --schedule @yearly --on-swap move --after-crash rerun \
        --command "seq -f 'item-%g' $items | roleswap each --in-doubt $policy --jobs 2 - -- /usr/local/bin/lab-item" >/dev/null
    run[$policy]=$(rs "$(master)" task run "each-$policy" --get /id)
done

loop_file() { echo "$LAB/$1/root/var/lib/lab/items.each-$2"; }
# Both loops have begun an item under the present master.
loops_go_on() {
    local leader policy
    leader=$(master)
    for policy in redo hold; do
        grep -q " $(epoch) $leader " "$(loop_file "$leader" "$policy")" || return 1
    done
}
state_of() { rs "$(master)" run show "${run[$1]}" --get /run/state; }
swap_now() { rs "${NODES[RANDOM % 2]}" swap >"$LAB/swap.log" 2>&1 || fail "swap: $(tail -n 5 "$LAB/swap.log")"; }
kill_master() { # host, daemon, store
    local dead
    dead=$(master)
    case $1 in
    host)
        kill_host "$dead"
        becomes_master "$(peer_of "$dead")"
        boot "$dead"
        ;;
    daemon) in_host "$dead" systemctl kill --signal=KILL --kill-whom=main roleswapd ;;
    store) kill_store "$dead" ;;
    esac
}

ways=(host daemon store)
for ((turn = 0; turn < kills; turn++)); do
    wait_for 60 'both loops go on' loops_go_on
    sleep "$((RANDOM % 2)).$((RANDOM % 1000))" # the random moment
    way=${ways[turn % 3]}
    kill_master "$way"
    whole 60
    if ((turn % 2 == 0)); then
        wait_for 60 'both loops go on' loops_go_on
        swap_now
        whole 60
    fi
    say "death $((turn + 1)) by $way: $(cat "$LAB"/*/root/var/lib/lab/items.each-redo | wc -l) items begun, now $(seen_by "$(master)")"
done
wait_for 60 'both loops go on' loops_go_on
for policy in redo hold; do expect_equal running "$(state_of "$policy")" "the loop $policy after the last death"; done
pace 0
has_ended_run() { [[ $(state_of "$1") != running && $(state_of "$1") != queued ]]; }
for policy in redo hold; do wait_for 180 "the loop $policy ends" has_ended_run "$policy"; done

# How often each item was begun, as "ITEM TIMES"; what the pair itself tells, as "ITEM DOUBTS".
begun_items() { cat "$LAB"/*/root/var/lib/lab/"items.each-$1" | cut -d ' ' -f 1 | sort | uniq -c | awk '{ print $2, $1 }' | sort; }
doubtful_items() {
    rs "$(master)" memory list "${run[$1]}" --state "$2" --json | jq -r '.items[] | "\(.item) \(.doubts)"' | sort
}
none() { # WHAT FILE: a broken promise where the file has lines
    [[ ! -s $2 ]] || broken_promise "$1: $(head -n 5 "$2" | tr '\n' ';')"
}
seq -f 'item-%g' $items | sort >"$LAB/each.wanted"

begun_items redo >"$LAB/each.redo"
doubtful_items redo doubtful >"$LAB/each.listed"
expect_equal ok "$(state_of redo)" 'the loop that does again what is in doubt'
cut -d ' ' -f 1 "$LAB/each.redo" | comm -3 "$LAB/each.wanted" - >"$LAB/each.wrong"
none 'items never done, or unknown' "$LAB/each.wrong"
join -a 1 -e 0 -o 0,1.2,2.2 "$LAB/each.redo" "$LAB/each.listed" | awk '$2 > $3 + 1' >"$LAB/each.wrong"
none 'items repeated more often than they are listed as in doubt' "$LAB/each.wrong"
repeated=$(awk '$2 > 1' "$LAB/each.redo" | wc -l)
say "redo: $items items, $repeated done again, $(wc -l <"$LAB/each.listed") listed as in doubt"

begun_items hold >"$LAB/each.hold"
doubtful_items hold 'in doubt' >"$LAB/each.listed"
held=$(wc -l <"$LAB/each.listed")
awk '$2 > 1' "$LAB/each.hold" >"$LAB/each.wrong"
none 'items repeated though what is in doubt is held' "$LAB/each.wrong"
{ cut -d ' ' -f 1 "$LAB/each.hold" && cut -d ' ' -f 1 "$LAB/each.listed"; } | sort -u | comm -3 "$LAB/each.wanted" - >"$LAB/each.wrong"
none 'items neither done nor listed as in doubt, or unknown' "$LAB/each.wrong"
shown=$(rs "$(master)" run show "${run[hold]}" --json | jq -c '[.run.state, .run.exit_code, .run.memory.in_doubt, .run.memory.done]')
if ((held)); then wanted="[\"failed\",7,$held,$((items - held))]"; else wanted="[\"ok\",0,0,$items]"; fi
expect_equal "$wanted" "$shown" 'run show of the loop that holds'
say "hold: $items items, none repeated, $held in doubt and listed; the run: $shown"
mapfile -t held_items < <(cut -d ' ' -f 1 "$LAB/each.listed")
for item in "${held_items[@]}"; do
    rs "$(master)" memory resolve "${run[hold]}" "$item" 'done' >/dev/null
done
expect_equal 0 "$(doubtful_items hold 'in doubt' | wc -l)" 'items in doubt after the decision'
for policy in redo hold; do rs "$(master)" task remove "each-$policy" >/dev/null; done
