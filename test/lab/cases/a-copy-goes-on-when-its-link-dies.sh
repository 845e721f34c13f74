# shellcheck shell=bash
# The cable that carries a full copy goes dead at half of it, without a word: the copy begins again by
# itself over another link, is told once, and ends well.  COPY_MIB is the size of the data.
leader=$(master)
standby=$(peer_of "$leader")
mib=${COPY_MIB:-120}
sql "$leader" "create table lab.bulk as select repeat(md5(i::text), 32) from generate_series(1, $mib * 1000) i" >/dev/null
whole 60
copy_of() { status_of "$standby" '.nodes[] | select(.name == "'"$standby"'") | .store'" | $1"; }
# The link by which the standby's host gets what comes from the master's store.
carrier() {
    local link
    for link in "${LINKS[@]}"; do
        if in_host "$standby" ss -Htnp state established dst "$(address "$leader" "$link")" | grep -q pg_basebackup; then
            echo "$link"
            return
        fi
    done
    return 1
}
in_host "$standby" systemctl stop roleswapd
in_host "$standby" rm -rf /var/lib/roleswap/store
# Slow enough that half of the copy can be met.
throttle() { # add|del
    local link
    for link in "${LINKS[@]}"; do
        ip netns exec "$(netns "$leader")" tc qdisc "$1" dev "$link" root tbf rate 200mbit burst 256k latency 20ms
    done
}
throttle add
begun=$(sql "$leader" 'select roleswap.iso(now())')
in_host "$standby" systemctl start --no-block roleswapd
copies() { carrier >/dev/null && [[ $(copy_of '(.copy.done // 0) > 0.3 and .copy.done < 0.8') == true ]]; }
wait_for 60 'about half of the copy is done' copies
first=$(carrier) || fail 'the copy was over before its link could be cut'
silence "$first"
say "the copy was at $(copy_of '.copy.done // "its end"') when $first went dead"
goes_on() {
    local now
    now=$(carrier) && [[ $now != "$first" ]]
}
wait_for 30 'the copy goes on over another link' goes_on
throttle del
say "it goes on over $(carrier)"
begin=$(now_us)
in_sync() { [[ $(status_of "$leader" '.nodes[] | select(.name == "'"$standby"'") | .in_sync') == true ]]; }
# Sooner than the time-outs of the sender that the dead link left, which holds the slot.
wait_for 25 "$standby is in sync without $first" in_sync
say "in sync $((($(now_us) - begin) / 1000)) ms later"
told() { # WORD: events of the store on the standby since the copy began
    rs "$standby" events -n 200 --json | jq --arg node "$standby" --arg since "$begun" --arg word "$1" \
        '[.events[] | select(.node == $node and .at >= $since and (.why | startswith($word)))] | length'
}
expect_equal 1 "$(told base-backup-failed)" 'events about the broken copy'
expect_equal 1 "$(told base-backup-done)" 'copies that were completed'
expect_equal 'full copy' "$(copy_of .rejoin.way)" 'way of the rejoin'
end_silence "$first"
whole 60
sql "$leader" 'drop table lab.bulk' >/dev/null
