# shellcheck shell=bash
# On every cable somebody repeats what the nodes send, damaged, cut, of another pair and of an older
# version, besides as it was: counted and shown by kind, and otherwise as if nothing had come.
begin=$(now_us)
before="$(master) $(epoch)"
for node in "${NODES[@]}"; do
    peer=$(peer_of "$node")
    for link in "${LINKS[@]}"; do
        ip netns exec "$(netns "$node")" python3 "$LAB_HOME/lib/strange_frames.py" "$link" "$(address "$peer" "$link")" 20 &
        senders+=($!)
    done
done
for sender in "${senders[@]}"; do wait "$sender" || fail 'a sender of strange datagrams failed'; done
# counted NODE LINK REASON: how many at least.
counted() {
    rs "$1" links --json | jq --arg link "${LINK_NAME[$2]}" --arg reason "$3" '[.links[] | select(.name == $link) | .rejected[$reason] // 0] | add'
}
shown() { rs "$1" links | tr -s ' \n' ' '; } # NODE
all_counted() { # NODE LINK: 20 of each; cut at half, the seal is wrong as with a damaged one
    (($(counted "$1" "$2" replayed) >= 20 && $(counted "$1" "$2" forged) >= 40 &&
        $(counted "$1" "$2" malformed) >= 20 && $(counted "$1" "$2" 'wrong pair') >= 20 &&
        $(counted "$1" "$2" 'wrong version') >= 20))
}
for node in "${NODES[@]}"; do
    for link in "${LINKS[@]}"; do
        wait_for 10 "$node has counted them on $link" all_counted "$node" "$link"
        [[ $(shown "$node") == *"${LINK_NAME[$link]}: "*forged*malformed*replayed*'wrong pair'*'wrong version'* ]] || fail "$node does not show those of $link"
        link_is "$node" "$link" up || fail "$link is not up on $node"
    done
    say "$node: $(shown "$node" | sed 's/.*Not taken//')"
done
whole
expect_equal "$before" "$(master) $(epoch)" 'master and epoch'
say "writers waited $(gap_ms "$begin") ms at most"
