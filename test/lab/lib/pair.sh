# shellcheck shell=bash
# The pair on the two hosts: install, start, look, wait.

NODES=(left right)
STORE_PORT=7432
TAKEOVER_DELAY_MS=1000

write_config() {
    cat <<CONF
[pair]
name = "lab"
takeover_delay = "${TAKEOVER_DELAY_MS}ms"
probes = ["${SUBNET[lana]}.254", "${SUBNET[lanb]}.254"]

[[node]]
name = "left"
${LEFT_MORE:-}

[[node]]
name = "right"

[[link]]
name = "lan-a"
address = { left = "$(address left lana)", right = "$(address right lana)"${LANA_MORE:-} }
device = { left = "lana", right = "lana" }

[[link]]
name = "lan-b"
address = { left = "$(address left lanb)", right = "$(address right lanb)" }
device = { left = "lanb", right = "lanb" }

[[link]]
name = "crossover"
address = { left = "$(address left cross)", right = "$(address right cross)" }
device = { left = "cross", right = "cross" }

[store]
allow = ["10.71.0.0/16"]

[work]
catch_up = "all"
catch_up_limit = 1000
timezone = "UTC"
${WORK_MORE:-}
CONF
}

# make_one HOST BUILD: a host with the product in it, which nothing of it runs yet.
make_one() {
    make_host "$1" "$2"
    # A file system of its own, as a store should have; the cases with full disks fill it.
    mkdir -p "$LAB/$1/root/var/lib/roleswap"
    mount -t tmpfs -o "size=${STORE_MIB:-640}m,mode=0755" "roleswap-$1" "$LAB/$1/root/var/lib/roleswap"
    write_power_agent "$LAB/$1/root/usr/local/bin/lab-power"
    boot "$1"
}

# make_pair BUILD [KIND]: fresh hosts, as an administrator installs them: init on the first, two
# files carried over, join on the second.  KIND is what the pair is besides, see kinds.sh.
make_pair() {
    local build=$1 kind=${2:-plain} node
    "before_$kind" "$build"
    for node in "${NODES[@]}"; do make_one "$node" "$build"; done
    in_host left mkdir -p /etc/roleswap
    { write_config && "config_$kind"; } >"$LAB/left/root/etc/roleswap/roleswap.toml"
    in_host left roleswap init >&2
    carry_over
    in_host left systemctl enable --now roleswapd
    in_host right roleswap join >&2
    in_host right systemctl enable --now roleswapd
    "join_$kind"
    whole 60
    "after_$kind"
    prepare_load
}

carry_over() { # [HOST]
    mkdir -p "$LAB/${1:-right}/root/etc/roleswap"
    cp -p "$LAB"/left/root/etc/roleswap/{roleswap.toml,pair.key} "$LAB/${1:-right}/root/etc/roleswap/"
}

remove_pair() {
    local node
    for node in "${HOSTS[@]}"; do
        [[ -d $LAB/$node ]] || continue
        halt_host "$node"
        umount "$LAB/$node/root/var/lib/roleswap"
        umount "$LAB/$node/root"
        rm -rf "${LAB:?}/$node"
    done
    rm -rf "$LAB"/written* "$LAB/power" # the next pair knows nothing of these
    heal_all
}

# The command line on a node.
rs() { in_host "$1" roleswap "${@:2}"; }

# status_of NODE FILTER: from what that node says of the pair.
status_of() { rs "$1" status --json 2>/dev/null | jq -r "$2"; }

# The one line that says all: "left master 3 mirrored, right standby 3 in-sync".
seen_by() {
    status_of "$1" '[.nodes[] | "\(.name) \(.role) \(.epoch) \(.mode)"
        + (if .in_sync then " in-sync" else "" end)] | join(", ")'
}

# master_seen_by NODE: its name when that node sees exactly one, else nothing.
master_seen_by() {
    status_of "$1" '[.nodes[] | select(.role == "master") | .name] | if length == 1 then .[0] else "" end'
}
is_master() { [[ $(status_of "$1" '.nodes[] | select(.name == "'"$1"'") | .role') == master ]]; }
master() {
    local node
    for node in "${NODES[@]}"; do
        if is_up "$node" && is_master "$node"; then
            echo "$node"
            return
        fi
    done
    return 1
}
epoch() { status_of "$(master)" '[.nodes[].epoch] | max'; }

# is_whole: both nodes say the same: one master, the other its standby in sync, all links up.
is_whole() {
    local node filter
    filter='([.nodes[] | select(.role == "master")] | length) == 1
        and ([.nodes[] | select(.role == "standby" and .in_sync)] | length) == 1
        and ([.nodes[].epoch] | unique | length) == 1
        and ([.links[] | select(.state != "up")] | length) == 0'
    for node in "${NODES[@]}"; do
        is_up "$node" && [[ $(status_of "$node" "$filter") == true ]] || return 1
    done
    [[ $(master_seen_by left) == "$(master_seen_by right)" ]]
}

# whole [SECONDS]: waits for that, without any help.
whole() {
    local seconds=${1:-30}
    wait_for "$seconds" 'one master and its standby in sync, on all links' is_whole
}

# becomes_master NODE [SECONDS]
becomes_master() { wait_for "${2:-15}" "$1 is master" is_master "$1"; }

# planned_swap NODE: asked there; what the runbook says is told when it fails.
planned_swap() {
    local said
    said=$(rs "$1" swap 2>&1) || fail "no swap, $1 says: $said; $(rs "$1" check 2>&1 | grep FAIL)"
}

# sql NODE STATEMENT: in that node's own store, over its local socket.
sql() {
    in_host "$1" psql -XAtq -v ON_ERROR_STOP=1 -h /run/roleswap/store -p "$STORE_PORT" \
        -U "${STORE_SUPERUSER:-roleswap}" -d roleswap -c "$2"
}

# collect NAME: what is needed to understand a failure, into $ARTIFACTS/NAME.
collect() {
    local folder=$ARTIFACTS/$1 node
    mkdir -p "$folder"
    for node in "${HOSTS[@]}"; do
        [[ -d $LAB/$node ]] || continue
        if is_up "$node"; then
            {
                timeout 10 bash -c "$(declare -f in_host rs); $(declare -p INIT HOST_PATH)
                    rs $node status; rs $node events -n 60; in_host $node ps -ef"
            } >"$folder/$node.status" 2>&1 || true
        fi
        journalctl -D "$LAB/$node/root/var/log/journal" -o short-precise --no-pager \
            >"$folder/$node.journal" 2>&1 || true
        tail -n 40 "$folder/$node.journal" | sed "s/^/#   $node: /" >&2
    done
    cp "$LAB"/written* "$folder" 2>/dev/null || true
    say "kept in $folder"
}
