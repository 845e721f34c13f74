-- One request costs what its statement sets up: a CHECK and a generated column are parsed anew by
-- each statement that writes the table, and each table that is read takes locks of its own.
-- Domains are compiled once in a session, and what they allow was checked until now.
CREATE DOMAIN roleswap.run_state AS text;
CREATE DOMAIN roleswap.run_cause AS text;
CREATE DOMAIN roleswap.run_wait AS timestamptz;
COMMENT ON DOMAIN roleswap.run_state IS 'States of a run';
COMMENT ON DOMAIN roleswap.run_cause IS 'Why a run was made';
COMMENT ON DOMAIN roleswap.run_wait IS 'A time that the engine can count. Not the type of the column, whose index would be built anew: the requests are checked, and what comes from another store takes this type on its way';

-- In this order no table and no index is written anew, however many runs there are: the domains get
-- their limits last.
ALTER TABLE roleswap.run ALTER COLUMN over DROP EXPRESSION;
ALTER TABLE roleswap.run
    ALTER COLUMN over SET DEFAULT false,
    DROP CONSTRAINT run_state_check,
    DROP CONSTRAINT run_cause_check,
    DROP CONSTRAINT run_not_before_check,
    ALTER COLUMN state TYPE roleswap.run_state,
    ALTER COLUMN cause TYPE roleswap.run_cause;
ALTER DOMAIN roleswap.run_state ADD CONSTRAINT run_state_check CHECK (VALUE IN
    ('queued', 'running', 'ok', 'failed', 'timeout', 'killed', 'interrupted', 'skipped', 'held')) NOT VALID;
ALTER DOMAIN roleswap.run_cause ADD CONSTRAINT run_cause_check CHECK (VALUE IN
    ('due', 'manual', 'reboot', 'enqueued', 'after', 'again')) NOT VALID;
ALTER DOMAIN roleswap.run_wait ADD CONSTRAINT run_wait_check
    CHECK (VALUE >= '1970-01-01 00:00+00' AND VALUE < '2200-01-01 00:00+00');
COMMENT ON COLUMN roleswap.run.over IS 'Neither queued nor running; true of held runs, too. Who writes the state writes this';

CREATE FUNCTION roleswap.wrong_over() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    RAISE EXCEPTION 'run % is % and over is %', NEW.id, NEW.state, NEW.over
        USING ERRCODE = 'check_violation', HINT = 'Who writes the state of a run writes "over", too.';
END $function$;
COMMENT ON FUNCTION roleswap.wrong_over() IS 'Refuses a change after which "over" does not fit the state';
REVOKE ALL ON FUNCTION roleswap.wrong_over() FROM PUBLIC;
CREATE TRIGGER run_over AFTER UPDATE OF state, over ON roleswap.run
    FOR EACH ROW WHEN (NEW.over = (NEW.state IN ('queued', 'running'))) EXECUTE FUNCTION roleswap.wrong_over();

ALTER TABLE roleswap.task ADD COLUMN spare boolean NOT NULL
    GENERATED ALWAYS AS (coalesce(definition ->> 'backup_of', '') <> '') STORED;
COMMENT ON COLUMN roleswap.task.spare IS 'A backup task, which has no runs; from the definition';

-- Read as it is at that moment, and by a plain call; a row of a table takes a plan and a snapshot.
DROP TABLE roleswap.wake;
CREATE SEQUENCE roleswap.wake MINVALUE 0 MAXVALUE 1;
SELECT setval('roleswap.wake', 1);
COMMENT ON SEQUENCE roleswap.wake IS 'Its last value is 1 where the engine wants to be woken: who enqueues sends a notification. While the engine is busy it is 0 and nobody does: it would make commits wait for each other';

-- As in version 15, but for what changed above.
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
    INSERT INTO roleswap.run (id, task, due, cause, queue, state, epoch, priority, payload, not_before)
    OVERRIDING SYSTEM VALUE
    SELECT number, t.name, pg_catalog.clock_timestamp(), 'enqueued', t.queue, 'queued', m.epoch,
           coalesce(enqueue.priority, t.priority), enqueue.payload, enqueue.not_before
    FROM roleswap.task AS t, roleswap.term AS m
    WHERE t.name OPERATOR(pg_catalog.=) enqueue.task AND NOT t.spare
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN -- there is no such task, or another run has the very microsecond
        PERFORM roleswap.put_run(number, task, roleswap.check_request(task, payload, 0), payload,
                                 coalesce(priority, (SELECT t.priority FROM roleswap.task AS t
                                     WHERE t.name OPERATOR(pg_catalog.=) enqueue.task)), not_before);
    END IF;
    IF pg_catalog.pg_sequence_last_value('roleswap.wake') OPERATOR(pg_catalog.=) 1 THEN
        PERFORM pg_catalog.pg_notify('roleswap_run', '');
    END IF;
    RETURN number;
END $function$;

CREATE OR REPLACE FUNCTION roleswap.enqueue_many(task text, payloads jsonb[], priority integer DEFAULT NULL,
                                                 not_before timestamptz DEFAULT NULL)
RETURNS SETOF bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    its_queue CONSTANT text := roleswap.check_request(task, NULL, coalesce(priority, 0));
    its_priority CONSTANT integer := coalesce(priority, (SELECT t.priority FROM roleswap.task AS t
                                                         WHERE t.name = enqueue_many.task));
    largest CONSTANT integer := (SELECT max(octet_length(p::text)) FROM unnest(payloads) AS p);
    numbers bigint[];
    begun timestamptz;
BEGIN
    IF largest > 65536 THEN
        RAISE EXCEPTION 'a payload has % bytes; allowed: up to 65536', largest
            USING ERRCODE = 'RS002', HINT = 'Keep large data in a table and give its key.';
    END IF;
    PERFORM roleswap.check_limits(NULL, not_before);
    -- Two lists of one task at once would want the same due times, each some of the other's.
    PERFORM pg_advisory_xact_lock(hashtextextended('roleswap.enqueue_many ' || task, 0));
    begun := greatest(clock_timestamp(), (SELECT max(r.due) + interval '1 us' FROM roleswap.run AS r
                                          WHERE r.task = enqueue_many.task));
    numbers := ARRAY(SELECT nextval('roleswap.run_id_seq') FROM generate_subscripts(payloads, 1));
    BEGIN
        INSERT INTO roleswap.run (id, task, due, cause, queue, state, epoch, priority, payload, not_before)
        OVERRIDING SYSTEM VALUE
        SELECT p.number, enqueue_many.task, begun + p.place * interval '1 us', 'enqueued', its_queue,
               'queued', m.epoch, its_priority, p.payload, enqueue_many.not_before
        FROM unnest(numbers, payloads) WITH ORDINALITY AS p(number, payload, place), roleswap.term AS m
        ORDER BY p.place;
    EXCEPTION WHEN unique_violation THEN -- a single request took one of these microseconds
        PERFORM roleswap.put_run(p.number, task, its_queue, p.payload, its_priority, not_before)
        FROM unnest(numbers, payloads) AS p(number, payload);
    END;
    IF pg_sequence_last_value('roleswap.wake') = 1 THEN
        PERFORM pg_notify('roleswap_run', '');
    END IF;
    RETURN QUERY SELECT unnest(numbers);
END $function$;

-- As in version 13 and 12, and these write "over".
CREATE OR REPLACE FUNCTION roleswap.put_follower(its_task text, its_queue text, its_origin bigint, its_state text, its_why text)
RETURNS bigint LANGUAGE plpgsql AS $function$
DECLARE
    number bigint;
BEGIN
    LOOP
        INSERT INTO roleswap.run (task, due, cause, queue, state, epoch, origin, why, ended_at, over)
        VALUES (its_task, clock_timestamp(), 'after', its_queue, its_state, (SELECT epoch FROM roleswap.term),
                its_origin, its_why, CASE its_state WHEN 'skipped' THEN clock_timestamp() END,
                its_state = 'skipped')
        ON CONFLICT DO NOTHING RETURNING id INTO number;
        EXIT WHEN number IS NOT NULL;
    END LOOP;
    RETURN number;
END $function$;

CREATE OR REPLACE FUNCTION roleswap.see_ends_at_once(ended bigint[]) RETURNS void LANGUAGE plpgsql AS $function$
DECLARE
    alone CONSTANT text[] := ARRAY(
        SELECT a.task FROM roleswap.task_after AS a WHERE a.task IN (
            SELECT f.task FROM unnest(ended) AS u(number)
                CROSS JOIN LATERAL (SELECT * FROM roleswap.run AS o WHERE o.id = u.number LIMIT 1) AS r
                JOIN roleswap.task_after AS f ON f.predecessor = r.task)
        GROUP BY a.task HAVING count(*) = 1);
BEGIN
    UPDATE roleswap.after_end AS e SET waits = false WHERE e.task = ANY (alone) AND e.waits;
    WITH seen AS (
        INSERT INTO roleswap.after_end (task, ended_run, predecessor, state, waits, run)
        SELECT t.name, r.id, r.task, r.state, false,
               CASE WHEN a.which = 'success' OR roleswap.end_counts(a.which, r.state)
               THEN nextval('roleswap.run_id_seq') END
        FROM unnest(ended) AS u(number)
            CROSS JOIN LATERAL (SELECT * FROM roleswap.run AS o WHERE o.id = u.number LIMIT 1) AS r
            JOIN roleswap.task_after AS a ON a.predecessor = r.task AND a.task = ANY (alone)
            JOIN roleswap.task AS t ON t.name = a.task
        WHERE r.state IN ('ok', 'failed', 'timeout', 'killed') AND t.enabled
        ON CONFLICT DO NOTHING RETURNING task, ended_run, predecessor, state, run
    ), begun AS MATERIALIZED (
        SELECT t.name, t.queue, a.which, greatest(clock_timestamp(),
               (SELECT max(o.due) FROM roleswap.run AS o WHERE o.task = t.name)) AS at
        FROM roleswap.task AS t JOIN roleswap.task_after AS a ON a.task = t.name WHERE t.name = ANY (alone)
    )
    INSERT INTO roleswap.run (id, task, due, cause, queue, state, epoch, origin, why, ended_at, over)
    OVERRIDING SYSTEM VALUE
    SELECT s.run, s.task, b.at + row_number() OVER (ORDER BY s.ended_run) * interval '1 us', 'after', b.queue,
           CASE WHEN c.counts THEN 'queued' ELSE 'skipped' END, m.epoch, s.ended_run,
           CASE WHEN c.counts THEN '' ELSE roleswap.not_so(s.predecessor, s.ended_run, s.state, b.which) END,
           CASE WHEN NOT c.counts THEN clock_timestamp() END, NOT c.counts
    FROM roleswap.term AS m, seen AS s JOIN begun AS b ON b.name = s.task
        CROSS JOIN LATERAL roleswap.end_counts(b.which, s.state) AS c(counts)
    WHERE s.run IS NOT NULL;
EXCEPTION WHEN unique_violation THEN -- somebody asked for a run in one of these microseconds
    NULL; -- nothing was done; they are decided one by one
END $function$;

CREATE OR REPLACE FUNCTION roleswap.accept_history(wanted bigint[], decider text, present_epoch bigint)
RETURNS TABLE (history bigint, run bigint) LANGUAGE sql AS $function$
    WITH chosen AS (
        SELECT DISTINCT ON (h.task, h.due) h.id, h.node, h.task, h.due, r.*
        FROM roleswap.server_history AS h,
             jsonb_to_record(h.row_data) AS r(cause text, queue text, state text, attempt integer,
                 retries_used integer, created_at timestamptz, started_at timestamptz,
                 ended_at timestamptz, duration_ms bigint, exit_code integer, signal integer,
                 output_tail text, output_bytes bigint, cpu_ms bigint, peak_memory_kib bigint,
                 priority smallint, payload jsonb, not_before roleswap.run_wait)
        WHERE h.id = ANY (wanted) AND h.kind = 'run' AND h.state = 'undecided'
        ORDER BY h.task, h.due, h.epoch DESC
    ), put AS (
        INSERT INTO roleswap.run AS mine (task, due, cause, queue, state, epoch, node, attempt,
            retries_used, created_at, started_at, ended_at, duration_ms, exit_code, signal, why,
            output_tail, output_bytes, cpu_ms, peak_memory_kib, priority, payload, not_before, over)
        SELECT task, due, cause, queue, state, present_epoch, node, attempt, retries_used,
               created_at, started_at, ended_at, duration_ms, exit_code, signal,
               format('accepted by %s from server history %s', decider, id),
               output_tail, output_bytes, cpu_ms, peak_memory_kib, coalesce(priority, 0), payload,
               not_before, state NOT IN ('queued', 'running')
        FROM chosen
        ON CONFLICT (task, due) DO UPDATE SET state = excluded.state, epoch = excluded.epoch,
            node = excluded.node, batch = NULL, attempt = excluded.attempt, not_before = NULL,
            started_at = excluded.started_at, ended_at = excluded.ended_at,
            duration_ms = excluded.duration_ms, exit_code = excluded.exit_code,
            signal = excluded.signal, why = excluded.why, output_tail = excluded.output_tail,
            output_bytes = excluded.output_bytes, cpu_ms = excluded.cpu_ms,
            peak_memory_kib = excluded.peak_memory_kib, held_since = NULL, released_at = NULL,
            over = excluded.over
        WHERE mine.state IN ('queued', 'skipped', 'interrupted', 'held')
        RETURNING mine.id, mine.task, mine.due
    )
    UPDATE roleswap.server_history AS h
    SET state = 'accepted', decided_at = now(), decided_by = decider
    FROM chosen, put
    WHERE h.id = chosen.id AND put.task = chosen.task AND put.due = chosen.due
    RETURNING h.id, put.id
$function$;
