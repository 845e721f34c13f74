# shellcheck shell=bash
# The control socket is open to all; what changes something is for root and the group roleswap.
leader=$(master)
in_host "$leader" id -u nobody >/dev/null
in_host_as "$leader" nobody roleswap status >/dev/null || fail 'nobody may not look'
code=0
said=$(in_host_as "$leader" nobody roleswap hand-over 2>&1) || code=$?
expect_equal 5 "$code" "exit code of a hand-over by nobody ($said)"
code=0
said=$(in_host_as "$leader" nobody roleswap swap 2>&1) || code=$?
expect_equal 5 "$code" "exit code of a swap by nobody ($said)"
expect_equal "$leader" "$(master)" 'the master'
in_host "$leader" busctl --address=unix:path=/run/roleswap/ctl introspect \
    org.roleswap1 /org/roleswap1 >"$LAB/introspect"
for method in Status HandOver TaskAdd RunList QueueHold SchedulerStop OperationBegin; do
    grep -q "^\.$method  *method" "$LAB/introspect" || fail "busctl shows no method $method"
done
in_host_as "$leader" nobody busctl --address=unix:path=/run/roleswap/ctl introspect \
    org.roleswap1 /org/roleswap1 | grep -q '^\.Status ' || fail 'nobody may not introspect'
# A member of the group may act.
in_host "$leader" setpriv --reuid nobody --regid roleswap --clear-groups -- \
    roleswap queue hold default --reason 'the lab tries' >/dev/null ||
    fail 'the group roleswap may not act'
rs "$leader" queue release default >/dev/null
