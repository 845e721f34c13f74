# shellcheck shell=bash
# Power cut of whichever host is master; it comes back and finds its place by itself.
for turn in {1..10}; do
    dead=$(master)
    heir=$(peer_of "$dead")
    begin=$(now_us)
    kill_host "$dead"
    becomes_master "$heir" 15
    writes_again
    say "death $turn of $dead: writers waited $(gap_ms "$begin") ms"
    boot "$dead"
    whole 60
done
