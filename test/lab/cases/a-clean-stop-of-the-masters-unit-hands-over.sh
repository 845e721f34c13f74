# shellcheck shell=bash
# systemctl stop: the role goes first, far quicker than a takeover could.
leaver=$(master)
heir=$(peer_of "$leaver")
begin=$(now_us)
in_host "$leaver" systemctl stop roleswapd
becomes_master "$heir" 1
writes_again
gap=$(gap_ms "$begin")
say "stop on $leaver: writers waited $gap ms"
# Less than the takeover delay: so it was no takeover.
awk -v gap="$gap" 'BEGIN { exit gap >= 1000 }' || fail "writers waited $gap ms; a hand-over takes less"
expect_equal "" "$(in_host "$leaver" pgrep -u roleswap postgres || true)" "processes of the stopped store"
in_host "$leaver" systemctl start roleswapd
whole 60
