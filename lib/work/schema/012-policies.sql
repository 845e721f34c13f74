-- Runs that are held after an outage, the priority of a task, and holds of an operation beside those
-- of people.
ALTER TABLE roleswap.run
    ADD COLUMN held_since timestamptz,
    ADD COLUMN released_at timestamptz,
    DROP CONSTRAINT run_state_check,
    ADD CONSTRAINT run_state_check CHECK (state IN ('queued', 'running', 'ok', 'failed', 'timeout',
                                                    'killed', 'interrupted', 'skipped', 'held'));
COMMENT ON COLUMN roleswap.run.state IS 'queued: waits; running: committed before its process starts; ok, failed, timeout, killed: ended; interrupted: its end is unknown and its task is not to be run again by itself; skipped: passed over by the overlap policy, or dropped; held: its due time passed in an outage, a person decides';
COMMENT ON COLUMN roleswap.run.over IS 'Neither queued nor running; true of held runs, too';
COMMENT ON COLUMN roleswap.run.held_since IS 'Of a held run: since when; null of all others';
COMMENT ON COLUMN roleswap.run.released_at IS 'Of a held run that was released and waits for its turn by the rate: when that was';
-- Not by the state: that changes with each claim, see version 10.
CREATE INDEX run_held ON roleswap.run (task, due) WHERE held_since IS NOT NULL;
CREATE INDEX run_released ON roleswap.run (priority DESC, due, id) WHERE released_at IS NOT NULL;
COMMENT ON COLUMN roleswap.setting.name IS 'scheduler, pair_boot, in_doubt, alive, outage, release, pause';
COMMENT ON COLUMN roleswap.setting.value IS 'scheduler: {"stopped","reason"}; pair_boot: {"number","ids"}, the boot ids of the hosts that take part in the present boot of the pair; in_doubt: {"epoch","until"}, the epoch that an operator claimed by force, and the second since 1970 up to which an old master may have run what this store does not show; alive: {"at"}, the second at which a master last planned due times; outage: {"from","until"}, the last time in which nobody did for longer than hold_after_outage; release: {"rate"}, how fast released runs start; pause: {"paused","reason","by","at"}';

ALTER TABLE roleswap.task
    ADD COLUMN priority smallint NOT NULL
        GENERATED ALWAYS AS (coalesce((definition ->> 'priority')::smallint, 0)) STORED;
COMMENT ON COLUMN roleswap.task.priority IS 'Of its runs, from the definition; an application that enqueues one may give another';

-- Apart from what people saved, or the end of a swap would release what they hold.
ALTER TABLE roleswap.queue
    ADD COLUMN operation_held boolean,
    ADD COLUMN operation_reason text;
COMMENT ON COLUMN roleswap.queue.operation_held IS 'What held was before the open operation held it; null when it did not';
COMMENT ON COLUMN roleswap.queue.operation_reason IS 'What reason was then';

-- To set a search path costs a tenth of the time of a request: this function names the schema of
-- everything, of operators too, and so needs none; the two that it calls seldom set their own.
ALTER FUNCTION roleswap.check_request(text, jsonb, integer) SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION roleswap.put_run(bigint, text, text, jsonb, integer, timestamptz)
    SET search_path = pg_catalog, pg_temp;
CREATE OR REPLACE FUNCTION roleswap.enqueue(task text, payload jsonb DEFAULT NULL, key text DEFAULT NULL,
                                            priority integer DEFAULT NULL, not_before timestamptz DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $function$
DECLARE
    number bigint := pg_catalog.nextval('roleswap.run_id_seq');
BEGIN
    IF payload IS NOT NULL OR priority IS NOT NULL OR key IS NOT NULL THEN
        PERFORM roleswap.check_request(task, payload, coalesce(priority, 0));
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
COMMENT ON FUNCTION roleswap.enqueue(text, jsonb, text, integer, timestamptz) IS 'Asks for a run of the task and answers its number. The run exists once the transaction is committed. Without a priority it has that of the task. A request with a key that the task had before answers the run of then and makes none';

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
COMMENT ON FUNCTION roleswap.enqueue_many(text, jsonb[], integer, timestamptz) IS 'Asks for one run of the task for each payload, NULL ones too, all or none; answers their numbers. Without a priority they have that of the task';

-- What the returning master had run is not to be run from the held ones, either.
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
            peak_memory_kib = excluded.peak_memory_kib, held_since = NULL, released_at = NULL
        WHERE mine.state IN ('queued', 'skipped', 'interrupted', 'held')
        RETURNING mine.id, mine.task, mine.due
    )
    UPDATE roleswap.server_history AS h
    SET state = 'accepted', decided_at = now(), decided_by = decider
    FROM chosen, put
    WHERE h.id = chosen.id AND put.task = chosen.task AND put.due = chosen.due
    RETURNING h.id, put.id
$function$;
