-- Agents: programs on other hosts that run the runs of their queues.  The master gives a run to an
-- agent, and it stays that agent's until the agent has delivered its result: no clock and no takeover
-- takes it away.  An agent calls the functions at the end of this file, and reads no table.
CREATE TABLE roleswap.agent (
    name text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9._-]{1,40}$'),
    role name NOT NULL UNIQUE,
    spool text NOT NULL DEFAULT '',
    process text NOT NULL DEFAULT '',
    connected boolean NOT NULL DEFAULT false,
    session_pid integer NOT NULL DEFAULT 0,
    session_begun timestamptz,
    address text NOT NULL DEFAULT '',
    version text NOT NULL DEFAULT '',
    added_at timestamptz NOT NULL DEFAULT now(),
    added_by text NOT NULL DEFAULT '',
    token_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE roleswap.agent IS 'Agents that were added: each has a role of its own in this cluster';
COMMENT ON COLUMN roleswap.agent.name IS 'Its name';
COMMENT ON COLUMN roleswap.agent.role IS 'The role by which it logs in';
COMMENT ON COLUMN roleswap.agent.spool IS 'Identity of what it keeps on its disk; empty before it came for the first time';
COMMENT ON COLUMN roleswap.agent.process IS 'Chance number of the process that has its newest session';
COMMENT ON COLUMN roleswap.agent.connected IS 'It has said hello, and its session was not seen to be gone; a new master waits for these';
COMMENT ON COLUMN roleswap.agent.session_pid IS 'Server process of its newest session';
COMMENT ON COLUMN roleswap.agent.session_begun IS 'When that session began';
COMMENT ON COLUMN roleswap.agent.address IS 'From where that session came';
COMMENT ON COLUMN roleswap.agent.version IS 'Of its program';
COMMENT ON COLUMN roleswap.agent.added_at IS 'When it was added';
COMMENT ON COLUMN roleswap.agent.added_by IS 'Who did that';
COMMENT ON COLUMN roleswap.agent.token_at IS 'When it got its present token';

ALTER TABLE roleswap.queue ADD COLUMN agent text REFERENCES roleswap.agent ON DELETE SET NULL;
COMMENT ON COLUMN roleswap.queue.agent IS 'The agent that runs its runs; null: the master does';

ALTER TABLE roleswap.run
    ADD COLUMN agent text,
    ADD COLUMN taken_by text,
    ADD COLUMN kill_asked boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN roleswap.run.node IS 'Node or agent that runs or ran it; null before the first start';
COMMENT ON COLUMN roleswap.run.agent IS 'The agent that was given it; null: a node runs it, or it waits';
COMMENT ON COLUMN roleswap.run.taken_by IS 'Spool of the agent that has it; null: the agent has not fetched it';
COMMENT ON COLUMN roleswap.run.kill_asked IS 'An operator wants the agent to kill it';
CREATE INDEX run_agent ON roleswap.run (agent) WHERE NOT over AND agent IS NOT NULL;

CREATE TABLE roleswap.agent_result (
    run bigint NOT NULL,
    attempt integer NOT NULL,
    agent text NOT NULL,
    result jsonb NOT NULL,
    delivered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run, attempt)
);
COMMENT ON TABLE roleswap.agent_result IS 'Results that agents have delivered and the engine has not applied yet';
COMMENT ON COLUMN roleswap.agent_result.run IS 'The run';
COMMENT ON COLUMN roleswap.agent_result.attempt IS 'Which attempt of it';
COMMENT ON COLUMN roleswap.agent_result.agent IS 'Who ran it';
COMMENT ON COLUMN roleswap.agent_result.result IS 'How it ended, as the agent tells it';
COMMENT ON COLUMN roleswap.agent_result.delivered_at IS 'When it was delivered';

-- Roles belong to the cluster, so this one may be there already.
DO $role$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'roleswap_agent') THEN
        CREATE ROLE roleswap_agent NOLOGIN;
        COMMENT ON ROLE roleswap_agent IS 'What all agents may do: call four functions';
    END IF;
END $role$;

-- The caller of the functions below.  The session's user: inside of them the current one is the owner.
CREATE FUNCTION roleswap.this_agent() RETURNS roleswap.agent LANGUAGE plpgsql STABLE AS $function$
DECLARE
    found roleswap.agent;
BEGIN
    SELECT * INTO found FROM roleswap.agent WHERE role = session_user;
    IF found.name IS NULL THEN
        RAISE EXCEPTION 'role "%" belongs to no agent', session_user
            USING ERRCODE = 'RS020', HINT = 'Add it with "roleswap agent add".';
    END IF;
    RETURN found;
END $function$;
COMMENT ON FUNCTION roleswap.this_agent() IS 'The agent whose session this is; raises RS020 where it is none';

-- Whether the session of an agent lives on this server.
CREATE FUNCTION roleswap.agent_is_here(of_agent roleswap.agent) RETURNS boolean LANGUAGE sql STABLE AS $function$
    SELECT EXISTS (SELECT FROM pg_stat_activity AS s
                   WHERE s.pid = of_agent.session_pid AND s.backend_start = of_agent.session_begun)
$function$;
COMMENT ON FUNCTION roleswap.agent_is_here(roleswap.agent) IS 'Its newest session is alive on this server';

-- A second host with the same token would run what the first one runs, even with a copy of its disk;
-- the same process that comes again has lost its session and need not wait for the end of that.
CREATE FUNCTION roleswap.agent_hello(spool text, process text, version text)
RETURNS TABLE (agent text, epoch bigint, node text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
#variable_conflict use_column
DECLARE
    me roleswap.agent := roleswap.this_agent();
BEGIN
    IF agent_hello.spool IS NULL OR length(agent_hello.spool) NOT BETWEEN 16 AND 64
        OR length(coalesce(agent_hello.process, '')) NOT BETWEEN 16 AND 64
        OR length(coalesce(agent_hello.version, '')) > 64 THEN
        RAISE EXCEPTION 'this is no hello of an agent' USING ERRCODE = 'RS022';
    END IF;
    IF (me.spool, me.process) <> (agent_hello.spool, agent_hello.process)
        AND roleswap.agent_is_here(me) AND me.session_pid <> pg_backend_pid() THEN
        RAISE EXCEPTION 'agent "%" is connected from % already', me.name, me.address
            USING ERRCODE = 'RS021', HINT = 'Each host needs an agent of its own: "roleswap agent add".';
    END IF;
    -- What it has forgotten may have run: its end is unknown.
    INSERT INTO roleswap.agent_result (run, attempt, agent, result)
        SELECT r.id, r.attempt, me.name,
               jsonb_build_object('unknown', true, 'why', format('agent %s has lost what it kept on its disk', me.name))
        FROM roleswap.run AS r WHERE r.agent = me.name AND NOT r.over AND r.state = 'running'
            AND r.taken_by <> agent_hello.spool
        ON CONFLICT DO NOTHING;
    UPDATE roleswap.agent AS a SET spool = agent_hello.spool, process = agent_hello.process,
            version = coalesce(agent_hello.version, ''),
            connected = true, session_pid = pg_backend_pid(), address = coalesce(host(inet_client_addr()), 'local'),
            session_begun = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())
        WHERE a.name = me.name;
    RETURN QUERY SELECT me.name, t.epoch, t.node FROM roleswap.term AS t;
END $function$;
COMMENT ON FUNCTION roleswap.agent_hello(text, text, text) IS 'Begins the session of an agent and answers its name, the epoch and the master; raises RS021 while another process is connected as this agent';

CREATE FUNCTION roleswap.agent_take(present_epoch bigint, known boolean)
RETURNS TABLE (run bigint, attempt integer, task text, due_us bigint, kill boolean, definition jsonb, payload jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
#variable_conflict use_column
DECLARE
    me roleswap.agent := roleswap.this_agent();
BEGIN
    PERFORM roleswap.check_epoch(present_epoch);
    -- The rows are read as they were before this statement.
    RETURN QUERY
    WITH fetched AS (
        UPDATE roleswap.run AS r SET taken_by = me.spool
        WHERE r.agent = me.name AND NOT r.over AND r.state = 'running' AND r.taken_by IS NULL
    )
    SELECT r.id, r.attempt, r.task, round(date_part('epoch', r.due) * 1e6)::bigint, r.kill_asked,
           t.definition, r.payload
    FROM roleswap.run AS r LEFT JOIN roleswap.task AS t ON t.name = r.task
    WHERE r.agent = me.name AND NOT r.over AND r.state = 'running'
        AND (known OR r.kill_asked OR r.taken_by IS NULL)
        AND coalesce(r.taken_by, me.spool) = me.spool
    ORDER BY r.priority DESC, r.due, r.id;
END $function$;
COMMENT ON FUNCTION roleswap.agent_take(bigint, boolean) IS 'Fetches the runs that were given to the calling agent, and those that it is to kill; where known is true also those that it has fetched before. Once it is committed, they may begin';

CREATE FUNCTION roleswap.agent_finish(present_epoch bigint, results jsonb)
RETURNS TABLE (run bigint, attempt integer, kept boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
#variable_conflict use_column
DECLARE
    me roleswap.agent := roleswap.this_agent();
BEGIN
    PERFORM roleswap.check_epoch(present_epoch);
    IF octet_length(results::text) > 67108864 THEN
        RAISE EXCEPTION 'the results have % bytes; allowed: up to 67108864', octet_length(results::text)
            USING ERRCODE = 'RS022';
    END IF;
    -- After an activation by force a run may count as interrupted that its agent knows better of.
    RETURN QUERY
    WITH given AS (
        SELECT g.run, g.attempt, g.result
        FROM jsonb_to_recordset(results) AS g(run bigint, attempt integer, result jsonb)
    ), put AS (
        INSERT INTO roleswap.agent_result (run, attempt, agent, result)
        SELECT g.run, g.attempt, me.name, coalesce(g.result, '{}') FROM given AS g
        JOIN roleswap.run AS r ON r.id = g.run AND r.attempt = g.attempt
        LEFT JOIN roleswap.queue AS q ON q.name = r.queue
        WHERE (r.state = 'running' AND r.agent = me.name)
           OR (r.state = 'interrupted' AND (r.agent = me.name OR q.agent = me.name))
        ON CONFLICT DO NOTHING RETURNING agent_result.run, agent_result.attempt
    )
    SELECT g.run, g.attempt, p.run IS NOT NULL FROM given AS g
    LEFT JOIN put AS p ON p.run = g.run AND p.attempt = g.attempt;
END $function$;
COMMENT ON FUNCTION roleswap.agent_finish(bigint, jsonb) IS 'Delivers results of the calling agent: a list of objects with run, attempt and result. Repeating is harmless; kept is false for what was delivered before or is not wanted any more';

-- Wakes the engine of the master, after a commit and never in it: that would make commits wait for
-- each other.
CREATE FUNCTION roleswap.agent_wake() RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $function$ SELECT pg_notify('roleswap_result', '') $function$;
COMMENT ON FUNCTION roleswap.agent_wake() IS 'Tells the engine that an agent has come or has delivered; to be called outside of a transaction that writes';

-- As in version 4: nothing is open to all.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA roleswap FROM PUBLIC;
GRANT USAGE ON SCHEMA roleswap TO roleswap_agent;
GRANT EXECUTE ON FUNCTION roleswap.agent_hello(text, text, text), roleswap.agent_take(bigint, boolean),
    roleswap.agent_finish(bigint, jsonb), roleswap.agent_wake() TO roleswap_agent;
