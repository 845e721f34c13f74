-- Runs that come of other runs: those that `after` brings, and those that repeat an old one.
ALTER TABLE roleswap.run
    ADD COLUMN origin bigint,
    DROP CONSTRAINT run_cause_check,
    ADD CONSTRAINT run_cause_check
        CHECK (cause IN ('due', 'manual', 'reboot', 'enqueued', 'after', 'again')) NOT VALID; -- the narrower one held
COMMENT ON COLUMN roleswap.run.cause IS 'due: its schedule; manual: an operator; reboot: the pair was booted; enqueued: an application; after: the end of another run; again: an operator, who repeats another run';
COMMENT ON COLUMN roleswap.run.origin IS 'The run whose end brought this one, or that this one repeats; null of all others';
CREATE INDEX run_origin ON roleswap.run (origin) WHERE origin IS NOT NULL;

CREATE TABLE roleswap.task_after (
    task text NOT NULL REFERENCES roleswap.task ON DELETE CASCADE,
    predecessor text NOT NULL,
    which text NOT NULL CHECK (which IN ('success', 'failure', 'any')),
    PRIMARY KEY (task, predecessor)
);
COMMENT ON TABLE roleswap.task_after IS 'What "after" in the definitions of tasks says, so that it is found by the predecessor';
COMMENT ON COLUMN roleswap.task_after.task IS 'The task that runs afterwards';
COMMENT ON COLUMN roleswap.task_after.predecessor IS 'The task after whose end';
COMMENT ON COLUMN roleswap.task_after.which IS 'Which of its ends count';
CREATE INDEX task_after_predecessor ON roleswap.task_after (predecessor);

CREATE FUNCTION roleswap.note_after() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    DELETE FROM roleswap.task_after WHERE task = NEW.name;
    INSERT INTO roleswap.task_after (task, predecessor, which)
    SELECT NEW.name, split_part(entry, ':', 1), coalesce(nullif(split_part(entry, ':', 2), ''), 'success')
    FROM jsonb_array_elements_text(coalesce(NEW.definition -> 'after', '[]')) AS entry;
    UPDATE roleswap.after_end AS e SET waits = false WHERE e.task = NEW.name AND e.waits AND NOT EXISTS
        (SELECT FROM roleswap.task_after AS a WHERE a.task = NEW.name AND a.predecessor = e.predecessor);
    RETURN NULL;
END $function$;
COMMENT ON FUNCTION roleswap.note_after() IS 'Keeps task_after as the definitions are; ends of tasks that are named no more wait no longer';
CREATE TRIGGER note_after_of_new AFTER INSERT ON roleswap.task
    FOR EACH ROW WHEN (coalesce(NEW.definition -> 'after', '[]') <> '[]') EXECUTE FUNCTION roleswap.note_after();
CREATE TRIGGER note_after_of_changed AFTER UPDATE OF definition ON roleswap.task
    FOR EACH ROW WHEN (OLD.definition -> 'after' IS DISTINCT FROM NEW.definition -> 'after')
    EXECUTE FUNCTION roleswap.note_after();

-- The key makes it one decision for each end and task, however often the end is reported.
CREATE TABLE roleswap.after_end (
    task text NOT NULL,
    ended_run bigint NOT NULL,
    predecessor text NOT NULL,
    state text NOT NULL,
    waits boolean NOT NULL,
    run bigint,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (task, ended_run)
);
COMMENT ON TABLE roleswap.after_end IS 'Ends of runs that a task with "after" has seen; kept as long as runs are';
COMMENT ON COLUMN roleswap.after_end.task IS 'The task that runs afterwards';
COMMENT ON COLUMN roleswap.after_end.ended_run IS 'The run that ended';
COMMENT ON COLUMN roleswap.after_end.predecessor IS 'Its task';
COMMENT ON COLUMN roleswap.after_end.state IS 'How it ended';
COMMENT ON COLUMN roleswap.after_end.waits IS 'It counts, and waits for the ends of the other tasks that are named';
COMMENT ON COLUMN roleswap.after_end.run IS 'The run that it brought, together with the ends that waited; null while it waits, where a newer end of its task came first, and where nothing failed for "failure"';
COMMENT ON COLUMN roleswap.after_end.at IS 'When it was seen';
CREATE INDEX after_end_waits ON roleswap.after_end (task, predecessor) WHERE waits;
CREATE INDEX after_end_run ON roleswap.after_end (run) WHERE run IS NOT NULL;
CREATE INDEX after_end_age ON roleswap.after_end USING brin (at);

CREATE FUNCTION roleswap.end_counts(which text, state text) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$function$ SELECT which = 'any' OR (which = 'success') = (state = 'ok') $function$;
COMMENT ON FUNCTION roleswap.end_counts(text, text) IS 'Whether a run that ended so is an end that "after" asks for';

-- The due time tells runs of a task apart, as in put_run.
CREATE FUNCTION roleswap.put_follower(its_task text, its_queue text, its_origin bigint, its_state text, its_why text)
RETURNS bigint LANGUAGE plpgsql AS $function$
DECLARE
    number bigint;
BEGIN
    LOOP
        INSERT INTO roleswap.run (task, due, cause, queue, state, epoch, origin, why, ended_at)
        VALUES (its_task, clock_timestamp(), 'after', its_queue, its_state, (SELECT epoch FROM roleswap.term),
                its_origin, its_why, CASE its_state WHEN 'skipped' THEN clock_timestamp() END)
        ON CONFLICT DO NOTHING RETURNING id INTO number;
        EXIT WHEN number IS NOT NULL;
    END LOOP;
    RETURN number;
END $function$;
COMMENT ON FUNCTION roleswap.put_follower(text, text, bigint, text, text) IS 'Makes one run that the end of another brings';

CREATE FUNCTION roleswap.not_so(of_task text, run_id bigint, end_state text, which text) RETURNS text LANGUAGE sql IMMUTABLE AS
$function$ SELECT format('%s (run %s) ended as %s; this task is after its %s', of_task, run_id, end_state, which) $function$;
COMMENT ON FUNCTION roleswap.not_so(text, bigint, text, text) IS 'Why a run is passed over whose predecessor ended otherwise';

CREATE FUNCTION roleswap.see_end(follower text, its_queue text, which text, run_id bigint, of_task text, end_state text)
RETURNS void LANGUAGE plpgsql AS $function$
DECLARE
    counts CONSTANT boolean := roleswap.end_counts(which, end_state);
    number bigint;
BEGIN
    -- Two of its predecessors that end at once in two transactions would each miss the other.
    PERFORM pg_advisory_xact_lock(hashtextextended('roleswap.after ' || follower, 0));
    INSERT INTO roleswap.after_end (task, ended_run, predecessor, state, waits)
    VALUES (follower, run_id, of_task, end_state, counts) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    UPDATE roleswap.after_end AS e SET waits = false
    WHERE e.task = follower AND e.predecessor = of_task AND e.waits AND e.ended_run <> run_id;
    IF which = 'success' AND NOT counts THEN -- what waits for a failure needs no word of each success
        number := roleswap.put_follower(follower, its_queue, run_id, 'skipped',
            roleswap.not_so(of_task, run_id, end_state, which));
        UPDATE roleswap.after_end AS e SET run = number WHERE e.task = follower AND e.ended_run = run_id;
    ELSIF counts AND NOT EXISTS (
        SELECT FROM roleswap.task_after AS a WHERE a.task = follower AND NOT EXISTS (
            SELECT FROM roleswap.after_end AS e
            WHERE e.task = a.task AND e.predecessor = a.predecessor AND e.waits
              AND roleswap.end_counts(a.which, e.state))) THEN
        number := roleswap.put_follower(follower, its_queue, run_id, 'queued', '');
        UPDATE roleswap.after_end AS e SET waits = false, run = number WHERE e.task = follower AND e.waits;
    END IF;
END $function$;
COMMENT ON FUNCTION roleswap.see_end(text, text, text, bigint, text, text) IS 'Decides once what an end means for one task that is after it: a run, a run that is passed over, or that others have to end, too';

-- Thousands of short runs may end in one transaction, mostly with followers that wait for nobody else.
-- Runs are looked up one by one, which is right for any number of them and any state of the statistics.
CREATE FUNCTION roleswap.see_ends_at_once(ended bigint[]) RETURNS void LANGUAGE plpgsql AS $function$
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
    INSERT INTO roleswap.run (id, task, due, cause, queue, state, epoch, origin, why, ended_at)
    OVERRIDING SYSTEM VALUE
    SELECT s.run, s.task, b.at + row_number() OVER (ORDER BY s.ended_run) * interval '1 us', 'after', b.queue,
           CASE WHEN c.counts THEN 'queued' ELSE 'skipped' END, m.epoch, s.ended_run,
           CASE WHEN c.counts THEN '' ELSE roleswap.not_so(s.predecessor, s.ended_run, s.state, b.which) END,
           CASE WHEN NOT c.counts THEN clock_timestamp() END
    FROM roleswap.term AS m, seen AS s JOIN begun AS b ON b.name = s.task
        CROSS JOIN LATERAL roleswap.end_counts(b.which, s.state) AS c(counts)
    WHERE s.run IS NOT NULL;
EXCEPTION WHEN unique_violation THEN -- somebody asked for a run in one of these microseconds
    NULL; -- nothing was done; they are decided one by one
END $function$;
COMMENT ON FUNCTION roleswap.see_ends_at_once(bigint[]) IS 'What see_end does, for all ends and for tasks that are after one task only';

-- To be called in the transaction that writes the ends: then no crash comes between.
CREATE FUNCTION roleswap.bring_followers(ended bigint[])
RETURNS TABLE (id bigint, task text, queue text, due_us bigint)
LANGUAGE plpgsql SET jit = off AS $function$
#variable_conflict use_column
DECLARE
    found record;
BEGIN
    PERFORM roleswap.see_ends_at_once(bring_followers.ended);
    FOR found IN
        SELECT t.name, t.queue, a.which, r.id AS run_id, r.task AS of_task, r.state AS end_state
        FROM unnest(bring_followers.ended) AS u(number)
            CROSS JOIN LATERAL (SELECT * FROM roleswap.run AS o WHERE o.id = u.number LIMIT 1) AS r
            JOIN roleswap.task_after AS a ON a.predecessor = r.task
            JOIN roleswap.task AS t ON t.name = a.task
        WHERE r.state IN ('ok', 'failed', 'timeout', 'killed') AND t.enabled
          AND (SELECT e.ended_run FROM roleswap.after_end AS e WHERE e.task = a.task AND e.ended_run = r.id) IS NULL
        ORDER BY t.name, r.ended_at, r.id -- one order of the locks for all
    LOOP
        PERFORM roleswap.see_end(found.name, found.queue, found.which, found.run_id, found.of_task, found.end_state);
    END LOOP;
    RETURN QUERY
        SELECT r.id, r.task, r.queue, round(date_part('epoch', r.due) * 1e6)::bigint
        FROM unnest(bring_followers.ended) AS u(number)
            CROSS JOIN LATERAL (SELECT * FROM roleswap.run AS o WHERE o.origin = u.number OFFSET 0) AS r
        WHERE r.cause = 'after' AND r.state = 'queued';
END $function$;
COMMENT ON FUNCTION roleswap.bring_followers(bigint[]) IS 'Makes the runs that are due after these ended ones, once for each end, and answers those that wait; once in a transaction, after all ends of it';

-- As in version 4: nothing is open to all.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA roleswap FROM PUBLIC;
