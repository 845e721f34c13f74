# shellcheck shell=bash
# A task that ends some hundred times a minute, one that is after it, one that is after both; the
# master dies at random moments (host, daemon, store, in turn) with a planned swap in between.  Each
# end that is told as one has brought one run, no run came of nothing, and none was lost on the way.
# Who follows a run from the standby gets its end from the heir.  AFTER_KILLS changes how often.
kills=${AFTER_KILLS:-3}
leader=$(master)
cat >"$LAB/$leader/root/chain.toml" <<'CHAIN'
[[task]]
name = "chain-a"
schedule = "@yearly"
kind = "noop"
overlap = "parallel"

[[task]]
name = "chain-b"
kind = "noop"
overlap = "parallel"
after = ["chain-a"]

[[task]]
name = "chain-c"
kind = "noop"
overlap = "parallel"
after = ["chain-a:any", "chain-b"]

[[task]]
name = "chain-talk"
schedule = "@yearly"
on_swap = "move"
command = "echo begun by $ROLESWAP_NODE; until [ -e /var/lib/lab/end ]; do sleep 0.1; done; exit 5"
CHAIN
rs "$leader" apply /chain.toml >/dev/null

more() { sql "$(master)" "select count(*) from roleswap.enqueue_many('chain-a', array_fill(null::jsonb, array[500]))" >/dev/null; }
ended() { sql "$(master)" "select count(*) from roleswap.run where task = '$1' and state = 'ok'"; }
goes_on_from() { (($(ended chain-b) > $1)); }
follows() { grep -q "begun by $1" "$LAB/followed"; }

run=$(rs "$leader" task run chain-talk --get /id)
rs "$(peer_of "$leader")" run follow "$run" >"$LAB/followed" 2>"$LAB/follow.news" &
follower=$!
wait_for 20 'the run is followed' follows "$leader"

kinds=(daemon store host)
for ((turn = 0; turn < kills; turn++)); do
    dead=$(master)
    before=$(ended chain-b)
    more
    wait_for 20 'some of them have brought runs' goes_on_from "$before"
    case ${kinds[turn % 3]} in
    daemon) in_host "$dead" systemctl kill --signal=KILL --kill-whom=main roleswapd ;;
    store) kill_store "$dead" ;;
    host)
        # Who follows sits on the standby.
        kill_host "$dead"
        becomes_master "$(peer_of "$dead")"
        boot "$dead"
        ;;
    esac
    writes_again
    whole 60
    more
    rs "$(master)" swap >"$LAB/swap.log" 2>&1 || fail "swap: $(tail -n 5 "$LAB/swap.log")"
    whole 60
    if ! kill -0 "$follower" 2>/dev/null; then
        # Its host was the one that died: another one follows on.
        rs "$(peer_of "$(master)")" run follow "$run" >"$LAB/followed" 2>"$LAB/follow.news" &
        follower=$!
    fi
done

none_open() { [[ $(sql "$(master)" "select count(*) from roleswap.run where task in ('chain-a', 'chain-b', 'chain-c') and not over") == 0 ]]; }
wait_for 60 'the chain is over' none_open
expect_equal "$((kills * 2 * 500))" "$(ended chain-a)" 'ends of the first task'
unpaired=$(sql "$(master)" "select count(*) from (select id from roleswap.run where task = 'chain-a' and state = 'ok') p(run)
    full join (select origin, count(*) from roleswap.run where task = 'chain-b' and state = 'ok' group by 1) s(run, n)
    using (run) where p.run is null or n is distinct from 1")
expect_equal 0 "$unpaired" 'ends without their run, or runs without their end'
expect_equal 0 "$(sql "$(master)" "select count(*) from (select run from roleswap.after_end where task = 'chain-c'
    and run is not null group by run having count(*) <> 2) odd")" 'runs after both that came of other than two ends'
say "$(ended chain-c) runs after both, $(ended chain-b) after the first"
expect_equal 0 "$(sql "$(master)" "select count(*) from roleswap.after_end as e where task = 'chain-c' and waits and exists
    (select from roleswap.after_end as o where o.task = e.task and o.waits and o.predecessor <> e.predecessor)")" \
    'ends of both that wait for each other'

for node in "${NODES[@]}"; do touch "$LAB/$node/root/var/lib/lab/end"; done
code=0
wait "$follower" || code=$?
expect_equal 5 "$code" "exit code of who follows: $(cat "$LAB/follow.news")"
grep -q "begun by $(master)" "$LAB/followed" || fail "followed: $(cat "$LAB/followed")"
rm -f "$LAB"/{followed,follow.news} "$LAB"/{left,right}/root/var/lib/lab/end
for name in chain-talk chain-c chain-b chain-a; do rs "$(master)" task remove "$name" >/dev/null; done
