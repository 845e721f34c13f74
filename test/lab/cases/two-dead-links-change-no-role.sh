# shellcheck shell=bash
# Each pair of links; clients sit on the LANs, so with both of those gone at the master they wait.
leader=$(master)
epoch=$(epoch)
for left_over in "${LINKS[@]}"; do
    begin=$(now_us)
    for link in "${LINKS[@]}"; do
        [[ $link == "$left_over" ]] || unplug "$link" "$leader"
    done
    for link in "${LINKS[@]}"; do
        [[ $link == "$left_over" ]] || wait_for 10 "$leader sees $link down" link_is "$leader" "$link" down
    done
    [[ $left_over == cross ]] || writes_again
    wait_for 15 "replication runs over $left_over" commits_reach_both "$leader"
    heal_all
    whole
    expect_equal "$leader $epoch" "$(master) $(epoch)" "master and epoch with only $left_over"
    say "only $left_over: writers waited $(gap_ms "$begin") ms"
done
