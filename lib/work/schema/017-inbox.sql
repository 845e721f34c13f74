-- A request costs what its row costs, and a run's row has an entry in each of five indexes, on both
-- nodes.  So single requests are noted in a table that has none, and the engine makes runs of them,
-- many in one statement.
CREATE TABLE roleswap.request (
    id bigint NOT NULL,
    task text NOT NULL,
    queue text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    priority smallint NOT NULL,
    payload jsonb,
    not_before timestamptz
) WITH (vacuum_truncate = off, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE roleswap.request IS 'Runs that applications have asked for and that the engine has not put into the table "run" yet; see the view all_runs';
COMMENT ON COLUMN roleswap.request.id IS 'The number of the run';
COMMENT ON COLUMN roleswap.request.task IS 'Its task';
COMMENT ON COLUMN roleswap.request.queue IS 'Queue of the task when the run was asked for';
COMMENT ON COLUMN roleswap.request.at IS 'The time of the request, which becomes the due time';
COMMENT ON COLUMN roleswap.request.priority IS 'As asked for, or that of the task then; -100 to 100';
COMMENT ON COLUMN roleswap.request.payload IS 'What the application gave it';
COMMENT ON COLUMN roleswap.request.not_before IS 'The run waits until then';

CREATE VIEW roleswap.all_runs AS
    SELECT r.* FROM roleswap.run AS r
    UNION ALL
    SELECT q.id, q.task, q.at, 'enqueued'::roleswap.run_cause, q.queue, 'queued'::roleswap.run_state,
           (SELECT m.epoch FROM roleswap.term AS m), NULL, NULL, 1, 0, q.not_before, q.at, NULL, NULL,
           NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, q.priority, q.payload, false, NULL, NULL,
           false, NULL, NULL, NULL, NULL, NULL
    FROM roleswap.request AS q;
COMMENT ON VIEW roleswap.all_runs IS 'The runs, and what was asked for and will be one in a moment';

-- A due time is taken where two requests of a task came in the same microsecond: the later one takes
-- the next.
CREATE FUNCTION roleswap.make_runs(places tid[]) RETURNS integer LANGUAGE plpgsql AS $function$
DECLARE
    late record;
BEGIN
    FOR late IN
        WITH taken AS (
            DELETE FROM roleswap.request AS q WHERE q.ctid = ANY (places) RETURNING q.*
        ), made AS (
            INSERT INTO roleswap.run AS r (id, task, due, cause, queue, state, epoch, priority, payload,
                                           not_before, created_at, ended_at, why, over)
            OVERRIDING SYSTEM VALUE
            SELECT q.id, q.task, q.at, 'enqueued', q.queue,
                   CASE WHEN t.name IS NULL THEN 'skipped' ELSE 'queued' END, m.epoch, q.priority,
                   q.payload, q.not_before, q.at, CASE WHEN t.name IS NULL THEN clock_timestamp() END,
                   CASE WHEN t.name IS NULL THEN 'its task was removed' ELSE '' END, t.name IS NULL
            FROM taken AS q CROSS JOIN roleswap.term AS m LEFT JOIN roleswap.task AS t ON t.name = q.task
            ON CONFLICT DO NOTHING RETURNING r.id
        )
        SELECT q.* FROM taken AS q WHERE NOT EXISTS (SELECT FROM made AS m WHERE m.id = q.id)
    LOOP
        PERFORM roleswap.put_run(late.id, late.task, late.queue, late.payload, late.priority, late.not_before);
    END LOOP;
    RETURN cardinality(places);
END $function$;
COMMENT ON FUNCTION roleswap.make_runs(tid[]) IS 'Makes runs of the requests in these places of the table; answers how many';

-- It moves what is there already.  So its commit need not wait for the peer: that of the first start
-- among these runs does, and is behind it in the log.
CREATE FUNCTION roleswap.admit(wanted bigint, hungry text[], most integer, most_of_others integer)
RETURNS TABLE (of_hungry integer, of_others integer) LANGUAGE plpgsql AS $function$
BEGIN
    of_hungry := 0;
    of_others := 0;
    IF EXISTS (SELECT FROM roleswap.request) THEN
        PERFORM roleswap.check_epoch(wanted);
        PERFORM set_config('synchronous_commit', 'off', true);
        -- A due time may be in an open transaction of an application: the next look tries again.
        PERFORM set_config('lock_timeout', '20ms', true);
        of_hungry := roleswap.make_runs(ARRAY(
            SELECT q.ctid FROM roleswap.request AS q WHERE q.queue = ANY (hungry)
            ORDER BY q.priority DESC, q.id LIMIT most));
        of_others := roleswap.make_runs(ARRAY(
            SELECT q.ctid FROM roleswap.request AS q WHERE q.queue <> ALL (hungry)
            ORDER BY q.priority DESC, q.id LIMIT most_of_others));
    END IF;
    RETURN NEXT;
END $function$;
COMMENT ON FUNCTION roleswap.admit(bigint, text[], integer, integer) IS 'Makes runs of at most so many requests for the queues that are hungry, and of so many for the others, those of the highest priority first; answers how many of each. Raises RS001 unless the epoch is the current one';

CREATE FUNCTION roleswap.admit_all(one bigint DEFAULT NULL, whose text[] DEFAULT NULL)
RETURNS integer LANGUAGE sql AS $function$
    SELECT roleswap.make_runs(ARRAY(
        SELECT q.ctid FROM roleswap.request AS q
        WHERE (one IS NULL OR q.id = one) AND (whose IS NULL OR q.task = ANY (whose))))
$function$;
COMMENT ON FUNCTION roleswap.admit_all(bigint, text[]) IS 'Makes runs of all requests, or of the one with that number, or of those for these tasks; answers how many';

-- As in version 16, but for the table.
CREATE OR REPLACE FUNCTION roleswap.enqueue(task text, payload jsonb DEFAULT NULL, key text DEFAULT NULL,
                                            priority integer DEFAULT NULL, not_before timestamptz DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $function$
DECLARE
    number bigint := pg_catalog.nextval('roleswap.run_id_seq');
BEGIN
    IF payload IS NOT NULL OR priority IS NOT NULL OR key IS NOT NULL THEN
        PERFORM roleswap.check_request(task, payload, coalesce(priority, 0));
    END IF;
    IF key IS NOT NULL OR not_before IS NOT NULL THEN
        PERFORM roleswap.check_limits(key, not_before);
    END IF;
    IF key IS NOT NULL THEN
        INSERT INTO roleswap.enqueue_key (task, key, run) VALUES (task, key, number)
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            SELECT k.run INTO number FROM roleswap.enqueue_key AS k
            WHERE k.task OPERATOR(pg_catalog.=) enqueue.task AND k.key OPERATOR(pg_catalog.=) enqueue.key;
            RETURN number;
        END IF;
    END IF;
    LOOP
        INSERT INTO roleswap.request (id, task, queue, priority, payload, not_before)
        SELECT number, t.name, t.queue, coalesce(enqueue.priority, t.priority), enqueue.payload, enqueue.not_before
        FROM roleswap.task AS t WHERE t.name OPERATOR(pg_catalog.=) enqueue.task AND NOT t.spare;
        EXIT WHEN FOUND;
        PERFORM roleswap.check_request(task, payload, 0); -- says why not, or it came to be meanwhile
    END LOOP;
    IF pg_catalog.pg_sequence_last_value('roleswap.wake') OPERATOR(pg_catalog.=) 1 THEN
        PERFORM pg_catalog.pg_notify('roleswap_run', '');
    END IF;
    RETURN number;
END $function$;

-- As in version 2, but for one case: the old master made a run of a request that this node has, too,
-- and had not started it.
CREATE OR REPLACE FUNCTION roleswap.add_history(holder text, lines jsonb) RETURNS bigint LANGUAGE sql AS $function$
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
                OR n.state = 'queued' AND (n.content ->> 'attempt')::integer = 1
                   AND n.content ->> 'started_at' IS NULL
                   AND EXISTS (SELECT FROM roleswap.run AS r
                                                  WHERE r.task = n.task AND r.due = n.due)
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

REVOKE ALL ON FUNCTION roleswap.make_runs(tid[]), roleswap.admit(bigint, text[], integer, integer),
    roleswap.admit_all(bigint, text[]) FROM PUBLIC;
