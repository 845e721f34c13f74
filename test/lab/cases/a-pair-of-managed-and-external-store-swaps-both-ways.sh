# shellcheck shell=bash
# lab: external
# One node has the PostgreSQL cluster that Debian runs, with a database of its own, the other one the
# managed store: swaps and deaths both ways, a unit stopped by hand, a copy that replaces the cluster.
external=left managed=right
unit=$(store_unit)

swap_to() {
    local begin
    begin=$(now_us)
    planned_swap "$1"
    becomes_master "$1"
    writes_again
    whole
    say "swap to $1: writers waited $(gap_ms "$begin") ms"
}
dies() {
    local begin way
    begin=$(now_us)
    kill_host "$1"
    becomes_master "$(peer_of "$1")"
    writes_again
    say "death of $1: writers waited $(gap_ms "$begin") ms"
    boot "$1"
    whole 60
    way=$(status_of "$1" ".nodes[] | select(.name == \"$1\") | .store.rejoin.way")
    [[ $way == streaming || $way == rewind ]] || fail "$1 came back by $way"
    say "$1 came back by $way"
}

led_by "$external"
expect_equal tea "$(in_host "$managed" psql -XAtq -h /run/roleswap/store -p "$STORE_PORT" -U roleswap -d shop \
    -c 'select what from sold')" 'the database of the cluster on the managed node'
expect_equal "external $unit" "$(status_of "$managed" \
    '.nodes[] | select(.name == "'"$external"'") | .store | "\(.kind) \(.unit)"')" 'store in status'
swap_to "$managed"
swap_to "$external"
dies "$external"
dies "$managed"

# Somebody stops the unit: told, and like any failed store; nobody else starts it.
begin=$(now_us)
in_host "$external" systemctl stop "$unit"
becomes_master "$managed"
wait_for 10 'it is told' event_says "$external" unit_stopped
whole
say "unit stopped by hand: writers waited $(gap_ms "$begin") ms"
in_host "$external" systemctl stop roleswapd
wait_for 10 "the cluster ends with its daemon" unit_is_down
if in_host "$external" systemctl start "$unit" 2>/dev/null; then fail "$unit started without roleswapd"; fi

# The node joins anew: its databases are given up only on request.
forget_node "$external"
said=$(rs "$external" join 2>&1) && fail 'join replaces databases unasked'
grep -q 'holds databases of its own' <<<"$said" || fail "join says: $said"
rs "$external" join --replace-data >/dev/null
in_host "$external" systemctl start roleswapd
whole 60
data=/var/lib/postgresql/$(store_version)/lab
is_tidy() { ! in_host "$external" ls -d "$data".roleswap-* 2>/dev/null; }
wait_for 20 'the old data goes when the copy streams' is_tidy
