# shellcheck shell=bash
# lab: witness
# Each of the 2^6 patterns of cut cables among the two nodes and the host of the witness, for five
# seconds: at no time did both nodes acknowledge a commit or have a task process alive, and nothing
# that was acknowledged is lost.  Those that part the two nodes come again with either of them as
# master.  CUT_PATTERNS narrows it.
parted() { for pattern in 7 15 23 31 39 47 55 63; do echo "left $pattern right $pattern"; done; }
# shellcheck disable=SC2046,SC2086 # words
cut_all ${CUT_PATTERNS:-$(seq 0 63; parted)}
