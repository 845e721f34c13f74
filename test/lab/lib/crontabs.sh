# shellcheck shell=bash
# The crontabs that the packages of this machine ship.  Each pair of the lab has them as tasks beside
# its own, and the proof counts their due times by a cron of its own, in SQL.

# shipped_crontabs NODE: as the packages left them.
shipped_crontabs() { in_host "$1" find /etc/crontab /etc/cron.d -type f ! -name '.*' | sort; }
# shipped_lines NODE: "schedule, tab, user, tab, command" of each line that is a task.
shipped_lines() {
    local tabs
    mapfile -t tabs < <(shipped_crontabs "$1")
    in_host "$1" cat "${tabs[@]}" | awk '/^[0-9*@]/ {
        fields = $1 ~ /^@/ ? 1 : 5
        schedule = $1
        for (i = 2; i <= fields; i++) schedule = schedule " " $i
        user = $(fields + 1)
        command = $0
        for (i = 0; i <= fields; i++) sub(/^[ \t]*[^ \t]+[ \t]+/, "", command)
        gsub(/\\%/, "%", command)
        print schedule "\t" user "\t" command
    }'
}

# import_shipped NODE [OPTION...]
import_shipped() {
    local tabs
    mapfile -t tabs < <(shipped_crontabs "$1")
    ((${#tabs[@]})) || fail 'this machine has no crontabs; scripts/deps --test brings some'
    rs "$1" import crontab --system "${@:2}" "${tabs[@]}"
}

# Numbers, ranges, steps and lists are all that the shipped ones use; a field of another form matches
# nothing, so that its runs would be found to be too many.
make_cron_functions() {
    sql "$1" "create function lab.in_field(field text, value int) returns boolean
        language sql immutable as \$\$
            select coalesce(bool_or((m[2] is null or value between m[2]::int and coalesce(m[4], m[2])::int)
                and (value - coalesce(m[2]::int, 0)) % coalesce(m[6]::int, 1) = 0), false)
            from regexp_split_to_table(field, ',') part,
                regexp_match(part, '^(\*|(\d+)(-(\d+))?)(/(\d+))?\$') m \$\$;
        create function lab.is_due(schedule text, at timestamp) returns boolean
        language sql immutable as \$\$
            select lab.in_field(f[1], extract(minute from at)::int)
                and lab.in_field(f[2], extract(hour from at)::int)
                and lab.in_field(f[4], extract(month from at)::int)
                and case when f[3] <> '*' and f[5] <> '*' then by_date or by_weekday
                    else by_date and by_weekday end
            from regexp_split_to_array(schedule, '\s+') f,
                lateral (select lab.in_field(f[3], extract(day from at)::int) by_date,
                    lab.in_field(f[5], extract(isodow from at)::int)
                        or lab.in_field(f[5], extract(dow from at)::int) by_weekday) days \$\$;
        create view lab.crontab as
            select name as task, definition ->> 'schedule' as schedule, created_at from roleswap.task
            where definition ->> 'schedule' ~ '^\S+(\s+\S+){4}\$'"
}

# crontabs_ran NODE UNTIL: every due time of each five-field task before that moment has its run,
# which went well, and there is no other.
crontabs_ran() {
    local due="date_trunc('minute', created_at) + interval '1 min', '$2'::timestamptz, interval '1 min'"
    expect_no_rows "$1" 'due times of crontabs without a run' "
        select task, due from lab.crontab c, generate_series($due) due
        where lab.is_due(schedule, due at time zone 'UTC') and not exists
            (select from roleswap.run r where r.task = c.task and r.due = due.due)"
    expect_no_rows "$1" 'runs at times that no crontab names' "
        select task, due from lab.crontab join roleswap.run using (task)
        where cause = 'due' and not lab.is_due(schedule, due at time zone 'UTC')"
    expect_no_rows "$1" 'runs of crontabs that came to a bad end or came twice' "
        select task, due, cause, min(state), min(why), count(*) from lab.crontab
            join roleswap.run using (task)
        group by task, due, cause having count(*) > 1
            or bool_or(not (state = 'ok' or ($(held_in_doubt))))"
}
