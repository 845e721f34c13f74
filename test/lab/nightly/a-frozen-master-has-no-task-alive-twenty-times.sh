# shellcheck shell=bash
# The case of the ordinary lab, often enough to see the spread.
FROZEN_ROUNDS=${FROZEN_ROUNDS:-20}
# shellcheck source=/dev/null
source "$LAB_HOME/cases/a-frozen-master-has-no-task-alive-when-the-standby-starts.sh"
