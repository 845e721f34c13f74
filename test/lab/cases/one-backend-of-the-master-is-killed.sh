# shellcheck shell=bash
# kill -9 of the process that serves the writer: PostgreSQL then restarts all of its processes.
leader=$(master)
begin=$(now_us)
backend=$(sql "$leader" "select pid from pg_stat_activity where usename = 'lab' limit 1")
in_host "$leader" kill -KILL "$backend"
whole 60
writes_again
say "backend of $leader killed: writers waited $(gap_ms "$begin") ms; now $(seen_by "$leader")"
