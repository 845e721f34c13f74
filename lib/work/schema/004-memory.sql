-- Memory: which of its items a run has done, and values that it keeps.  A run has one number over
-- all its attempts and over takeovers, and so has its memory.  Its functions alone write items, and
-- check them: a CHECK of the table is parsed anew by each statement, a tenth of its time.
CREATE TABLE roleswap.memory_item (
    run bigint NOT NULL,
    item text COLLATE "C" NOT NULL,
    state text NOT NULL DEFAULT 'begun',
    attempt integer NOT NULL,
    node text NOT NULL,
    doubts integer NOT NULL DEFAULT 0,
    begun_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,
    PRIMARY KEY (run, item)
) WITH (fillfactor = 60); -- begun and done follow each other: the second change finds room in the same page
COMMENT ON TABLE roleswap.memory_item IS 'Items of runs that were begun; removed with their run by house-keeping';
COMMENT ON COLUMN roleswap.memory_item.run IS 'Number of the run';
COMMENT ON COLUMN roleswap.memory_item.item IS 'Its text, 1 to 2048 bytes: what an index takes';
COMMENT ON COLUMN roleswap.memory_item.state IS 'begun: in work, or in doubt when its attempt is over; done: not to be repeated; failed: its command ended with an error, to be begun again; skipped: was in doubt and is left out';
COMMENT ON COLUMN roleswap.memory_item.attempt IS 'Attempt of the run that marked it last';
COMMENT ON COLUMN roleswap.memory_item.node IS 'Node of that attempt';
COMMENT ON COLUMN roleswap.memory_item.doubts IS 'How often it was begun again, skipped or given back while it was in doubt';
COMMENT ON COLUMN roleswap.memory_item.begun_at IS 'When it was begun last';
COMMENT ON COLUMN roleswap.memory_item.done_at IS 'When it was done or skipped';

CREATE TABLE roleswap.memory_value (
    run bigint NOT NULL,
    key text COLLATE "C" NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 256),
    value text NOT NULL CHECK (octet_length(value) <= 65536),
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run, key)
);
COMMENT ON TABLE roleswap.memory_value IS 'Values that runs keep; removed with their run by house-keeping';
COMMENT ON COLUMN roleswap.memory_value.run IS 'Number of the run';
COMMENT ON COLUMN roleswap.memory_value.key IS 'Name of the value, 1 to 256 bytes';
COMMENT ON COLUMN roleswap.memory_value.value IS 'The value, at most 65536 bytes';
COMMENT ON COLUMN roleswap.memory_value.changed_at IS 'When it was set';

CREATE TABLE roleswap.memory_pass (
    run bigint NOT NULL,
    token text COLLATE "C" NOT NULL,
    attempt integer NOT NULL,
    epoch bigint NOT NULL,
    node text NOT NULL,
    PRIMARY KEY (run, token)
);
COMMENT ON TABLE roleswap.memory_pass IS 'Tokens that a function of the memory has found right, so that the next call need not look at the run; removed when the run ends, void under another epoch';
COMMENT ON COLUMN roleswap.memory_pass.run IS 'Number of the run';
COMMENT ON COLUMN roleswap.memory_pass.token IS 'Its token, as in ROLESWAP_TOKEN';
COMMENT ON COLUMN roleswap.memory_pass.attempt IS 'Attempt that has this token';
COMMENT ON COLUMN roleswap.memory_pass.epoch IS 'Epoch under which it is right';
COMMENT ON COLUMN roleswap.memory_pass.node IS 'Master of that epoch';

-- Two random UUIDs: 244 bits of the server's source of strong random numbers.
INSERT INTO roleswap.setting (name, value)
    VALUES ('memory_secret', to_jsonb(gen_random_uuid()::text || gen_random_uuid()::text))
    ON CONFLICT (name) DO NOTHING;
COMMENT ON COLUMN roleswap.setting.name IS 'scheduler, pair_boot, memory_secret';
COMMENT ON COLUMN roleswap.setting.value IS 'scheduler: {"stopped","reason"}; pair_boot: {"number","ids"}, the boot ids of the hosts that take part in the present boot of the pair; memory_secret: what the tokens of runs are made of, for nobody but the master';

-- The same as work::token_of.
CREATE FUNCTION roleswap.memory_token(of_run bigint, of_attempt integer, of_epoch bigint)
RETURNS text LANGUAGE sql STABLE AS $function$
    SELECT encode(sha256(convert_to(concat_ws(':', value #>> '{}', of_run, of_attempt, of_epoch), 'UTF8')), 'hex')
    FROM roleswap.setting WHERE name = 'memory_secret'
$function$;
COMMENT ON FUNCTION roleswap.memory_token(bigint, integer, bigint) IS 'Token of one attempt of a run under one epoch';

-- One mark of an item, for a caller that has been checked.  Repeating it within the attempt gives
-- the same answer, so who does not know whether its commit was done sends it again.
CREATE FUNCTION roleswap.memory_mark(of_run bigint, in_attempt integer, on_node text, mark text, of_item text)
RETURNS text LANGUAGE plpgsql AS $function$
DECLARE
    known record;
BEGIN
    IF mark = 'done' THEN
        INSERT INTO roleswap.memory_item AS m (run, item, state, attempt, node, done_at)
            VALUES (of_run, of_item, 'done', in_attempt, on_node, now())
            ON CONFLICT (run, item) DO UPDATE SET state = 'done', attempt = excluded.attempt,
                node = excluded.node, done_at = excluded.done_at
            WHERE m.state <> 'done';
        RETURN 'done';
    ELSIF mark = 'failed' THEN
        UPDATE roleswap.memory_item SET state = 'failed'
            WHERE run = of_run AND item = of_item AND state = 'begun' AND attempt = in_attempt;
        RETURN 'failed';
    END IF;
    LOOP
        INSERT INTO roleswap.memory_item (run, item, attempt, node)
            VALUES (of_run, of_item, in_attempt, on_node) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN 'begun';
        END IF;
        SELECT state, attempt INTO known FROM roleswap.memory_item
            WHERE run = of_run AND item = of_item FOR UPDATE;
        CONTINUE WHEN NOT FOUND; -- an operator took it out just now
        EXIT;
    END LOOP;
    IF known.state IN ('done', 'skipped') THEN
        RETURN known.state;
    ELSIF known.state = 'begun' AND known.attempt = in_attempt THEN
        RETURN 'begun';
    ELSIF known.state = 'begun' AND mark = 'begin_hold' THEN
        RETURN 'in doubt';
    ELSIF known.state = 'begun' AND mark = 'begin_skip' THEN
        UPDATE roleswap.memory_item SET state = 'skipped', doubts = doubts + 1, done_at = now()
            WHERE run = of_run AND item = of_item;
        RETURN 'skipped';
    END IF;
    UPDATE roleswap.memory_item SET state = 'begun', attempt = in_attempt, node = on_node,
        begun_at = now(), doubts = doubts + (known.state = 'begun')::integer
        WHERE run = of_run AND item = of_item;
    RETURN 'begun';
END $function$;
COMMENT ON FUNCTION roleswap.memory_mark(bigint, integer, text, text, text) IS 'Marks an item: begin_hold, begin_redo, begin_skip (what to do where it is in doubt), done, failed; answers begun, done, failed, skipped or in doubt';

-- A transaction of an application may hold an item for long; the engine does not wait for it.
CREATE FUNCTION roleswap.memory_marks(marks jsonb, on_node text) RETURNS text[]
LANGUAGE sql SET lock_timeout = '2s' AS $function$
    SELECT array_agg(roleswap.memory_mark(m.run, m.attempt, on_node, m.mark, m.item) ORDER BY m.place)
    FROM ROWS FROM (jsonb_to_recordset(marks) AS (run bigint, attempt integer, mark text, item text))
        WITH ORDINALITY AS m(run, attempt, mark, item, place)
$function$;
COMMENT ON FUNCTION roleswap.memory_marks(jsonb, text) IS 'Marks of the engine, which has checked the callers, in one transaction: [{"run","attempt","mark","item"}]; answers in the same order';

-- How an item of that state and attempt is told; `present` is the attempt that runs, null where none does.
CREATE FUNCTION roleswap.memory_state(state text, attempt integer, present integer)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $function$
    SELECT CASE WHEN state = 'begun' AND attempt IS DISTINCT FROM present THEN 'in doubt' ELSE state END
$function$;
COMMENT ON FUNCTION roleswap.memory_state(text, integer, integer) IS 'begun, done, failed, skipped; in doubt: begun by an attempt that is over, and nobody knows whether it was done';

CREATE FUNCTION roleswap.memory_report(of_run bigint, present integer)
RETURNS jsonb LANGUAGE sql STABLE AS $function$
    WITH items AS (
        SELECT i.*, roleswap.memory_state(i.state, i.attempt, present) AS told
        FROM roleswap.memory_item AS i WHERE i.run = of_run
    ), counts AS (
        SELECT count(*) AS items, count(*) FILTER (WHERE told = 'done') AS done,
               count(*) FILTER (WHERE told = 'begun') AS begun,
               count(*) FILTER (WHERE told = 'in doubt') AS in_doubt,
               count(*) FILTER (WHERE told = 'failed') AS failed,
               count(*) FILTER (WHERE told = 'skipped') AS skipped,
               count(*) FILTER (WHERE doubts > 0 AND told <> 'skipped') AS repeated,
               (SELECT count(*) FROM roleswap.memory_value AS v WHERE v.run = of_run) AS values
        FROM items
    )
    SELECT to_jsonb(c) || jsonb_build_object('doubtful', (
        SELECT coalesce(jsonb_agg(jsonb_build_object('item', item, 'state', told, 'attempt', attempt,
            'node', node, 'begun_at', roleswap.iso(begun_at), 'doubts', doubts) ORDER BY begun_at, item), '[]')
        FROM (SELECT * FROM items WHERE told IN ('in doubt', 'skipped') OR doubts > 0
              ORDER BY begun_at, item LIMIT 100) AS first))
    FROM counts AS c WHERE c.items + c.values > 0
$function$;
COMMENT ON FUNCTION roleswap.memory_report(bigint, integer) IS 'Counts of the memory of a run, and its first 100 items that are or were in doubt; null where it has none';

CREATE FUNCTION roleswap.memory_resolve(of_run bigint, present integer, of_item text, decision text)
RETURNS text LANGUAGE plpgsql AS $function$
DECLARE
    told text;
BEGIN
    SELECT roleswap.memory_state(state, attempt, present) INTO told FROM roleswap.memory_item
        WHERE run = of_run AND item = of_item FOR UPDATE;
    IF NOT FOUND OR told IN ('begun', 'done') THEN
        RETURN coalesce(told, 'never');
    ELSIF decision = 'done' THEN
        UPDATE roleswap.memory_item SET state = 'done', done_at = now() WHERE run = of_run AND item = of_item;
    ELSE
        UPDATE roleswap.memory_item SET state = 'failed', done_at = NULL, doubts = doubts + 1
            WHERE run = of_run AND item = of_item;
    END IF;
    RETURN '';
END $function$;
COMMENT ON FUNCTION roleswap.memory_resolve(bigint, integer, text, text) IS 'What an operator decides of an item that is in doubt, skipped or failed: done, or redo; empty text, or the state that hinders it';

-- What applications call.  They run as the owner: the callers see no table.
CREATE FUNCTION roleswap.memory_attempt(of_run bigint, of_token text)
RETURNS integer LANGUAGE plpgsql AS $function$
DECLARE
    known record;
    present bigint;
BEGIN
    -- A mark is acknowledged when both nodes hold it, whatever the caller's session asks for.
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    SELECT p.attempt INTO known FROM roleswap.memory_pass AS p, roleswap.term AS t
        WHERE p.run = of_run AND p.token = of_token AND p.epoch = t.epoch;
    IF FOUND THEN
        RETURN known.attempt;
    END IF;
    SELECT r.attempt, r.epoch, r.state INTO known FROM roleswap.run AS r WHERE r.id = of_run;
    IF NOT FOUND OR known.state <> 'running' THEN
        RAISE EXCEPTION 'run % is not running%', of_run, coalesce(': it is ' || known.state, '')
            USING ERRCODE = 'RS011', HINT = 'Only a run that is running changes or reads its memory.';
    END IF;
    SELECT epoch INTO present FROM roleswap.term;
    IF known.epoch <> present THEN
        RAISE EXCEPTION 'run % is of epoch %, the current one is %', of_run, known.epoch, present
            USING ERRCODE = 'RS001', HINT = 'Another node became master; it runs the work again.';
    END IF;
    IF of_token IS DISTINCT FROM roleswap.memory_token(of_run, known.attempt, known.epoch) THEN
        RAISE EXCEPTION 'this is not the token of the present attempt of run %', of_run
            USING ERRCODE = 'RS010', HINT = 'A takeover and a further attempt make a token void: end, the work goes on elsewhere.';
    END IF;
    -- Callers that come together do not wait for the first one's commit.
    IF pg_try_advisory_xact_lock(hashtextextended('roleswap.memory_pass', of_run)) THEN
        INSERT INTO roleswap.memory_pass (run, token, attempt, epoch, node)
            SELECT of_run, of_token, known.attempt, t.epoch, t.node FROM roleswap.term AS t
            WHERE t.epoch = known.epoch ON CONFLICT DO NOTHING;
    END IF;
    RETURN known.attempt;
END $function$;
COMMENT ON FUNCTION roleswap.memory_attempt(bigint, text) IS 'Attempt that the token belongs to; raises RS010 where it is wrong, RS011 where the run is not running, RS001 under another epoch';

CREATE FUNCTION roleswap.memory_check(given text, what text, most integer)
RETURNS void LANGUAGE plpgsql IMMUTABLE AS $function$
BEGIN
    IF given IS NULL OR octet_length(given) NOT BETWEEN 1 AND most THEN
        RAISE EXCEPTION '% of % bytes; allowed are 1 to %', what, coalesce(octet_length(given), 0), most
            USING ERRCODE = 'RS012';
    END IF;
END $function$;
COMMENT ON FUNCTION roleswap.memory_check(text, text, integer) IS 'Raises RS012 where a text is too long or empty';

-- Where a function has not gone the short way: checks everything, and says what is wrong.
CREATE FUNCTION roleswap.memory_checked_mark(of_run bigint, of_token text, mark text, of_item text)
RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog AS $function$
DECLARE
    in_attempt integer := roleswap.memory_attempt(of_run, of_token);
    whole text := CASE WHEN mark IN ('redo', 'skip', 'hold') THEN 'begin_' || mark ELSE mark END;
BEGIN
    PERFORM roleswap.memory_check(of_item, 'an item', 2048);
    IF whole IS NULL OR whole NOT IN ('begin_redo', 'begin_skip', 'begin_hold', 'done', 'failed') THEN
        RAISE EXCEPTION 'in_doubt is %; allowed: redo, skip, hold', coalesce(mark, 'null')
            USING ERRCODE = 'RS012';
    END IF;
    RETURN roleswap.memory_mark(of_run, in_attempt, t.node, whole, of_item) FROM roleswap.term AS t;
END $function$;
COMMENT ON FUNCTION roleswap.memory_checked_mark(bigint, text, text, text) IS 'memory_mark for a caller that is to be checked';

-- A new item under a known token, and its end, are one statement each: one more takes a snapshot of
-- its own, and a search_path of their own costs as much.  So all names in them are whole, operators
-- included, because they run as the owner under the caller's search_path.
CREATE FUNCTION roleswap.memory_begin(run bigint, token text, item text, in_doubt text DEFAULT 'hold')
RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $function$
#variable_conflict use_column
BEGIN
    INSERT INTO roleswap.memory_item (run, item, attempt, node)
        SELECT p.run, $3, p.attempt, p.node FROM roleswap.memory_pass AS p
        WHERE p.run OPERATOR(pg_catalog.=) $1 AND p.token OPERATOR(pg_catalog.=) $2
            AND p.epoch OPERATOR(pg_catalog.=) (SELECT t.epoch FROM roleswap.term AS t)
            AND $4 OPERATOR(pg_catalog.=) ANY (ARRAY['redo', 'skip', 'hold'])
            AND $3 OPERATOR(pg_catalog.<>) ''
            AND pg_catalog.octet_length($3) OPERATOR(pg_catalog.<=) 2048
            AND pg_catalog.current_setting('synchronous_commit') OPERATOR(pg_catalog.<>) ALL (ARRAY['off', 'local'])
        ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN 'begun';
    END IF;
    RETURN roleswap.memory_checked_mark($1, $2, $4, $3);
END $function$;
COMMENT ON FUNCTION roleswap.memory_begin(bigint, text, text, text) IS 'Begins an item: begun (do it), done, skipped, or in doubt (begun by an attempt that is over; with in_doubt redo it is begun again, with skip it is left out for ever)';

CREATE FUNCTION roleswap.memory_begin_all(run bigint, token text, items text[], in_doubt text DEFAULT 'hold')
RETURNS TABLE (item text, state text) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $function$
    SELECT given, roleswap.memory_begin($1, $2, given, $4)
    FROM (SELECT DISTINCT unnest($3) AS given ORDER BY 1) AS each
$function$;
COMMENT ON FUNCTION roleswap.memory_begin_all(bigint, text, text[], text) IS 'The same for many items in one transaction, in the order of their texts';

CREATE FUNCTION roleswap.memory_done(run bigint, token text, item text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $function$
#variable_conflict use_column
BEGIN
    UPDATE roleswap.memory_item AS m
        SET state = 'done', done_at = pg_catalog.now(), attempt = p.attempt, node = p.node
        FROM roleswap.memory_pass AS p
        WHERE p.run OPERATOR(pg_catalog.=) $1 AND p.token OPERATOR(pg_catalog.=) $2
            AND p.epoch OPERATOR(pg_catalog.=) (SELECT t.epoch FROM roleswap.term AS t)
            AND m.run OPERATOR(pg_catalog.=) $1 AND m.item OPERATOR(pg_catalog.=) $3
            AND m.state OPERATOR(pg_catalog.=) 'begun'
            AND pg_catalog.current_setting('synchronous_commit') OPERATOR(pg_catalog.<>) ALL (ARRAY['off', 'local']);
    IF NOT FOUND THEN
        PERFORM roleswap.memory_checked_mark($1, $2, 'done', $3);
    END IF;
END $function$;
COMMENT ON FUNCTION roleswap.memory_done(bigint, text, text) IS 'Marks an item as done; also one that was not begun';

CREATE FUNCTION roleswap.memory_done_all(run bigint, token text, items text[])
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $function$
    SELECT roleswap.memory_done($1, $2, given) FROM (SELECT DISTINCT unnest($3) AS given ORDER BY 1) AS each
$function$;
COMMENT ON FUNCTION roleswap.memory_done_all(bigint, text, text[]) IS 'The same for many items in one transaction';

CREATE FUNCTION roleswap.memory_failed(run bigint, token text, item text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $function$
    SELECT roleswap.memory_checked_mark($1, $2, 'failed', $3)
$function$;
COMMENT ON FUNCTION roleswap.memory_failed(bigint, text, text) IS 'Says that an item that this attempt began is known not to be done: it is begun again, and never in doubt';

CREATE FUNCTION roleswap.memory_seen(run bigint, token text, item text)
RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $function$
    SELECT coalesce((SELECT roleswap.memory_state(m.state, m.attempt, a.attempt)
        FROM roleswap.memory_item AS m WHERE m.run = $1 AND m.item = $3), 'never')
    FROM roleswap.memory_attempt($1, $2) AS a(attempt)
$function$;
COMMENT ON FUNCTION roleswap.memory_seen(bigint, text, text) IS 'State of an item: never, begun, done, failed, skipped, in doubt';

CREATE FUNCTION roleswap.memory_list(run bigint, token text)
RETURNS TABLE (item text, state text, attempt integer, node text, doubts integer, begun_at timestamptz, done_at timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $function$
    SELECT m.item, roleswap.memory_state(m.state, m.attempt, a.attempt), m.attempt, m.node, m.doubts, m.begun_at, m.done_at
    FROM roleswap.memory_attempt($1, $2) AS a(attempt), roleswap.memory_item AS m WHERE m.run = $1 ORDER BY m.item
$function$;
COMMENT ON FUNCTION roleswap.memory_list(bigint, text) IS 'All items of the run';

CREATE FUNCTION roleswap.memory_get(run bigint, token text, key text)
RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $function$
    SELECT (SELECT v.value FROM roleswap.memory_value AS v WHERE v.run = $1 AND v.key = $3)
    FROM roleswap.memory_attempt($1, $2)
$function$;
COMMENT ON FUNCTION roleswap.memory_get(bigint, text, text) IS 'A value that the run has set; null where it has not';

CREATE FUNCTION roleswap.memory_set(run bigint, token text, key text, value text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $function$
#variable_conflict use_column
BEGIN
    PERFORM roleswap.memory_attempt($1, $2);
    PERFORM roleswap.memory_check($3, 'a key', 256);
    IF $4 IS NULL THEN
        DELETE FROM roleswap.memory_value AS v WHERE v.run = $1 AND v.key = $3;
        RETURN;
    END IF;
    PERFORM roleswap.memory_check($4 || ' ', 'a value and its end', 65537);
    INSERT INTO roleswap.memory_value AS v (run, key, value) VALUES ($1, $3, $4)
        ON CONFLICT ON CONSTRAINT memory_value_pkey DO UPDATE SET value = excluded.value, changed_at = now();
END $function$;
COMMENT ON FUNCTION roleswap.memory_set(bigint, text, text, text) IS 'Keeps a value under a name; null takes it away';

-- Functions are open to all by default; those of an owner must not be.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA roleswap FROM PUBLIC;
GRANT USAGE ON SCHEMA roleswap TO roleswap_app;
GRANT EXECUTE ON FUNCTION roleswap.memory_begin(bigint, text, text, text),
    roleswap.memory_begin_all(bigint, text, text[], text), roleswap.memory_done(bigint, text, text),
    roleswap.memory_done_all(bigint, text, text[]), roleswap.memory_failed(bigint, text, text),
    roleswap.memory_seen(bigint, text, text), roleswap.memory_list(bigint, text),
    roleswap.memory_get(bigint, text, text), roleswap.memory_set(bigint, text, text, text)
    TO roleswap_app;
