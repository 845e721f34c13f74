# shellcheck shell=bash
# What takes the place of the steps with --dry-run: they are told, not done.  Sourced by the runbooks
# after runbook.sh, whose functions it replaces.
# shellcheck disable=SC2154 # what is read here is set there

# step NAME "TITLE" COMMAND...: told in the form of a step that was done.
step() {
    local name=$1 title=$2
    shift 2
    step_number=$((step_number + 1))
    say "$(printf '[%2d/%2d] %s: %s' "$step_number" "$step_total" "$title" "$*")"
    tell "$name" planned 0 "$*"
}

# The last object for programs: "planned", or "refused" where the runbook would end before a step.
finish_plan() {
    local code=$? result=planned
    trap - EXIT
    [ "$code" -eq 0 ] || result=refused
    [ "$json" = no ] || printf '{"result":"%s","operation":"","took_ms":%d,"why":%s}\n' \
        "$result" $(($(now_ms) - started_ms)) "$(quote "${why:-}")"
    quit "$code"
}
trap finish_plan EXIT
