# shellcheck shell=bash
# One node has the PostgreSQL cluster that Debian runs, with a database of its own, the other one the
# managed store: swaps and deaths both ways, a unit stopped by hand, a copy that replaces the cluster.
version=$(basename "$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1 | xargs dirname)")
unit=postgresql@$version-lab.service
data=/var/lib/postgresql/$version/lab
external=right managed=left

# from_nothing: both nodes without a past, as after the installation of the package.
from_nothing() {
    local node
    for node in "${NODES[@]}"; do
        in_host "$node" systemctl stop roleswapd
        in_host "$node" sh -c 'rm -rf /etc/roleswap /var/lib/roleswap/* /var/lib/lab'
    done
    rm -f "$LAB"/written*
    mkdir -p "$LAB"/{left,right}/root/etc/roleswap
}
# set_up FIRST: init there, join on the other, by the file of both.
set_up() {
    local first=$1 second file
    second=$(peer_of "$1")
    write_config >"$LAB/$first/root/etc/roleswap/roleswap.toml"
    if [[ $first == "$external" ]]; then
        sed -i "/^name = \"$external\"\$/a store = \"external\"\nstore_unit = \"$unit\"\nstore_port = $STORE_PORT" \
            "$LAB/$first/root/etc/roleswap/roleswap.toml"
    fi
    rs "$first" init >&2
    for file in roleswap.toml pair.key; do
        cp -p "$LAB/$first/root/etc/roleswap/$file" "$LAB/$second/root/etc/roleswap/$file"
    done
    in_host "$first" systemctl start roleswapd
    rs "$second" join >&2
    in_host "$second" systemctl start roleswapd
    whole 60
    prepare_load
    start_load
    wait_for 20 'tasks run' tasks_ran
}
tasks_ran() { cat "$LAB"/*/root/var/lib/lab/notes; }
swap_to() {
    local begin
    begin=$(now_us)
    rs "$1" swap >/dev/null
    becomes_master "$1"
    writes_again
    whole
    say "swap to $1: writers waited $(gap_ms "$begin") ms"
}
dies() {
    local begin
    begin=$(now_us)
    kill_host "$1"
    becomes_master "$(peer_of "$1")"
    writes_again
    say "death of $1: writers waited $(gap_ms "$begin") ms"
    boot "$1"
    whole 60
    local way
    way=$(status_of "$1" ".nodes[] | select(.name == \"$1\") | .store.rejoin.way")
    [[ $way == streaming || $way == rewind ]] || fail "$1 came back by $way"
    say "$1 came back by $way"
}
as_postgres() { in_host_as "$external" postgres psql -XAtq -p "$STORE_PORT" "$@"; }

stop_writer
from_nothing
in_host "$external" pg_createcluster "$version" lab -p "$STORE_PORT" --start-conf=manual -- --data-checksums >&2
in_host "$external" systemctl start "$unit"
as_postgres -c 'create database shop' -c '\c shop' -c "create table sold as select 'tea' as what"
set_up "$external"
expect_equal tea "$(in_host "$managed" psql -XAtq -h /run/roleswap/store -p "$STORE_PORT" -U roleswap -d shop \
    -c 'select what from sold')" 'the database of the cluster on the managed node'
expect_equal "external $unit" "$(status_of "$managed" \
    '.nodes[] | select(.name == "'"$external"'") | .store | "\(.kind) \(.unit)"')" 'store in status'
becomes_master "$external"
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
unit_is_down() { ! in_host "$external" systemctl -q is-active "$unit"; }
wait_for 10 "the cluster ends with its daemon" unit_is_down
if in_host "$external" systemctl start "$unit" 2>/dev/null; then fail "$unit started without roleswapd"; fi

# The node joins anew: its databases are given up only on request.
in_host "$external" sh -c 'rm -rf /var/lib/roleswap/*'
said=$(rs "$external" join 2>&1) && fail 'join replaces databases unasked'
grep -q 'holds databases of its own' <<<"$said" || fail "join says: $said"
rs "$external" join --replace-data >/dev/null
in_host "$external" systemctl start roleswapd
whole 60
is_tidy() { ! in_host "$external" ls -d "$data".roleswap-* 2>/dev/null; }
wait_for 20 'the old data goes when the copy streams' is_tidy
prove

stop_writer
from_nothing
in_host "$external" pg_dropcluster "$version" lab
in_host "$external" rm -r "/etc/systemd/system/$unit.d"
in_host "$external" systemctl daemon-reload
set_up "$managed"
