# shellcheck shell=bash
# The case of the ordinary lab with twenty deaths; the commands are slower, so that the loops last.
EACH_KILLS=${EACH_KILLS:-20} EACH_PACE=${EACH_PACE:-0.4}
# shellcheck source=/dev/null
source "$LAB_HOME/cases/an-each-loop-repeats-nothing-when-masters-die.sh"
