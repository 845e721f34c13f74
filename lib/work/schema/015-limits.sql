-- A time that cannot be counted in the engine, such as infinity, would keep every master from reading
-- its runs: nobody may ask for one.  What was asked for and waits for ever is told instead.
UPDATE roleswap.run SET state = 'skipped', ended_at = clock_timestamp(), not_before = NULL,
       why = 'it was asked for not before a time beyond the year 2199'
WHERE state = 'queued' AND not_before >= '2200-01-01 00:00+00';
UPDATE roleswap.run SET not_before = NULL
WHERE state = 'queued' AND not_before < '1970-01-01 00:00+00';
ALTER TABLE roleswap.run ADD CONSTRAINT run_not_before_check
    CHECK (not_before >= '1970-01-01 00:00+00' AND not_before < '2200-01-01 00:00+00') NOT VALID;

CREATE FUNCTION roleswap.check_limits(key text, not_before timestamptz) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
    IF length(key) NOT BETWEEN 1 AND 200 THEN
        RAISE EXCEPTION 'the key has % characters; allowed: 1 to 200', length(key)
            USING ERRCODE = 'RS002';
    ELSIF not_before < '1970-01-01 00:00+00' OR not_before >= '2200-01-01 00:00+00' THEN
        RAISE EXCEPTION 'not_before is %; allowed: a time in the years 1970 to 2199', not_before
            USING ERRCODE = 'RS002', HINT = 'Leave it out for a run that may start at once.';
    END IF;
END $function$;
COMMENT ON FUNCTION roleswap.check_limits(text, timestamptz) IS 'Raises RS002 for a key or a time that cannot be';
REVOKE ALL ON FUNCTION roleswap.check_limits(text, timestamptz) FROM PUBLIC;

-- As in version 12, with these limits.
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
    WHERE t.name OPERATOR(pg_catalog.=) enqueue.task
        AND coalesce(t.definition OPERATOR(pg_catalog.->>) 'backup_of', '') OPERATOR(pg_catalog.=) ''
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN -- there is no such task, or another run has the very microsecond
        PERFORM roleswap.put_run(number, task, roleswap.check_request(task, payload, 0), payload,
                                 coalesce(priority, (SELECT t.priority FROM roleswap.task AS t
                                     WHERE t.name OPERATOR(pg_catalog.=) enqueue.task)), not_before);
    END IF;
    IF (SELECT w.asleep FROM roleswap.wake AS w) THEN
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
    IF (SELECT asleep FROM roleswap.wake) THEN
        PERFORM pg_notify('roleswap_run', '');
    END IF;
    RETURN QUERY SELECT unnest(numbers);
END $function$;
