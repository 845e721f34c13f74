-- Server history: what a returning old master had done and the new one does not know.
ALTER TABLE roleswap.server_history
    ADD COLUMN kind text NOT NULL DEFAULT 'run' CHECK (kind IN ('run', 'operation', 'task')),
    ADD COLUMN state text NOT NULL DEFAULT 'undecided'
        CHECK (state IN ('undecided', 'accepted', 'dismissed', 'recorded')),
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN decided_by text,
    DROP CONSTRAINT server_history_node_epoch_task_due_key,
    ADD UNIQUE (node, kind, epoch, task, due);
COMMENT ON TABLE roleswap.server_history IS 'What a returning old master had done and the new master did not know; rows are never removed by themselves';
COMMENT ON COLUMN roleswap.server_history.kind IS 'run; operation and task are only recorded';
COMMENT ON COLUMN roleswap.server_history.task IS 'Task of the run; name of the task; kind and number of the operation';
COMMENT ON COLUMN roleswap.server_history.due IS 'Due time of the run; when the task was changed; when the operation began';
COMMENT ON COLUMN roleswap.server_history.state IS 'undecided: waits for a person; accepted: is in the run table now; dismissed: stays here only; recorded: there is nothing to decide';
COMMENT ON COLUMN roleswap.server_history.decided_at IS 'When it was accepted or dismissed';
COMMENT ON COLUMN roleswap.server_history.decided_by IS 'By whom';
CREATE INDEX server_history_undecided ON roleswap.server_history (task) WHERE state = 'undecided';

-- A line is {"kind","whole","row"}.  With "whole" the sender could not tell what is new, and sends
-- all it has: a run is then taken as known, too, where this store has a later one of its epoch,
-- because what a store has of an epoch is a beginning of it without gaps.
CREATE FUNCTION roleswap.add_history(holder text, lines jsonb) RETURNS bigint LANGUAGE sql AS $function$
    WITH entry AS (
        SELECT line ->> 'kind' AS kind, coalesce((line ->> 'whole')::boolean, false) AS whole,
               line -> 'row' AS content
        FROM jsonb_array_elements(lines) AS line
    ), named AS (
        SELECT kind, whole, content,
               CASE kind WHEN 'run' THEN content ->> 'task' WHEN 'task' THEN content ->> 'name'
                   ELSE format('%s %s', content ->> 'kind', content ->> 'id') END AS task,
               (CASE kind WHEN 'run' THEN content ->> 'due' WHEN 'task' THEN content ->> 'changed_at'
                   ELSE content ->> 'begun_at' END)::timestamptz AS due,
               (CASE kind WHEN 'operation' THEN content ->> 'begun_epoch'
                   ELSE content ->> 'epoch' END)::bigint AS epoch,
               content ->> 'state' AS state, (content ->> 'ended_at')::timestamptz AS ended_at
        FROM entry
    ), added AS (
        INSERT INTO roleswap.server_history (node, kind, epoch, task, due, row_data, state)
        SELECT holder, kind, epoch, task, due, content,
               CASE WHEN kind = 'run' AND state <> 'running' THEN 'undecided' ELSE 'recorded' END
        FROM named AS n
        WHERE NOT (CASE kind
            WHEN 'run' THEN
                EXISTS (SELECT FROM roleswap.run AS r
                        WHERE r.task = n.task AND r.due = n.due AND r.epoch = n.epoch
                          AND r.state = n.state AND r.ended_at IS NOT DISTINCT FROM n.ended_at)
                OR n.whole AND EXISTS (SELECT FROM roleswap.run AS r WHERE r.epoch = n.epoch
                                       AND r.ended_at > n.ended_at + interval '1 hour')
            WHEN 'task' THEN
                EXISTS (SELECT FROM roleswap.task AS t
                        WHERE t.name = n.task AND (t.changed_at >= n.due
                                                   OR t.definition = n.content -> 'definition'))
            ELSE
                EXISTS (SELECT FROM roleswap.operation AS o
                        WHERE o.begun_at = n.due AND o.kind = n.content ->> 'kind'
                          AND o.state = n.state)
            END)
        ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT count(*) FROM added
$function$;
COMMENT ON FUNCTION roleswap.add_history(text, jsonb) IS 'Takes what a returning old master had done; answers how much of it was not known here. Repeating it does no harm';

-- Only where no run of that task and due time has been started here.
CREATE FUNCTION roleswap.accept_history(wanted bigint[], decider text, present_epoch bigint)
RETURNS TABLE (history bigint, run bigint) LANGUAGE sql AS $function$
    WITH chosen AS (
        SELECT DISTINCT ON (h.task, h.due) h.id, h.node, h.task, h.due, r.*
        FROM roleswap.server_history AS h,
             jsonb_to_record(h.row_data) AS r(cause text, queue text, state text, attempt integer,
                 retries_used integer, created_at timestamptz, started_at timestamptz,
                 ended_at timestamptz, duration_ms bigint, exit_code integer, signal integer,
                 output_tail text, output_bytes bigint, cpu_ms bigint, peak_memory_kib bigint)
        WHERE h.id = ANY (wanted) AND h.kind = 'run' AND h.state = 'undecided'
        ORDER BY h.task, h.due, h.epoch DESC
    ), put AS (
        INSERT INTO roleswap.run AS mine (task, due, cause, queue, state, epoch, node, attempt,
            retries_used, created_at, started_at, ended_at, duration_ms, exit_code, signal, why,
            output_tail, output_bytes, cpu_ms, peak_memory_kib)
        SELECT task, due, cause, queue, state, present_epoch, node, attempt, retries_used,
               created_at, started_at, ended_at, duration_ms, exit_code, signal,
               format('accepted by %s from server history %s', decider, id),
               output_tail, output_bytes, cpu_ms, peak_memory_kib
        FROM chosen
        ON CONFLICT (task, due) DO UPDATE SET state = excluded.state, epoch = excluded.epoch,
            node = excluded.node, batch = NULL, attempt = excluded.attempt, not_before = NULL,
            started_at = excluded.started_at, ended_at = excluded.ended_at,
            duration_ms = excluded.duration_ms, exit_code = excluded.exit_code,
            signal = excluded.signal, why = excluded.why, output_tail = excluded.output_tail,
            output_bytes = excluded.output_bytes, cpu_ms = excluded.cpu_ms,
            peak_memory_kib = excluded.peak_memory_kib
        WHERE mine.state IN ('queued', 'skipped', 'interrupted')
        RETURNING mine.id, mine.task, mine.due
    )
    UPDATE roleswap.server_history AS h
    SET state = 'accepted', decided_at = now(), decided_by = decider
    FROM chosen, put
    WHERE h.id = chosen.id AND put.task = chosen.task AND put.due = chosen.due
    RETURNING h.id, put.id
$function$;
COMMENT ON FUNCTION roleswap.accept_history(bigint[], text, bigint) IS 'Makes runs of the server history part of the run table, as ended, where none of that task and due time has been started; answers which';
