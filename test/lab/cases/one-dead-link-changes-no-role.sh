# shellcheck shell=bash
# Each link in turn: pulled at the one end, at the other, and silently losing everything.
leader=$(master)
epoch=$(epoch)
for link in "${LINKS[@]}"; do
    for way in left right silent; do
        begin=$(now_us)
        if [[ $way == silent ]]; then silence "$link"; else unplug "$link" "$way"; fi
        wait_for 10 "$leader sees $link down" link_is "$leader" "$link" down
        writes_again
        heal_all
        wait_for 20 "$leader sees $link up" link_is "$leader" "$link" up
        expect_equal "$leader $epoch" "$(master) $(epoch)" "master and epoch without $link ($way)"
        say "$link, $way: writers waited $(gap_ms "$begin") ms"
    done
done
