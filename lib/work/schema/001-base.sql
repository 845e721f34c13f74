-- Schema of the mirrored store, version 1.  Times are timestamptz; durations end in _ms.
-- Runs inside one transaction of the master's engine; see lib/work/migrate.cpp.
CREATE SCHEMA IF NOT EXISTS roleswap;
COMMENT ON SCHEMA roleswap IS 'What roleswap keeps: tasks, queues, runs, operations. Only the master writes, and only under the current epoch';

CREATE TABLE roleswap.meta (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version integer NOT NULL
);
COMMENT ON TABLE roleswap.meta IS 'Version of this schema; one row';
COMMENT ON COLUMN roleswap.meta.one IS 'Keeps the table at one row';
COMMENT ON COLUMN roleswap.meta.version IS 'Number of the last migration that was applied';
INSERT INTO roleswap.meta (version) VALUES (0);

CREATE TABLE roleswap.term (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL,
    node text NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE roleswap.term IS 'Who is master in this store; one row';
COMMENT ON COLUMN roleswap.term.one IS 'Keeps the table at one row';
COMMENT ON COLUMN roleswap.term.epoch IS 'Epoch of the master whose engine writes here; only grows';
COMMENT ON COLUMN roleswap.term.node IS 'Name of that node; empty before the first';
COMMENT ON COLUMN roleswap.term.since IS 'When its engine wrote this epoch';
INSERT INTO roleswap.term (epoch, node) VALUES (0, '');

-- The share lock makes a newer epoch wait for transactions that were checked, and makes those
-- that are checked after it fail: no write of an old master commits after the new epoch.
CREATE FUNCTION roleswap.check_epoch(wanted bigint) RETURNS void LANGUAGE plpgsql AS $function$
DECLARE
    current_epoch bigint;
BEGIN
    SELECT epoch INTO current_epoch FROM roleswap.term FOR SHARE;
    IF current_epoch IS DISTINCT FROM wanted THEN
        RAISE EXCEPTION 'epoch % is not the current one, which is %', wanted, current_epoch
            USING ERRCODE = 'RS001', HINT = 'Another node became master; ask it instead.';
    END IF;
END $function$;
COMMENT ON FUNCTION roleswap.check_epoch(bigint) IS 'Raises RS001 unless this is the current epoch; called first by every writing transaction';

CREATE FUNCTION roleswap.claim_epoch(wanted bigint, claimer text) RETURNS void LANGUAGE plpgsql AS $function$
BEGIN
    UPDATE roleswap.term SET epoch = wanted, node = claimer, since = now()
        WHERE epoch < wanted OR (epoch = wanted AND node IN (claimer, ''));
    IF NOT FOUND THEN
        RAISE EXCEPTION 'epoch % cannot be claimed by %: the store has a newer one', wanted, claimer
            USING ERRCODE = 'RS001';
    END IF;
END $function$;
COMMENT ON FUNCTION roleswap.claim_epoch(bigint, text) IS 'Writes the epoch of a new master; raises RS001 when the store has a newer one';

CREATE FUNCTION roleswap.iso(moment timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
$function$ SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $function$;
COMMENT ON FUNCTION roleswap.iso(timestamptz) IS 'RFC 3339 in UTC with milliseconds, as on the bus';

CREATE TABLE roleswap.queue (
    name text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9._-]{1,64}$'),
    held boolean NOT NULL DEFAULT false,
    reason text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text NOT NULL DEFAULT '',
    saved_held boolean,
    saved_reason text,
    concurrency integer CHECK (concurrency > 0)
);
COMMENT ON TABLE roleswap.queue IS 'Queues: every task is in one; made when a task first names it';
COMMENT ON COLUMN roleswap.queue.name IS 'Its name';
COMMENT ON COLUMN roleswap.queue.held IS 'No run of it starts; runs that come due wait';
COMMENT ON COLUMN roleswap.queue.reason IS 'Why it is held; empty when it is not';
COMMENT ON COLUMN roleswap.queue.changed_at IS 'Last hold or release';
COMMENT ON COLUMN roleswap.queue.changed_by IS 'Who did that';
COMMENT ON COLUMN roleswap.queue.saved_held IS 'What held was before "hold all" that saved it; null when nothing is saved';
COMMENT ON COLUMN roleswap.queue.saved_reason IS 'What reason was then';
COMMENT ON COLUMN roleswap.queue.concurrency IS 'Most runs of it at a time; null is no limit';
INSERT INTO roleswap.queue (name) VALUES ('default');

CREATE TABLE roleswap.task (
    name text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9._-]{1,64}$'),
    definition jsonb NOT NULL,
    queue text NOT NULL GENERATED ALWAYS AS (definition ->> 'queue') STORED REFERENCES roleswap.queue,
    enabled boolean NOT NULL GENERATED ALWAYS AS ((definition ->> 'enabled')::boolean) STORED,
    last_due timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE roleswap.task IS 'Tasks: what is to be run and when';
COMMENT ON COLUMN roleswap.task.name IS 'Its name';
COMMENT ON COLUMN roleswap.task.definition IS 'All fields of roleswap.toml(5), section tasks';
COMMENT ON COLUMN roleswap.task.queue IS 'The queue of its runs, from the definition';
COMMENT ON COLUMN roleswap.task.enabled IS 'Its due times make runs, from the definition';
COMMENT ON COLUMN roleswap.task.last_due IS 'All due times up to this one are decided: they have a run or were passed over by its catch-up policy';
COMMENT ON COLUMN roleswap.task.created_at IS 'When it was added';
COMMENT ON COLUMN roleswap.task.changed_at IS 'When its definition was changed';

CREATE TABLE roleswap.run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task text NOT NULL,
    due timestamptz NOT NULL,
    cause text NOT NULL DEFAULT 'due' CHECK (cause IN ('due', 'manual', 'reboot')),
    queue text NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'running', 'ok', 'failed', 'timeout', 'killed',
                                         'interrupted', 'skipped')),
    epoch bigint NOT NULL,
    node text,
    batch bigint,
    attempt integer NOT NULL DEFAULT 1,
    retries_used integer NOT NULL DEFAULT 0,
    not_before timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    ended_at timestamptz,
    duration_ms bigint,
    exit_code integer,
    signal integer,
    why text NOT NULL DEFAULT '',
    output_tail text,
    output_bytes bigint,
    cpu_ms bigint,
    peak_memory_kib bigint,
    UNIQUE (task, due)
);
COMMENT ON TABLE roleswap.run IS 'Runs: one row per task and due time, for ever one';
COMMENT ON COLUMN roleswap.run.id IS 'Its number';
COMMENT ON COLUMN roleswap.run.task IS 'Name of the task; the row outlives the task';
COMMENT ON COLUMN roleswap.run.due IS 'The due time; of a manual run the time of the request';
COMMENT ON COLUMN roleswap.run.cause IS 'due: its schedule; manual: an operator; reboot: the pair was booted';
COMMENT ON COLUMN roleswap.run.queue IS 'Queue of the task when the run was made';
COMMENT ON COLUMN roleswap.run.state IS 'queued: waits; running: committed before its process starts; ok, failed, timeout, killed: ended; interrupted: its end is unknown and its task is not to be run again by itself; skipped: passed over by the overlap policy';
COMMENT ON COLUMN roleswap.run.epoch IS 'Epoch under which the row got its present state';
COMMENT ON COLUMN roleswap.run.node IS 'Node that runs or ran it; null before the first start';
COMMENT ON COLUMN roleswap.run.batch IS 'Number, within the epoch, of the transaction that made or claimed it; answers "was it done?" after a lost connection';
COMMENT ON COLUMN roleswap.run.attempt IS 'Counts starts, from 1';
COMMENT ON COLUMN roleswap.run.retries_used IS 'Attempts that count against the retries of the task';
COMMENT ON COLUMN roleswap.run.not_before IS 'A queued retry waits until then';
COMMENT ON COLUMN roleswap.run.created_at IS 'When the row was made';
COMMENT ON COLUMN roleswap.run.started_at IS 'Start of the last attempt';
COMMENT ON COLUMN roleswap.run.ended_at IS 'End of the last attempt';
COMMENT ON COLUMN roleswap.run.duration_ms IS 'Of the last attempt';
COMMENT ON COLUMN roleswap.run.exit_code IS 'Of the last attempt; null when a signal ended it';
COMMENT ON COLUMN roleswap.run.signal IS 'That ended the last attempt';
COMMENT ON COLUMN roleswap.run.why IS 'One sentence about the state; empty where there is nothing to say';
COMMENT ON COLUMN roleswap.run.output_tail IS 'Last bytes of the output of the last attempt, as valid UTF-8';
COMMENT ON COLUMN roleswap.run.output_bytes IS 'All bytes of that output';
COMMENT ON COLUMN roleswap.run.cpu_ms IS 'Processor time of the last attempt';
COMMENT ON COLUMN roleswap.run.peak_memory_kib IS 'Most memory of the last attempt';
CREATE INDEX run_open ON roleswap.run (batch) WHERE state IN ('queued', 'running');
CREATE INDEX run_ended ON roleswap.run (ended_at) WHERE state NOT IN ('queued', 'running');

CREATE TABLE roleswap.setting (
    name text PRIMARY KEY,
    value jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE roleswap.setting IS 'Small facts that survive a swap';
COMMENT ON COLUMN roleswap.setting.name IS 'scheduler, pair_boot, in_doubt';
COMMENT ON COLUMN roleswap.setting.value IS 'scheduler: {"stopped","reason"}; pair_boot: {"number","ids"}, the boot ids of the hosts that take part in the present boot of the pair; in_doubt: {"epoch","until"}, the epoch that an operator claimed by force, and the second since 1970 up to which an old master may have run what this store does not show';
COMMENT ON COLUMN roleswap.setting.changed_at IS 'Last change';

CREATE TABLE roleswap.event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    node text NOT NULL,
    epoch bigint NOT NULL,
    what text NOT NULL,
    why text NOT NULL
);
COMMENT ON TABLE roleswap.event IS 'What the engine of the master noted; rows are only added';
COMMENT ON COLUMN roleswap.event.id IS 'Its number';
COMMENT ON COLUMN roleswap.event.at IS 'When it was written';
COMMENT ON COLUMN roleswap.event.node IS 'Who noted it';
COMMENT ON COLUMN roleswap.event.epoch IS 'Under which epoch';
COMMENT ON COLUMN roleswap.event.what IS 'A stable word, see roleswapd(8)';
COMMENT ON COLUMN roleswap.event.why IS 'One sentence';

CREATE TABLE roleswap.operation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('swap', 'activate', 'rejoin', 'drill')),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'failed', 'undone', 'abandoned')),
    begun_by text NOT NULL,
    owner_node text NOT NULL,
    owner_pid integer NOT NULL,
    begun_epoch bigint NOT NULL,
    hand_over_epoch bigint,
    holds boolean NOT NULL DEFAULT false,
    stops_scheduler boolean NOT NULL DEFAULT false,
    begun_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    why text NOT NULL DEFAULT ''
);
COMMENT ON TABLE roleswap.operation IS 'Swaps, activations, rejoins and drills: who, when, each step, and how they ended';
COMMENT ON COLUMN roleswap.operation.id IS 'Its number';
COMMENT ON COLUMN roleswap.operation.kind IS 'What is done';
COMMENT ON COLUMN roleswap.operation.state IS 'open: under way, at most one; abandoned: its owner ended or the master changed';
COMMENT ON COLUMN roleswap.operation.begun_by IS 'User who began it';
COMMENT ON COLUMN roleswap.operation.owner_node IS 'Node of the process that carries it out';
COMMENT ON COLUMN roleswap.operation.owner_pid IS 'That process; 0: none';
COMMENT ON COLUMN roleswap.operation.begun_epoch IS 'Epoch at its begin';
COMMENT ON COLUMN roleswap.operation.hand_over_epoch IS 'Epoch that its hand-over leads to: a master of this epoch goes on with it';
COMMENT ON COLUMN roleswap.operation.holds IS 'It held queues: its end restores them';
COMMENT ON COLUMN roleswap.operation.stops_scheduler IS 'It stopped the scheduler: its end starts it';
COMMENT ON COLUMN roleswap.operation.begun_at IS 'When it began';
COMMENT ON COLUMN roleswap.operation.ended_at IS 'When it ended';
COMMENT ON COLUMN roleswap.operation.why IS 'One sentence about its end';
CREATE UNIQUE INDEX operation_open ON roleswap.operation ((true)) WHERE state = 'open';

CREATE TABLE roleswap.operation_step (
    operation bigint NOT NULL REFERENCES roleswap.operation ON DELETE CASCADE,
    step text NOT NULL,
    state text NOT NULL CHECK (state IN ('start', 'done', 'failed', 'undone')),
    detail text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
);
COMMENT ON TABLE roleswap.operation_step IS 'Steps of an operation in order of time';
COMMENT ON COLUMN roleswap.operation_step.operation IS 'The operation';
COMMENT ON COLUMN roleswap.operation_step.step IS 'Name of the step in the runbook';
COMMENT ON COLUMN roleswap.operation_step.state IS 'What happened to it';
COMMENT ON COLUMN roleswap.operation_step.detail IS 'One sentence';
COMMENT ON COLUMN roleswap.operation_step.at IS 'When';
COMMENT ON COLUMN roleswap.operation_step.id IS 'Order';
CREATE INDEX operation_step_of ON roleswap.operation_step (operation, id);

CREATE TABLE roleswap.server_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node text NOT NULL,
    epoch bigint NOT NULL,
    task text NOT NULL,
    due timestamptz NOT NULL,
    row_data jsonb NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (node, epoch, task, due)
);
COMMENT ON TABLE roleswap.server_history IS 'Runs that a returning old master had finished and the new master did not know';
COMMENT ON COLUMN roleswap.server_history.id IS 'Its number';
COMMENT ON COLUMN roleswap.server_history.node IS 'Node whose store held it';
COMMENT ON COLUMN roleswap.server_history.epoch IS 'Epoch of the row there';
COMMENT ON COLUMN roleswap.server_history.task IS 'Task of the run';
COMMENT ON COLUMN roleswap.server_history.due IS 'Due time of the run';
COMMENT ON COLUMN roleswap.server_history.row_data IS 'The whole row as it was there';
COMMENT ON COLUMN roleswap.server_history.found_at IS 'When it was copied';

-- Roles belong to the cluster, so this one may be there already.
DO $role$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'roleswap_app') THEN
        CREATE ROLE roleswap_app NOLOGIN;
        COMMENT ON ROLE roleswap_app IS 'Applications that keep tables of their own in the mirrored store; grant it to login roles';
    END IF;
    EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO roleswap_app', current_database());
END $role$;
