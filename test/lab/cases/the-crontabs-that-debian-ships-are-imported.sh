# shellcheck shell=bash
# /etc/crontab and /etc/cron.d as the packages of this machine left them, imported when the pair was
# made: each line is a task with its schedule, user, command and PATH, one of them runs as it shall,
# and to import them again changes nothing.
leader=$(master)
shipped_lines "$leader" | sort >"$LAB/lines"
sql "$leader" "select definition ->> 'schedule' || e'\t' || (definition ->> 'user') || e'\t' ||
    (definition ->> 'command') from roleswap.task
    where definition ->> 'command' not like '/usr/local/bin/lab-%' and name not like 'lab-%'" | sort >"$LAB/tasks"
diff "$LAB/lines" "$LAB/tasks" >&2 || fail 'tasks differ from the lines of the crontabs'
say "$(wc -l <"$LAB/lines") lines of $(shipped_crontabs "$leader" | wc -l) crontabs"

hourly=$(sql "$leader" "select name from roleswap.task where definition ->> 'command' like '%cron.hourly%'")
[[ -n $hourly ]] || fail 'no task runs /etc/cron.hourly'
expect_equal "$(in_host "$leader" sed -n 's/^PATH=//p' /etc/crontab)" \
    "$(rs "$leader" task show "$hourly" --json | jq -r '.task.environment.PATH')" "PATH of $hourly"
printf '#!/bin/sh\nid -un >/run/lab-hourly\n' >"$LAB/$leader/root/etc/cron.hourly/lab"
chmod 0755 "$LAB/$leader/root/etc/cron.hourly/lab"
rs "$leader" task run "$hourly" >/dev/null
wait_for 20 "$hourly runs what is in /etc/cron.hourly" in_host "$leader" test -s /run/lab-hourly
expect_equal root "$(in_host "$leader" cat /run/lab-hourly)" "user of $hourly"
rm "$LAB/$leader/root/etc/cron.hourly/lab"

again=$(import_shipped "$leader" --json)
expect_equal "0 0 $(wc -l <"$LAB/lines")" \
    "$(jq -r '"\(.added | length) \(.changed | length) \(.same)"' <<<"$again")" 'a second import'
