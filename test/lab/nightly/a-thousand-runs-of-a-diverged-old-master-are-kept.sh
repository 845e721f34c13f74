# shellcheck shell=bash
# The case of the ordinary lab with as many runs as an hour of work alone leaves.
HISTORY_RUNS=${HISTORY_RUNS:-1000}
# shellcheck source=/dev/null
source "$LAB_HOME/cases/the-runs-of-a-diverged-old-master-are-kept-as-history.sh"
