# shellcheck shell=bash
# lab: witness
# A sample of the patterns of the nightly case, all of which part the two nodes: only the right one
# sees the witness, only the left one, neither.
cut_all 15 55 63
