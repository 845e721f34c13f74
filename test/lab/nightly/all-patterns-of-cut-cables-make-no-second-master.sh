# shellcheck shell=bash
# lab: witness
# Each of the 2^6 patterns of cut cables among the two nodes and the host of the witness, for five
# seconds: at no time did both nodes acknowledge a commit or have a task process alive, and nothing
# that was acknowledged is lost.  CUT_PATTERNS narrows it.
# shellcheck disable=SC2046,SC2086 # words
cut_all ${CUT_PATTERNS:-$(seq 0 63)}
