# shellcheck shell=bash
# The cables.  Three network namespaces: left, right, and `office`, the room with the two switches.
#
#   left  lana ----[ switch lana in office, 10.71.1.254 ]---- lana  right
#   left  lanb ----[ switch lanb in office, 10.71.2.254 ]---- lanb  right
#   left  cross ------------------------------------------- cross  right
#
# The addresses of the switches are what the pair probes; the office is also where clients sit.

LINKS=(lana lanb cross)
declare -A SUBNET=([lana]=10.71.1 [lanb]=10.71.2 [cross]=10.71.3)
declare -A HOST_BYTE=([left]=1 [right]=2)

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

make_cables() {
    local node link
    for node in left right office; do make_netns "$node"; done
    for link in lana lanb; do
        ip -n "$(netns office)" link add "$link" type bridge forward_delay 0 stp_state 0
        ip -n "$(netns office)" address add "${SUBNET[$link]}.254/24" dev "$link"
        ip -n "$(netns office)" link set "$link" up
        for node in left right; do make_switched_cable "$link" "$node"; done
    done
    ip link add cross netns "$(netns left)" type veth peer name cross netns "$(netns right)"
    for node in left right; do
        ip -n "$(netns "$node")" address add "$(address "$node" cross)/24" dev cross
        ip -n "$(netns "$node")" link set cross up
    done
}

remove_cables() {
    local node
    for node in left right office; do ip netns del "$(netns "$node")" 2>/dev/null || true; done
}

# plug up|down NODE LINK: the plug in the node's socket.  A switch keeps its own lamps on; the far
# end of the crossover cable sees the carrier go.
plug() {
    if [[ $3 == cross ]]; then
        ip -n "$(netns "$2")" link set cross "$1"
    else
        ip -n "$(netns office)" link set "$3-$2" "$1"
    fi
}

# unplug LINK [NODE]: pull the cable out at one node (left unless told).
unplug() { plug down "${2:-left}" "$1"; }
# heal LINK: both ends in.
heal() {
    plug up left "$1"
    plug up right "$1"
}
heal_all() {
    local link
    for link in "${LINKS[@]}"; do
        heal "$link"
        end_silence "$link"
    done
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
