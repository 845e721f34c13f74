# shellcheck shell=bash
# lab: agents
# Jobs of 30 s.
AGENT_JOB_S=30
# shellcheck source=test/lab/cases/jobs-of-agents-go-on-when-masters-change.sh
source "$LAB_HOME/cases/jobs-of-agents-go-on-when-masters-change.sh"
