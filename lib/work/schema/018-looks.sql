-- Due times tell runs of a task apart, and who inserts one that an open transaction has waits for
-- its end.  A list of requests may be open for long.  So lists have odd microseconds, and all that
-- the engine writes has even ones: single requests, schedules (whole seconds), followers, and what
-- a person asks for.
CREATE FUNCTION roleswap.even(moment timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$function$ SELECT pg_catalog.date_bin('2 us', moment, '2000-01-01 00:00:00+00') $function$;
COMMENT ON FUNCTION roleswap.even(timestamptz) IS 'That microsecond, or the one before it where it is an odd one';

CREATE OR REPLACE FUNCTION roleswap.put_run(number bigint, its_task text, its_queue text, its_payload jsonb,
                                            its_priority integer, its_time timestamptz)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    LOOP
        INSERT INTO roleswap.run (id, task, due, cause, queue, state, epoch, priority, payload, not_before)
        OVERRIDING SYSTEM VALUE
        VALUES (number, its_task, roleswap.even(clock_timestamp()) + interval '1 us', 'enqueued', its_queue,
                'queued', (SELECT epoch FROM roleswap.term), its_priority, its_payload, its_time)
        ON CONFLICT (task, due) DO NOTHING;
        EXIT WHEN FOUND;
    END LOOP;
END $function$;
COMMENT ON FUNCTION roleswap.put_run(bigint, text, text, jsonb, integer, timestamptz) IS 'Makes one run of a list that an application asked for, at the next odd microsecond that is free';

-- As in version 16, but for the due times.
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
    begun := roleswap.even(greatest(clock_timestamp(), (SELECT max(r.due) FROM roleswap.run AS r
                                                        WHERE r.task = enqueue_many.task)))
             + interval '1 us';
    numbers := ARRAY(SELECT nextval('roleswap.run_id_seq') FROM generate_subscripts(payloads, 1));
    BEGIN
        INSERT INTO roleswap.run (id, task, due, cause, queue, state, epoch, priority, payload, not_before)
        OVERRIDING SYSTEM VALUE
        SELECT p.number, enqueue_many.task, begun + p.place * interval '2 us', 'enqueued', its_queue,
               'queued', m.epoch, its_priority, p.payload, enqueue_many.not_before
        FROM unnest(numbers, payloads) WITH ORDINALITY AS p(number, payload, place), roleswap.term AS m
        ORDER BY p.place;
    EXCEPTION WHEN unique_violation THEN -- one of these microseconds is taken, as by server history
        PERFORM roleswap.put_run(p.number, task, its_queue, p.payload, its_priority, not_before)
        FROM unnest(numbers, payloads) AS p(number, payload);
    END;
    IF pg_sequence_last_value('roleswap.wake') = 1 THEN
        PERFORM pg_notify('roleswap_run', '');
    END IF;
    RETURN QUERY SELECT unnest(numbers);
END $function$;

CREATE OR REPLACE FUNCTION roleswap.put_follower(its_task text, its_queue text, its_origin bigint, its_state text, its_why text)
RETURNS bigint LANGUAGE plpgsql AS $function$
DECLARE
    number bigint;
BEGIN
    LOOP
        INSERT INTO roleswap.run (task, due, cause, queue, state, epoch, origin, why, ended_at, over)
        VALUES (its_task, roleswap.even(clock_timestamp()), 'after', its_queue, its_state,
                (SELECT epoch FROM roleswap.term), its_origin, its_why,
                CASE its_state WHEN 'skipped' THEN clock_timestamp() END, its_state = 'skipped')
        ON CONFLICT (task, due) DO NOTHING RETURNING id INTO number;
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
        SELECT t.name, t.queue, a.which, roleswap.even(greatest(clock_timestamp(),
               (SELECT max(o.due) FROM roleswap.run AS o WHERE o.task = t.name))) AS at
        FROM roleswap.task AS t JOIN roleswap.task_after AS a ON a.task = t.name WHERE t.name = ANY (alone)
    )
    INSERT INTO roleswap.run (id, task, due, cause, queue, state, epoch, origin, why, ended_at, over)
    OVERRIDING SYSTEM VALUE
    SELECT s.run, s.task, b.at + row_number() OVER (ORDER BY s.ended_run) * interval '2 us', 'after', b.queue,
           CASE WHEN c.counts THEN 'queued' ELSE 'skipped' END, m.epoch, s.ended_run,
           CASE WHEN c.counts THEN '' ELSE roleswap.not_so(s.predecessor, s.ended_run, s.state, b.which) END,
           CASE WHEN NOT c.counts THEN clock_timestamp() END, NOT c.counts
    FROM roleswap.term AS m, seen AS s JOIN begun AS b ON b.name = s.task
        CROSS JOIN LATERAL roleswap.end_counts(b.which, s.state) AS c(counts)
    WHERE s.run IS NOT NULL;
EXCEPTION WHEN unique_violation THEN -- somebody asked for a run in one of these microseconds
    NULL; -- nothing was done; they are decided one by one
END $function$;

CREATE OR REPLACE VIEW roleswap.all_runs AS
    SELECT r.* FROM roleswap.run AS r
    UNION ALL
    SELECT q.id, q.task, roleswap.even(q.at), 'enqueued'::roleswap.run_cause, q.queue,
           'queued'::roleswap.run_state, (SELECT m.epoch FROM roleswap.term AS m), NULL, NULL, 1, 0,
           q.not_before, q.at, NULL, NULL, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, q.priority,
           q.payload, false, NULL, NULL, false, NULL, NULL, NULL, NULL, NULL
    FROM roleswap.request AS q;

-- A due time is taken where two requests of a task came in the same moment: the later ones are put
-- back with later times, each with another, and further apart each time, so that it is soon over
-- where many came.  The same rules hold as at first.  A conflict of numbers is an error.
CREATE OR REPLACE FUNCTION roleswap.make_runs(places tid[]) RETURNS integer LANGUAGE plpgsql AS $function$
DECLARE
    rest tid[] := places;
    step interval := '2 us';
BEGIN
    WHILE cardinality(rest) > 0 LOOP
        WITH taken AS (
            DELETE FROM roleswap.request AS q WHERE q.ctid = ANY (rest) RETURNING q.*
        ), made AS (
            INSERT INTO roleswap.run AS r (id, task, due, cause, queue, state, epoch, priority, payload,
                                           not_before, created_at, ended_at, why, over)
            OVERRIDING SYSTEM VALUE
            SELECT q.id, q.task, roleswap.even(q.at), 'enqueued', coalesce(u.name, t.queue, q.queue),
                   CASE WHEN t.name IS NULL THEN 'skipped' ELSE 'queued' END, m.epoch, q.priority,
                   q.payload, q.not_before, q.at, CASE WHEN t.name IS NULL THEN clock_timestamp() END,
                   CASE WHEN t.name IS NULL THEN 'its task was removed' ELSE '' END, t.name IS NULL
            FROM taken AS q CROSS JOIN roleswap.term AS m LEFT JOIN roleswap.task AS t ON t.name = q.task
                LEFT JOIN roleswap.queue AS u ON u.name = q.queue
            ORDER BY q.id
            ON CONFLICT (task, due) DO NOTHING RETURNING r.id
        ), back AS (
            INSERT INTO roleswap.request AS b (id, task, queue, at, priority, payload, not_before)
            SELECT q.id, q.task, q.queue, q.at + step * row_number() OVER (ORDER BY q.id), q.priority,
                   q.payload, q.not_before
            FROM taken AS q WHERE NOT EXISTS (SELECT FROM made AS m WHERE m.id = q.id)
            RETURNING b.ctid
        )
        SELECT array_agg(b.ctid) INTO rest FROM back AS b;
        step := 2 * step;
    END LOOP;
    RETURN cardinality(places);
END $function$;
COMMENT ON FUNCTION roleswap.make_runs(tid[]) IS 'Makes runs of the requests in these places of the table, in the queue that each names or, where that was removed, in that of its task; answers how many';

-- It moves what is there already.  So its commit need not wait for the peer: that of the first start
-- among these runs does, and is behind it in the log.
DROP FUNCTION roleswap.admit(bigint, text[], integer, integer);
CREATE FUNCTION roleswap.admit(wanted bigint, hungry text[], most integer, most_of_others integer)
RETURNS TABLE (of_hungry integer, of_others integer, more boolean, reading_us bigint) LANGUAGE plpgsql AS $function$
DECLARE
    begun CONSTANT timestamptz := clock_timestamp();
    its tid[];
    theirs tid[];
BEGIN
    -- The table is read once, dead rows and all, and sorted once by numbers; a share for each queue,
    -- so that a long one delays no other.  A long backlog is taken in larger parts: each look sees
    -- all of it.
    WITH live AS MATERIALIZED (
        SELECT q.ctid AS place, q.queue, q.priority, q.id FROM roleswap.request AS q
    ), present AS MATERIALIZED (
        SELECT p.queue, p.wants, p.number, (row_number() OVER ())::integer AS place,
               greatest(20, least(greatest(CASE WHEN p.wants THEN most ELSE most_of_others END,
                                           sum(p.number) OVER (PARTITION BY p.wants) / 10), 5000)
                            / count(*) OVER (PARTITION BY p.wants)) AS share
        FROM (SELECT l.queue, l.queue = ANY (hungry) AS wants, count(*) AS number FROM live AS l
              GROUP BY l.queue) AS p
    ), ranked AS (
        SELECT l.place, p.wants, p.share, p.number,
               row_number() OVER (PARTITION BY p.place ORDER BY l.priority DESC, l.id) AS rank
        FROM live AS l JOIN present AS p ON p.queue = l.queue
    )
    SELECT array_agg(r.place) FILTER (WHERE r.wants), array_agg(r.place) FILTER (WHERE NOT r.wants),
           coalesce(bool_or(r.wants AND r.number > r.share), false)
    INTO its, theirs, more
    FROM ranked AS r WHERE r.rank <= r.share;
    reading_us := (date_part('epoch', clock_timestamp() - begun) * 1000000)::bigint;
    of_hungry := coalesce(cardinality(its), 0);
    of_others := coalesce(cardinality(theirs), 0);
    IF of_hungry + of_others > 0 THEN
        PERFORM roleswap.check_epoch(wanted);
        PERFORM set_config('synchronous_commit', 'off', true);
        -- No open transaction of an application is in the way; should another one be, the look
        -- gives up and the engine tries again.
        PERFORM set_config('lock_timeout', '20ms', true);
        PERFORM roleswap.make_runs(its || theirs);
    END IF;
    RETURN NEXT;
END $function$;
COMMENT ON FUNCTION roleswap.admit(bigint, text[], integer, integer) IS 'Makes runs of at most so many requests for the queues that are hungry, and of so many for the others, or of a tenth of them, up to 5000, where that is more; queues that have requests share them alike, with 20 each at least, and of each queue those of the highest priority come first. Answers how many of each, whether there are more for the hungry ones, and how long it took to read the table. Raises RS001 unless the epoch is the current one';

DROP FUNCTION roleswap.admit_all(bigint, text[]);
CREATE FUNCTION roleswap.admit_all(one bigint DEFAULT NULL, whose text[] DEFAULT NULL, its_queue text DEFAULT NULL)
RETURNS integer LANGUAGE sql AS $function$
    SELECT roleswap.make_runs(ARRAY(
        SELECT q.ctid FROM roleswap.request AS q
        WHERE (one IS NULL OR q.id = one) AND (whose IS NULL OR q.task = ANY (whose))
          AND (its_queue IS NULL OR q.queue = its_queue)))
$function$;
COMMENT ON FUNCTION roleswap.admit_all(bigint, text[], text) IS 'Makes runs of all requests, or of the one with that number, or of those for these tasks, or of those in that queue; answers how many';

-- A table that was long once is read to its end by each look, however few rows are left.  Not by
-- VACUUM, which waits up to 5 s for whoever uses it.
CREATE FUNCTION roleswap.shrink_requests(wanted bigint) RETURNS boolean LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM roleswap.check_epoch(wanted);
    PERFORM set_config('synchronous_commit', 'off', true);
    LOCK TABLE roleswap.request IN ACCESS EXCLUSIVE MODE NOWAIT;
    IF EXISTS (SELECT FROM roleswap.request) THEN
        RETURN false;
    END IF;
    TRUNCATE roleswap.request;
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $function$;
COMMENT ON FUNCTION roleswap.shrink_requests(bigint) IS 'Gives back the room of the table of requests; false where it holds one, or somebody uses it, as a dump does. Raises RS001 unless the epoch is the current one';

-- What is made anew has the rights of the old one no more.
REVOKE ALL ON FUNCTION roleswap.even(timestamptz), roleswap.admit(bigint, text[], integer, integer),
    roleswap.admit_all(bigint, text[], text), roleswap.shrink_requests(bigint) FROM PUBLIC;
