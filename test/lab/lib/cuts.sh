# shellcheck shell=bash
# Six cables among the three hosts, cut in every pattern, and the proof by recorded times that never
# two nodes acknowledged or worked.  All hosts have one clock, that of this machine.

# What bit 0, 1, ... of a pattern cuts, "link at host".
CUTS=('lana left' 'lanb left' 'cross left' 'west left' 'east right' 'lana third')

is_cut() { (($1 >> $2 & 1)); } # PATTERN BIT
cut_pattern() {
    local bit
    for bit in "${!CUTS[@]}"; do
        # shellcheck disable=SC2086 # two words
        if is_cut "$1" "$bit"; then unplug ${CUTS[bit]}; fi
    done
}
pattern_text() {
    local bit text=()
    for bit in "${!CUTS[@]}"; do
        if is_cut "$1" "$bit"; then text+=("${CUTS[bit]/ /-}"); fi
    done
    echo "${text[*]:-nothing}"
}
nodes_connected() { (((~$1 & 7) != 0)); }
# sees_witness PATTERN NODE: by its own cable, or over LAN A.
sees_witness() {
    if [[ $2 == left ]]; then
        ! is_cut "$1" 3 || (! is_cut "$1" 0 && ! is_cut "$1" 5)
    else
        ! is_cut "$1" 4 || ! is_cut "$1" 5
    fi
}

# What runs meanwhile: a writer for each node, which no cut keeps from it, and the task of alive.sh.
start_watch() {
    local node first
    stop_writer
    start_alive
    first=$(next_id)
    for node in "${NODES[@]}"; do
        WRITER_PAUSE_MS=2 WRITER_RETRY_MS=40 \
            run_writer "$LAB/written.$node" "$first" "$(writer_target "$node" desk) tcp_user_timeout=3000"
        first=$((first + 100000000))
    done
    wait_for 20 'somebody writes' test -s "$LAB/written.$(master)"
}
# stop_watch: its notes become those of the one writer, for the proof.
stop_watch() {
    stop_writer
    cat "$LAB"/written.{left,right} >>"$WRITTEN"
    rm "$LAB"/written.{left,right}
    stop_alive
    start_load
}

# one_cut PATTERN: five seconds of it; what must stand at their end follows from who sees whom.
one_cut() {
    local pattern=$1 leader standby from to begin healed
    leader=$(master) from=$(epoch) begin=$(now_us)
    standby=$(peer_of "$leader")
    cut_pattern "$pattern"
    until (($(now_us) - begin > 5000000)); do sleep 0.05; done
    stands_after_cut "$pattern" "$leader" "$standby" "$from"
    healed=$(now_us)
    heal_all
    whole 60
    to=$(epoch)
    printf '%d\t%s\t%s\t%d\t%s\t%d\t%s\t%d\n' "$pattern" "$(pattern_text "$pattern")" "$leader" "$from" \
        "$(master)" "$to" "$(both_gap_ms "$begin")" $((($(now_us) - healed) / 1000)) >>"$LAB/cuts"
    say "pattern $pattern, cut $(pattern_text "$pattern"): $leader $from, then $(master) $to;" \
        "nobody acknowledged for $(both_gap_ms "$begin") ms, whole $((($(now_us) - healed) / 1000)) ms after the heal"
}
stands_after_cut() {
    local pattern=$1 leader=$2 standby=$3 epoch=$4 masters=
    if is_master "$leader"; then masters=$leader; fi
    if is_master "$standby"; then masters+=${masters:+ }$standby; fi
    if nodes_connected "$pattern"; then
        expect_equal "$leader $epoch" "$masters $(epoch)" "pattern $pattern: master and epoch"
    elif sees_witness "$pattern" "$leader" && sees_witness "$pattern" "$standby"; then
        [[ $masters == "$leader" || $masters == "$standby" ]] || fail "pattern $pattern: '$masters' instead of one master"
    elif sees_witness "$pattern" "$leader"; then
        expect_equal "$leader" "$masters" "pattern $pattern: the masters, where only the master sees the witness"
    elif sees_witness "$pattern" "$standby"; then
        expect_equal "$standby" "$masters" "pattern $pattern: the masters, where only the standby sees the witness"
    else
        expect_equal '' "$masters" "pattern $pattern: the masters, where nobody sees anybody"
    fi
}

# acks: "answered node" of both, in order of time.
acks() {
    local node
    for node in "${NODES[@]}"; do awk -v node="$node" '$1 == "ack" { print $4, node }' "$LAB/written.$node"; done |
        sort -n
}
both_gap_ms() { # FROM-US; the gap may have begun with the last one before it
    acks | awk -v from="$1" '{ if ($1 >= from && last && $1 - last > gap) gap = $1 - last; last = $1 }
        END { printf "%.0f\n", gap / 1000 }'
}
# ack_spans: "timeline node first last" of the commits of each timeline, in order; microseconds.
# Each promotion of a store begins a timeline.  (Its engine writes the epoch a little later.)
ack_spans() {
    local node
    for node in "${NODES[@]}"; do
        awk -v node="$node" '$1 == "ack" {
            if (!($6 in first) || $4 < first[$6]) first[$6] = $4
            if ($4 > last[$6]) last[$6] = $4
        } END { for (line in first) printf "%s %s %.0f %.0f\n", line, node, first[line], last[line] }' "$LAB/written.$node"
    done | sort
}
# never_two_acknowledge EPOCHS: no timeline has two nodes, and none has a commit that was acknowledged
# before the last one of an earlier timeline on the other node.
never_two_acknowledge() {
    local two changes
    two=$(ack_spans | apart)
    [[ -z $two ]] || broken_promise "commits acknowledged by both: $two"
    changes=$(ack_spans | awk 'node && $2 != node { n++ } { node = $2 } END { print n + 0 }')
    say "$(acks | wc -l) commits acknowledged; the node changed in $1 epochs $(ack_spans | moves)"
    ((changes <= $1)) || broken_promise "whose commits are acknowledged changed $changes times in $1 epochs"
}
# led_by NODE: by a planned swap where the other one leads.
led_by() {
    [[ $(master) != "$1" ]] || return 0
    planned_swap "$1"
    whole
}

# cut_all PATTERN|NODE...: a node's name makes it master before the next cut.
cut_all() {
    local pattern from
    from=$(epoch)
    rm -f "$LAB/cuts"
    start_watch
    for pattern in "$@"; do
        case $pattern in
        left | right) led_by "$pattern" ;;
        *) one_cut "$pattern" ;;
        esac
    done
    never_two_acknowledge $(($(epoch) - from))
    never_two_work
    say "$(awk -F '\t' '{ if ($3 != $5) moved++; if ($7 > gap) gap = $7; if ($8 > heal) heal = $8; if ($6 == $4 && $7 > calm) calm = $7 }
        END { printf "%d patterns, %d moved the role; longest time without an acknowledgement %d ms, without a new epoch %d ms; whole at most %d ms after the heal",
            NR, moved, gap, calm, heal }' "$LAB/cuts")"
    cp "$LAB/cuts" "$ARTIFACTS/cuts.tsv"
    stop_watch
}
