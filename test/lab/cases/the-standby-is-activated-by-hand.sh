# shellcheck shell=bash
# Refused while the master lives; with --force and a reason when the operator knows that it is dead.
leader=$(master)
other=$(peer_of "$leader")
code=0
rs "$other" activate >/dev/null 2>&1 || code=$?
expect_equal 3 "$code" 'exit code of an activation while the master lives'
expect_equal "$leader" "$(master)" 'the master'
rs "$other" takeover hold --reason 'the lab tries' >/dev/null
kill_host "$leader"
no_link_is_up() { [[ $(status_of "$other" '[.links[] | select(.state == "up")] | length') == 0 ]]; }
wait_for 10 'the links are dead' no_link_is_up
rs "$other" activate --force --reason 'the lab pulled the plug' >/dev/null
becomes_master "$other"
[[ $(rs "$other" events -n 60) == *'the lab pulled the plug'* ]] || fail 'the reason is not recorded'
rs "$other" takeover release >/dev/null
boot "$leader"
whole 60
