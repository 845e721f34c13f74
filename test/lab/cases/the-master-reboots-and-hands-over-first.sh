# shellcheck shell=bash
# An ordered reboot stops the unit, so the role is handed over and no writer waits for a takeover.
leaver=$(master)
begin=$(now_us)
reboot_host "$leaver"
expect_equal "$(peer_of "$leaver")" "$(master)" 'the master'
whole 60
gap=$(gap_ms "$begin")
say "reboot of $leaver: writers waited $gap ms"
awk -v gap="$gap" 'BEGIN { exit gap >= 1000 }' || fail "writers waited $gap ms; a hand-over takes less"
