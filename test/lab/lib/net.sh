# shellcheck shell=bash
# The cables.  Network namespaces: left, right, the third and the fourth host, and `office`, the room with the
# switches.
#
#   left  lana ----[ switch lana in office, 10.71.1.254 ]---- lana  right
#                                  |
#                                lana  third, fourth
#   left  lanb ----[ switch lanb in office, 10.71.2.254 ]---- lanb  right
#   left  cross ------------------------------------------- cross  right
#   left  west ---- west  third  east -------------------- east  right
#   left  desk ----[ switch desk in office, 10.71.9.254 ]---- desk  right
#
# The addresses of lana and lanb are what the pair probes; the office is also where clients sit.  The
# desk is a cable that the pair knows nothing of: what looks at both nodes while all else is cut.

LINKS=(lana lanb cross)
HOSTS=(left right third fourth)
declare -A CABLES=([left]='lana lanb cross west desk' [right]='lana lanb cross east desk'
    [third]='lana west east' [fourth]='lana')
declare -A SUBNET=([lana]=10.71.1 [lanb]=10.71.2 [cross]=10.71.3 [west]=10.71.4 [east]=10.71.5
    [desk]=10.71.9)
declare -A HOST_BYTE=([left]=1 [right]=2 [third]=3 [fourth]=4)

peer_of() { if [[ $1 == left ]]; then echo right; else echo left; fi; }
netns() { echo "$LAB_ID-$1"; }
address() { echo "${SUBNET[$2]}.${HOST_BYTE[$1]}"; } # address NODE LINK

in_office() { ip netns exec "$(netns office)" "$@"; }
exec_in_office() { exec ip netns exec "$(netns office)" "$@"; }

# No duplicate address detection and no router solicitations: the tests use IPv4 only.
make_netns() {
    ip netns add "$(netns "$1")"
    ip netns exec "$(netns "$1")" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6' \
        2>/dev/null || true
    ip -n "$(netns "$1")" link set lo up
}

make_switched_cable() { # LINK NODE: from the node to the switch in the office
    local link=$1 node=$2
    ip link add "$link" netns "$(netns "$node")" type veth \
        peer name "$link-$node" netns "$(netns office)"
    ip -n "$(netns office)" link set "$link-$node" master "$link" up
    ip -n "$(netns "$node")" address add "$(address "$node" "$link")/24" dev "$link"
    ip -n "$(netns "$node")" link set "$link" up
}

make_switch() { # LINK NODE...
    local link=$1 node
    ip -n "$(netns office)" link add "$link" type bridge forward_delay 0 stp_state 0
    ip -n "$(netns office)" address add "${SUBNET[$link]}.254/24" dev "$link"
    ip -n "$(netns office)" link set "$link" up
    for node in "${@:2}"; do make_switched_cable "$link" "$node"; done
}

make_direct_cable() { # LINK NODE NODE
    local link=$1 node
    ip link add "$link" netns "$(netns "$2")" type veth peer name "$link" netns "$(netns "$3")"
    for node in "$2" "$3"; do
        ip -n "$(netns "$node")" address add "$(address "$node" "$link")/24" dev "$link"
        ip -n "$(netns "$node")" link set "$link" up
    done
}

make_cables() {
    local node
    for node in "${HOSTS[@]}" office; do make_netns "$node"; done
    make_switch lana left right third fourth
    make_switch lanb left right
    make_switch desk left right
    make_direct_cable cross left right
    make_direct_cable west left third
    make_direct_cable east right third
}

remove_cables() {
    local node
    for node in "${HOSTS[@]}" office; do ip netns del "$(netns "$node")" 2>/dev/null || true; done
}

is_switched() { [[ $1 == lana || $1 == lanb || $1 == desk ]]; }

# plug up|down NODE LINK: the plug in the node's socket.  A switch keeps its own lamps on; the far
# end of a cable without a switch sees the carrier go.
plug() {
    if is_switched "$3"; then
        ip -n "$(netns office)" link set "$3-$2" "$1"
    else
        ip -n "$(netns "$2")" link set "$3" "$1"
    fi
}
# plug_all up|down NODE
plug_all() {
    local link
    for link in ${CABLES[$2]}; do plug "$1" "$2" "$link"; done
}

# unplug LINK [NODE]: pull the cable out at one node (left unless told).
unplug() { plug down "${2:-left}" "$1"; }
# heal LINK: both ends in, of a cable between the nodes.
heal() {
    plug up left "$1"
    plug up right "$1"
}
heal_all() {
    local node link
    for node in "${HOSTS[@]}"; do plug_all up "$node"; done
    for link in "${LINKS[@]}"; do end_silence "$link"; done
}

# silence LINK: frames are lost without any carrier change, as in a broken switch.
silence() {
    if [[ $1 == cross ]]; then
        ip netns exec "$(netns left)" nft -f - <<'NFT'
table netdev lab {
    chain in { type filter hook ingress device "cross" priority 0; drop; }
}
NFT
    else
        ip -n "$(netns office)" link set "$1-left" nomaster
    fi
}
end_silence() {
    if [[ $1 == cross ]]; then
        ip netns exec "$(netns left)" nft delete table netdev lab 2>/dev/null || true
    else
        ip -n "$(netns office)" link set "$1-left" master "$1"
    fi
}
