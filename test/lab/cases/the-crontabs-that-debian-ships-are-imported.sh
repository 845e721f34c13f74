# shellcheck shell=bash
# /etc/crontab and /etc/cron.d as the packages of this machine left them: all lines become tasks, one
# of them runs, and nothing needs a mail program.
leader=$(master)
mapfile -t tabs < <(in_host "$leader" find /etc/crontab /etc/cron.d -type f ! -name '.*' | sort)
lines=$(in_host "$leader" cat "${tabs[@]}" | grep -cE '^[0-9*@]')
before=$(rs "$leader" task list --json | jq '.tasks | length')
rs "$leader" import crontab --system "${tabs[@]}" >"$LAB/import" 2>&1 ||
    fail "the import: $(tail -n 5 "$LAB/import")"
after=$(rs "$leader" task list --json | jq '.tasks | length')
expect_equal "$lines" "$((after - before))" "tasks made of the lines in ${tabs[*]} ($(cat "$LAB/import"))"
hourly=
for name in $(rs "$leader" task list --json | jq -r '.tasks[].name'); do
    command=$(rs "$leader" task show "$name" --json | jq -r '.task.command')
    [[ $command != *cron.hourly* ]] || hourly=$name
done
[[ -n $hourly ]] || fail 'no task runs /etc/cron.hourly'
rs "$leader" task run "$hourly" >/dev/null
wait_for 20 "$hourly ran" ran_once "$hourly"
for name in $(rs "$leader" task list --json | jq -r '.tasks[].name | select(startswith("lab-") | not)'); do
    rs "$leader" task remove "$name" >/dev/null
done
