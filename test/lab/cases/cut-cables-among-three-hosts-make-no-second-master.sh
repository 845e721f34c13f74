# shellcheck shell=bash
# lab: witness
# A sample of the patterns of the nightly case: the left node sees nobody, the right one sees only
# its peer's silence, nobody sees anybody.
cut_all 15 55 63
