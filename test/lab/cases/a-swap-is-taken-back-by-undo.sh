# shellcheck shell=bash
# One command takes a planned swap back.
before=$(master)
rs "$before" swap >/dev/null
whole
expect_equal "$(peer_of "$before")" "$(master)" 'the master after the swap'
rs "$before" undo >/dev/null
whole
expect_equal "$before" "$(master)" 'the master after the undo'
