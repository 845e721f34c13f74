-- Many runs at a time: applications enqueue, the engine claims and ends in batches.  What changes
-- with a claim is in no index, so that a claim touches the row's own page alone (README.HOT of
-- PostgreSQL); the free part of each page is for that.  Of a row there are three versions until the first
-- is pruned, so two thirds of a page are free; the table is not larger for it, because else the later
-- versions would go to pages of their own.
ALTER TABLE roleswap.run
    ADD COLUMN priority smallint NOT NULL DEFAULT 0,
    ADD COLUMN payload jsonb,
    ADD COLUMN over boolean NOT NULL GENERATED ALWAYS AS (state NOT IN ('queued', 'running')) STORED,
    DROP CONSTRAINT run_cause_check,
    ADD CONSTRAINT run_cause_check CHECK (cause IN ('due', 'manual', 'reboot', 'enqueued')),
    SET (fillfactor = 35);
COMMENT ON COLUMN roleswap.run.cause IS 'due: its schedule; manual: an operator; reboot: the pair was booted; enqueued: an application';
COMMENT ON COLUMN roleswap.run.due IS 'The due time; of a manual or enqueued run the time of the request';
COMMENT ON COLUMN roleswap.run.priority IS 'Waiting runs of a queue start in the order of this, highest first, then of their due times; -100 to 100';
COMMENT ON COLUMN roleswap.run.payload IS 'What the application gave it; the run finds it in ROLESWAP_PAYLOAD and on standard input';
COMMENT ON COLUMN roleswap.run.over IS 'Neither queued nor running';
DROP INDEX roleswap.run_open;
DROP INDEX roleswap.run_ended;
CREATE INDEX run_open ON roleswap.run (queue, priority DESC, due, id) WHERE NOT over;
CREATE INDEX run_later ON roleswap.run (not_before) WHERE NOT over AND not_before IS NOT NULL;
CREATE INDEX run_due ON roleswap.run USING brin (due) WITH (pages_per_range = 32, autosummarize = on);

-- Binary fractions of a second are exact to the microsecond for some centuries, and much cheaper than
-- numeric.  In plpgsql the plan is kept; the two settings keep it right while the statistics of a growing table are behind.
CREATE FUNCTION roleswap.queued_runs(queues text[], passed_over text[], room integer)
RETURNS TABLE (id bigint, task text, queue text, due_us bigint, attempt integer,
               retries_used integer, not_before_us bigint, priority smallint)
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_sort = off AS $function$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT r.id, r.task, r.queue, round(date_part('epoch', r.due) * 1e6)::bigint, r.attempt,
           r.retries_used, round(date_part('epoch', r.not_before) * 1e6)::bigint, r.priority
    FROM unnest(queues) AS q(name) CROSS JOIN LATERAL (
        SELECT * FROM roleswap.run AS o
        WHERE NOT o.over AND o.queue = q.name AND o.state = 'queued'
          AND (o.not_before IS NULL OR o.not_before <= now()) AND o.task <> ALL (passed_over)
        ORDER BY o.priority DESC, o.due, o.id LIMIT room) AS r
    UNION ALL (
        SELECT l.id, l.task, l.queue, round(date_part('epoch', l.due) * 1e6)::bigint, l.attempt,
               l.retries_used, round(date_part('epoch', l.not_before) * 1e6)::bigint, l.priority
        FROM roleswap.run AS l
        WHERE NOT l.over AND l.not_before > now() AND l.state = 'queued'
        ORDER BY l.not_before LIMIT room);
END $function$;
COMMENT ON FUNCTION roleswap.queued_runs(text[], text[], integer) IS 'The first waiting runs of each given queue, but for those of the tasks passed over, and those that wait for a time; at most so many of each kind';

CREATE TABLE roleswap.wake (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    asleep boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE roleswap.wake IS 'Whether the engine wants to be woken; one row';
COMMENT ON COLUMN roleswap.wake.one IS 'Keeps the table at one row';
COMMENT ON COLUMN roleswap.wake.asleep IS 'Who enqueues sends a notification. While the engine is busy nobody does: it would make commits wait for each other';
INSERT INTO roleswap.wake DEFAULT VALUES;

CREATE TABLE roleswap.enqueue_key (
    task text NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    run bigint NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (task, key)
);
COMMENT ON TABLE roleswap.enqueue_key IS 'Keys that applications gave their runs, so that a repeated request makes no second one; kept as long as runs are';
COMMENT ON COLUMN roleswap.enqueue_key.task IS 'The task';
COMMENT ON COLUMN roleswap.enqueue_key.key IS 'What the application chose';
COMMENT ON COLUMN roleswap.enqueue_key.run IS 'Its run';
COMMENT ON COLUMN roleswap.enqueue_key.made_at IS 'When it was given';
CREATE INDEX enqueue_key_age ON roleswap.enqueue_key USING brin (made_at);

-- Called with the search path of its callers below, like the next one.
CREATE FUNCTION roleswap.check_request(task text, payload jsonb, priority integer) RETURNS text
LANGUAGE plpgsql STABLE AS $function$
DECLARE
    found record;
BEGIN
    IF octet_length(payload::text) > 65536 THEN
        RAISE EXCEPTION 'the payload has % bytes; allowed: up to 65536', octet_length(payload::text)
            USING ERRCODE = 'RS002', HINT = 'Keep large data in a table and give its key.';
    ELSIF priority IS NULL OR priority NOT BETWEEN -100 AND 100 THEN
        RAISE EXCEPTION 'priority is %; allowed: -100 to 100', priority USING ERRCODE = 'RS002';
    END IF;
    SELECT t.queue, t.definition ->> 'backup_of' AS primary_name INTO found
    FROM roleswap.task AS t WHERE t.name = check_request.task;
    IF found.queue IS NULL THEN
        RAISE EXCEPTION 'there is no task "%"', task
            USING ERRCODE = 'RS002', HINT = 'See "roleswap task list".';
    ELSIF found.primary_name <> '' THEN
        RAISE EXCEPTION 'task "%" is a backup task: it has no runs', task
            USING ERRCODE = 'RS002', HINT = format('Ask for a run of "%s", its primary.', found.primary_name);
    END IF;
    RETURN found.queue;
END $function$;
COMMENT ON FUNCTION roleswap.check_request(text, jsonb, integer) IS 'Raises RS002 for a request that cannot be; answers the queue of the task';

-- The due time tells runs of a task apart.  Two requests in one microsecond are rare: the later one
-- takes the next.
CREATE FUNCTION roleswap.put_run(number bigint, its_task text, its_queue text, its_payload jsonb,
                                 its_priority integer, its_time timestamptz)
RETURNS void LANGUAGE plpgsql AS $function$
BEGIN
    LOOP
        INSERT INTO roleswap.run (id, task, due, cause, queue, state, epoch, priority, payload, not_before)
        OVERRIDING SYSTEM VALUE
        VALUES (number, its_task, clock_timestamp(), 'enqueued', its_queue, 'queued',
                (SELECT epoch FROM roleswap.term), its_priority, its_payload, its_time)
        ON CONFLICT DO NOTHING;
        EXIT WHEN FOUND;
    END LOOP;
END $function$;
COMMENT ON FUNCTION roleswap.put_run(bigint, text, text, jsonb, integer, timestamptz) IS 'Makes one run that an application asked for';

CREATE FUNCTION roleswap.enqueue(task text, payload jsonb DEFAULT NULL, key text DEFAULT NULL,
                                 priority integer DEFAULT 0, not_before timestamptz DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    number bigint := nextval('roleswap.run_id_seq');
    its record;
BEGIN
    SELECT t.queue, m.epoch, w.asleep INTO its
    FROM roleswap.task AS t, roleswap.term AS m, roleswap.wake AS w
    WHERE t.name = enqueue.task AND coalesce(t.definition ->> 'backup_of', '') = '';
    IF its.queue IS NULL OR payload IS NOT NULL OR priority IS DISTINCT FROM 0 THEN
        PERFORM roleswap.check_request(task, payload, priority);
    END IF;
    IF key IS NOT NULL THEN
        INSERT INTO roleswap.enqueue_key (task, key, run) VALUES (task, key, number)
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            SELECT k.run INTO number FROM roleswap.enqueue_key AS k
            WHERE k.task = enqueue.task AND k.key = enqueue.key;
            RETURN number;
        END IF;
    END IF;
    INSERT INTO roleswap.run (id, task, due, cause, queue, state, epoch, priority, payload, not_before)
    OVERRIDING SYSTEM VALUE
    VALUES (number, task, clock_timestamp(), 'enqueued', its.queue, 'queued', its.epoch, priority,
            payload, not_before)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        PERFORM roleswap.put_run(number, task, its.queue, payload, priority, not_before);
    END IF;
    IF its.asleep THEN
        PERFORM pg_notify('roleswap_run', '');
    END IF;
    RETURN number;
END $function$;
COMMENT ON FUNCTION roleswap.enqueue(text, jsonb, text, integer, timestamptz) IS 'Asks for a run of the task and answers its number. The run exists once the transaction is committed. A request with a key that the task had before answers the run of then and makes none';

CREATE FUNCTION roleswap.enqueue_many(task text, payloads jsonb[], priority integer DEFAULT 0,
                                      not_before timestamptz DEFAULT NULL)
RETURNS SETOF bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    its_queue CONSTANT text := roleswap.check_request(task, NULL, priority);
    largest CONSTANT integer := (SELECT max(octet_length(p::text)) FROM unnest(payloads) AS p);
    numbers bigint[];
    begun timestamptz;
BEGIN
    IF largest > 65536 THEN
        RAISE EXCEPTION 'a payload has % bytes; allowed: up to 65536', largest
            USING ERRCODE = 'RS002', HINT = 'Keep large data in a table and give its key.';
    END IF;
    -- Two lists of one task at once would want the same due times, each some of the other's.
    PERFORM pg_advisory_xact_lock(hashtextextended('roleswap.enqueue_many ' || task, 0));
    begun := greatest(clock_timestamp(), (SELECT max(r.due) + interval '1 us' FROM roleswap.run AS r
                                          WHERE r.task = enqueue_many.task));
    numbers := ARRAY(SELECT nextval('roleswap.run_id_seq') FROM generate_subscripts(payloads, 1));
    BEGIN
        INSERT INTO roleswap.run (id, task, due, cause, queue, state, epoch, priority, payload, not_before)
        OVERRIDING SYSTEM VALUE
        SELECT p.number, enqueue_many.task, begun + p.place * interval '1 us', 'enqueued', its_queue,
               'queued', m.epoch, enqueue_many.priority, p.payload, enqueue_many.not_before
        FROM unnest(numbers, payloads) WITH ORDINALITY AS p(number, payload, place), roleswap.term AS m
        ORDER BY p.place;
    EXCEPTION WHEN unique_violation THEN -- a single request took one of these microseconds
        PERFORM roleswap.put_run(p.number, task, its_queue, p.payload, priority, not_before)
        FROM unnest(numbers, payloads) AS p(number, payload);
    END;
    IF (SELECT asleep FROM roleswap.wake) THEN
        PERFORM pg_notify('roleswap_run', '');
    END IF;
    RETURN QUERY SELECT unnest(numbers);
END $function$;
COMMENT ON FUNCTION roleswap.enqueue_many(text, jsonb[], integer, timestamptz) IS 'Asks for one run of the task for each payload, NULL ones too, all or none; answers their numbers';

-- As in version 4: nothing is open to all.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA roleswap FROM PUBLIC;
GRANT EXECUTE ON FUNCTION roleswap.enqueue(text, jsonb, text, integer, timestamptz),
    roleswap.enqueue_many(text, jsonb[], integer, timestamptz) TO roleswap_app;

-- What was enqueued and still waited belongs to the server history of a lost master, too: accepted,
-- it waits here.
CREATE OR REPLACE FUNCTION roleswap.accept_history(wanted bigint[], decider text, present_epoch bigint)
RETURNS TABLE (history bigint, run bigint) LANGUAGE sql AS $function$
    WITH chosen AS (
        SELECT DISTINCT ON (h.task, h.due) h.id, h.node, h.task, h.due, r.*
        FROM roleswap.server_history AS h,
             jsonb_to_record(h.row_data) AS r(cause text, queue text, state text, attempt integer,
                 retries_used integer, created_at timestamptz, started_at timestamptz,
                 ended_at timestamptz, duration_ms bigint, exit_code integer, signal integer,
                 output_tail text, output_bytes bigint, cpu_ms bigint, peak_memory_kib bigint,
                 priority smallint, payload jsonb, not_before timestamptz)
        WHERE h.id = ANY (wanted) AND h.kind = 'run' AND h.state = 'undecided'
        ORDER BY h.task, h.due, h.epoch DESC
    ), put AS (
        INSERT INTO roleswap.run AS mine (task, due, cause, queue, state, epoch, node, attempt,
            retries_used, created_at, started_at, ended_at, duration_ms, exit_code, signal, why,
            output_tail, output_bytes, cpu_ms, peak_memory_kib, priority, payload, not_before)
        SELECT task, due, cause, queue, state, present_epoch, node, attempt, retries_used,
               created_at, started_at, ended_at, duration_ms, exit_code, signal,
               format('accepted by %s from server history %s', decider, id),
               output_tail, output_bytes, cpu_ms, peak_memory_kib, coalesce(priority, 0), payload,
               not_before
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
