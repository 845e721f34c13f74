# shellcheck shell=bash
# What a case says and asserts.  Sourced by test/lab/run and test/bench/run.

# Prints a line with the seconds since the run began, so that logs of both hosts can be lined up.
say() {
    printf '# %7.2f %s\n' "$(($(now_us) - STARTED_US))e-6" "$*" >&2
}

# Microseconds of the wall clock, without starting a process.
now_us() {
    echo "${EPOCHREALTIME/[.,]/}"
}

# Ends the case.  A case runs in a subshell with `set -e`, so exit 1 ends only that case.
fail() {
    printf '# FAILED: %s\n' "$*" >&2
    local depth
    for ((depth = 1; depth < ${#FUNCNAME[@]}; depth++)); do
        printf '#   at %s:%s in %s\n' "${BASH_SOURCE[depth]##*/}" "${BASH_LINENO[depth - 1]}" \
            "${FUNCNAME[depth]}" >&2
    done
    exit 1
}

# broken_promise WHAT: like fail, for what no busy machine excuses: lost, doubled, different.  Never tried again.
broken_promise() { (fail "$@") || exit 70; }

# skip WHY: the case cannot run here; counted and named, never silent.
skip() {
    printf '# SKIPPED: %s\n' "$*" >&2
    exit 77
}

# expect_equal WANTED GOT WHAT
expect_equal() {
    [[ $1 == "$2" ]] || fail "$3: expected '$1', got '$2'"
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds; its own output is thrown away.
wait_for() {
    local seconds=$1 what=$2 until
    shift 2
    until=$(($(now_us) + seconds * 1000000))
    until "$@" >/dev/null 2>&1; do
        (($(now_us) < until)) || fail "not within $seconds s: $what ($*)"
        sleep 0.05
    done
}

# never_within SECONDS WHAT COMMAND...: the command must go on failing for so long.
never_within() {
    local seconds=$1 what=$2 until
    shift 2
    until=$(($(now_us) + seconds * 1000000))
    while (($(now_us) < until)); do
        if "$@" >/dev/null 2>&1; then fail "must not be: $what ($*)"; fi
        sleep 0.05
    done
}
