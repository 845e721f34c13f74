# shellcheck shell=bash
# Figures, and how they are printed.

median() { sort -n | awk '{ v[NR] = $1 } END {
    if (!NR) exit 1
    printf "%.1f\n", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# repetition BENCH SIDE NUMBER MS: one JSON line.
repetition() { printf '{"bench":"%s","side":"%s","repetition":%d,"ms":%s}\n' "$@"; }

# verdict BENCH MEDIAN LIMIT BAR [DELAY]: the closing line; fails where the bar is missed.  The ratio
# leaves out the delay that is configured and not spent on the work.
verdict() {
    awk -v bench="$1" -v median="$2" -v limit="$3" -v bar="$4" -v delay="${5:-0}" 'BEGIN {
        ok = median <= bar
        ratio = 0
        if (limit > 0) ratio = (median - delay) / limit
        printf "{\"bench\":\"%s\",\"median\":%.1f,\"limit\":%.1f,\"ratio\":%.2f,\"bar\":%.1f,\"ok\":%s}\n",
            bench, median, limit, ratio, bar, ok ? "true" : "false"
        exit !ok }'
}
