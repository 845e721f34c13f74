# shellcheck shell=bash
# What the runbooks share.  Sourced by planned-swap, standby-to-master and master-to-standby.
#
# A runbook is a list of `step NAME "TITLE" COMMAND...`.  Before a step that changes something comes
# `undo_with`: a runbook that ends before `no_way_back` undoes all of them in reverse order, whatever
# ended it.  The undoing of a step that failed or never came is harmless, and its outcome may be in
# doubt, so it is undone too.  If the runbook itself is killed, the daemon does the same, because the
# operation names this process as its owner.
#
# A step ends with 0, or with 77 when there was nothing to do; its last line of output says why.

: "${ROLESWAP:=roleswap}"
step_number=0
step_total=0        # set by the runbook
operation=''        # id of the report
forward_only=no     # after the point of no return nothing is undone
failures=0          # steps that failed after the point of no return
undo_steps=()       # "NAME|COMMAND", oldest first
child=''            # the command that `live` waits for
dry_run=no
json=no
output=$(mktemp) || exit 1
# 3 is for the progress of a step, whose own output is kept; 4 and 5 are for the last words, which
# a signal may ask for while the output goes to the file of a step.
exec 3>&2 4>&1 5>&2

now_ms() { local t=${EPOCHREALTIME/[.,]/}; echo $((t / 1000)); }
started_ms=$(now_ms)

# One line of text for people, or nothing with --json.
say() { [ "$json" = yes ] || printf '%s\n' "$*"; }

# quote TEXT: as a JSON string.
quote() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    printf '"%s"' "${text//[$'\001'-$'\037']/ }"
}

# tell STEP STATE MS DETAIL: one JSON line per step, for programs.
tell() {
    [ "$json" = yes ] || return 0
    printf '{"step":%s,"state":%s,"took_ms":%d,"detail":%s}\n' \
        "$(quote "$1")" "$(quote "$2")" "$3" "$(quote "$4")"
}

# note STEP STATE [DETAIL]: into the report.  The report is not worth failing a swap, but who reads
# it must know that something is missing.
note() {
    local problem
    [ -n "$operation" ] || return 0
    problem=$("$ROLESWAP" operation step "$operation" "$1" "$2" ${3:+--detail "$3"} 2>&1 >/dev/null) ||
        printf '        the report lacks "%s %s": %s\n' "$1" "$2" "${problem##*$'\n'}" >&2
}

# line STATE: the line of the present step, on a terminal over its first form.
line() {
    [ "$json" = yes ] && return 0
    local dots
    dots=$(printf '%*s' $((34 - ${#title} > 2 ? 34 - ${#title} : 2)) '')
    [ -t 1 ] && printf '\r\033[K'
    printf '[%2d/%2d] %s %s %s' "$step_number" "$step_total" "$title" "${dots// /.}" "$1"
}

# step NAME "TITLE" COMMAND...: carries out one step and shows how long it took.  Its last line of
# output is the detail in the report.
step() {
    local name=$1 title=$2 begin took code=0 detail state text
    shift 2
    step_number=$((step_number + 1))
    if [ "$dry_run" = yes ]; then
        say "$(printf '[%2d/%2d] %s: %s' "$step_number" "$step_total" "$title" "$*")"
        return 0
    fi
    [ -t 1 ] && line ''
    note "$name" start
    begin=$(now_ms)
    "$@" >"$output" 2>&1 || code=$?
    took=$(($(now_ms) - begin))
    detail=$(tail -n 1 "$output")
    case $code in
    0)  state='done' text="ok $took ms" ;;
    77) state='skipped' text="skipped: $detail" ;;
    *)  state='failed' text="FAILED $took ms"
        why="$title: ${detail:-exit code $code}" ;;
    esac
    line "$text"
    [ "$json" = yes ] || printf '\n'
    [ "$state" != failed ] || say "        ${detail:-exit code $code}"
    tell "$name" "$state" "$took" "$detail"
    [ "$state" = failed ] || code=0
    [ "$state" != skipped ] || state='done'
    note "$name" "$state" "$detail"
    return "$code"
}

# live COMMAND...: for steps that wait long: on a terminal their progress is shown, and a signal ends
# them at once (bash runs traps during `wait`, but not while a command is in the foreground).
live() {
    local code=0
    if [ -t 3 ] && [ "$json" = no ]; then "$@" 2>&3 & else "$@" & fi
    child=$!
    wait "$child" || code=$?
    child=''
    return "$code"
}

# undo_with NAME WORDS...: the roleswap command that takes the next step back.
undo_with() {
    local name=$1
    shift
    [ "$dry_run" = yes ] || undo_steps+=("$name|$*")
}

no_way_back() {
    forward_only=yes
    undo_steps=()
}

# Ctrl-C must not part what belongs together: the hand-over and what brings work back.
protect() { trap '' INT TERM HUP; }
unprotect() {
    trap 'why="stopped by a signal"; exit 130' INT
    trap 'why="stopped by a signal"; exit 143' TERM HUP
}

# onward NAME "TITLE" COMMAND...: a step after the point of no return: a failure is told at the end.
onward() { step "$@" || failures=$((failures + 1)); }

begin_operation() {
    operation=$("$ROLESWAP" operation begin --kind "$1" --owner-pid $$) || return
    # A command that outlives this shell must not stop anything once the operation is over.
    export ROLESWAP_OPERATION="$operation"
}

undo_all() {
    local index name
    [ ${#undo_steps[@]} -eq 0 ] || say 'Undoing what was done:'
    for ((index = ${#undo_steps[@]} - 1; index >= 0; index--)); do
        name=${undo_steps[index]%%|*}
        # Words without blanks inside, of the runbooks themselves.
        # shellcheck disable=SC2086
        if "$ROLESWAP" ${undo_steps[index]#*|} >/dev/null 2>"$output"; then
            say "        $name: undone"
            tell "$name" undone 0 ''
            note "$name" undone
        else
            say "        $name: NOT undone: $(tail -n 1 "$output")"
            tell "$name" not_undone 0 "$(tail -n 1 "$output")"
        fi
    done
    undo_steps=()
}

# The last words, whatever ended the runbook: exit code 0 only when all steps were done.
finish() {
    local code=$? result='done' took
    protect
    trap - EXIT
    exec 1>&4 2>&5
    [ -z "$child" ] || kill "$child"
    if [ "$dry_run" = no ]; then
        if [ "$forward_only" = no ] && [ "$code" -ne 0 ]; then
            undo_all
            result=undone
        elif [ "$code" -ne 0 ] || [ "$failures" -gt 0 ]; then
            result=failed
            [ "$code" -ne 0 ] || code=1
        fi
        [ -z "$operation" ] || "$ROLESWAP" operation end "$operation" "$result" \
            ${why:+--why "$why"} >/dev/null 2>"$output" || say "The report stays open: $(cat "$output")"
        took=$(($(now_ms) - started_ms))
        closing "$result" "$took"
        [ "$json" = no ] || printf '{"result":"%s","operation":%s,"took_ms":%d,"why":%s}\n' \
            "$result" "$(quote "$operation")" "$took" "$(quote "${why:-}")"
    fi
    rm -f "$output"
    exit "$code"
}

# quit CODE: before the first step; nothing to undo, nothing to report.
quit() {
    trap - EXIT
    rm -f "$output"
    exit "$1"
}

why=''
closing() { :; } # replaced by the runbook: closing RESULT MS
trap finish EXIT
unprotect

# hooks NAME: the site's own steps, in the order of their names.
hooks() {
    local hook found=no
    for hook in "${ROLESWAP_HOOKS:=/etc/roleswap/hooks}/$1.d"/*; do
        if [ ! -x "$hook" ] || [ -d "$hook" ]; then continue; fi
        found=yes
        "$hook" 3>&- 4>&- 5>&- || { echo "$hook ended with exit code $?"; return 1; }
    done
    [ "$found" = yes ] || { echo 'there are none'; return 77; }
}
