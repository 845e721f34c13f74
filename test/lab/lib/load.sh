# shellcheck shell=bash
# Loads the lab's functions.  The caller has set LAB_HOME to the folder test/lab.

# The clock of `say` starts here.
STARTED_US=${EPOCHREALTIME/[.,]/}
LAB=
LAB_ID=rsl$$
for part in say net host pair kinds writer faults crontabs proof alive cuts; do
    # shellcheck source=/dev/null
    source "$LAB_HOME/lib/$part.sh"
done
unset part
