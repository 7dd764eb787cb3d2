-- One rewrite of the table for all the columns.
ALTER TABLE tasks
    ADD COLUMN pool text GENERATED ALWAYS AS (coalesce(spec ->> 'pool', 'default')) STORED,
    ADD COLUMN priority smallint GENERATED ALWAYS AS (
        CASE spec ->> 'priority' WHEN 'Critical' THEN 2 WHEN 'Low' THEN 0 ELSE 1 END
    ) STORED,
    ADD COLUMN origin text GENERATED ALWAYS AS (spec ->> 'origin') STORED,
    ADD COLUMN tries jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN dead_lettered boolean NOT NULL DEFAULT false,
    ADD COLUMN reason text,
    ADD COLUMN message text,
    ADD COLUMN outputs_deleted_at timestamptz;

COMMENT ON COLUMN tasks.pool IS 'The resource''s spec.pool.';
COMMENT ON COLUMN tasks.priority IS 'The resource''s spec.priority: 2 Critical, 1 Default, 0 Low.';
COMMENT ON COLUMN tasks.origin IS 'The failed task that this one replays: its id, or its name.';
COMMENT ON COLUMN tasks.tries IS 'Each processor that was started for it: the resource''s status.tries.';
COMMENT ON COLUMN tasks.dead_lettered IS 'Whether it failed though it might have succeeded: a replay may.';
COMMENT ON COLUMN tasks.reason IS 'Why it is where it is: the reason of the condition Succeeded.';
COMMENT ON COLUMN tasks.message IS 'The same in a sentence: the message of the condition Succeeded.';
COMMENT ON COLUMN tasks.outputs_deleted_at IS 'When its outputs and its upload were removed from storage.';

-- What the submitter looks for. A row is in the cluster, as far as anybody can know, from its first
-- try to create the resource: the answer may have been lost. So a row waits while it was never
-- tried, and is due when it may be tried again or withdrawn.
DROP INDEX tasks_due;
CREATE INDEX tasks_due ON tasks (submit_after)
WHERE (cancel_requested_at IS NOT NULL AND withdrawn_at IS NULL)
    OR (uid IS NULL AND status = 'queued' AND submit_attempts > 0);
CREATE INDEX tasks_in_cluster ON tasks (namespace, owner)
WHERE uid IS NOT NULL AND status IN ('queued', 'running');
-- The oldest row of each owner and priority is found without looking at the others.
CREATE INDEX tasks_waiting ON tasks (
    namespace, coalesce(owner, '00000000-0000-0000-0000-000000000000'), priority, created_at, id
) WHERE uid IS NULL AND status = 'queued' AND submit_attempts = 0;

-- The backlog of a pool is counted in it.
DROP INDEX tasks_unfinished;
CREATE INDEX tasks_unfinished ON tasks (pool) WHERE status IN ('queued', 'running');

CREATE INDEX tasks_dead_letters_by_owner ON tasks (owner, created_at DESC, id DESC)
WHERE dead_lettered;
CREATE INDEX tasks_dead_letters_by_age ON tasks (created_at DESC, id DESC) WHERE dead_lettered;
CREATE INDEX tasks_by_origin ON tasks (origin) WHERE origin IS NOT NULL;

-- What the sweep looks for, and who else needs an upload.
CREATE INDEX tasks_ended ON tasks (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX tasks_with_outputs ON tasks (finished_at)
WHERE finished_at IS NOT NULL AND outputs_deleted_at IS NULL;
CREATE INDEX tasks_by_source ON tasks ((spec -> 'source' ->> 'key'))
WHERE outputs_deleted_at IS NULL;

CREATE FUNCTION darkroom_tries(known jsonb, seen jsonb) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        jsonb_agg(
            entry ORDER BY (entry ->> 'number')::integer, (entry ->> 'startedAt')::timestamptz,
                entry ->> 'pod'
        ),
        '[]'
    )
    FROM (
        -- Of two that have ended, or have not, the one that says more: jsonb orders by size first.
        SELECT DISTINCT ON (entry ->> 'pod') entry
        FROM jsonb_array_elements(known || seen) AS entry
        ORDER BY entry ->> 'pod', entry ? 'finishedAt' DESC, entry DESC
    ) AS merged
$$;

COMMENT ON FUNCTION darkroom_tries IS
'Merges two lists of tries by pod, whatever the order: one that has ended beats one that has not.';

CREATE OR REPLACE FUNCTION darkroom_record(observation jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    seen_uid text := observation ->> 'uid';
    -- JSON's null is as unknown as an absent key.
    seen jsonb := jsonb_strip_nulls(observation - 'spec' - 'outputs' - 'error');
    seen_spec jsonb := nullif(observation -> 'spec', 'null');
    seen_status text := coalesce(observation ->> 'status', 'queued');
    seen_rank integer := darkroom_status_rank(seen_status);
    seen_created timestamptz := (seen ->> 'created_at')::timestamptz;
    before tasks;
    after tasks;
    inserted boolean := false;
BEGIN
    IF seen_uid IS NULL OR seen ->> 'namespace' IS NULL OR seen ->> 'name' IS NULL THEN
        RAISE 'an observation needs namespace, name and uid';
    END IF;

    SELECT * INTO before FROM tasks WHERE uid = seen_uid FOR UPDATE;
    IF NOT FOUND THEN
        -- The row that the API queued under this name, if no other resource ever had it: a
        -- resource that is made by hand under a used name must not take that row over.
        SELECT * INTO before FROM tasks
        WHERE id = seen ->> 'name' AND namespace = seen ->> 'namespace'
            AND name = id AND uid IS NULL
        FOR UPDATE;
    END IF;
    IF NOT FOUND THEN
        INSERT INTO tasks (id, namespace, name, uid, created_at)
        VALUES (
            'task-' || replace(seen_uid, '-', ''), seen ->> 'namespace', seen ->> 'name',
            seen_uid, coalesce(seen_created, now())
        )
        -- Of two who insert at once one may meet the other at either key, so neither is named.
        ON CONFLICT DO NOTHING;
        inserted := FOUND;
        SELECT * INTO STRICT before FROM tasks WHERE uid = seen_uid FOR UPDATE;
    END IF;

    after := before;
    after.uid := seen_uid;
    after.spec := coalesce(before.spec, seen_spec);
    after.job := coalesce(before.job, seen ->> 'job');
    after.attempts := greatest(before.attempts, (seen ->> 'attempts')::integer);
    after.started_at := least(before.started_at, (seen ->> 'started_at')::timestamptz);
    after.submitted_at := coalesce(before.submitted_at, seen_created);
    IF seen ? 'tries' THEN
        after.tries := darkroom_tries(before.tries, seen -> 'tries');
    END IF;
    IF before.owner IS NULL THEN
        after.created_at := least(before.created_at, seen_created);
    END IF;

    IF seen_rank > darkroom_status_rank(before.status) THEN
        after.status := seen_status;
        after.reason := seen ->> 'reason';
        after.message := seen ->> 'message';
        IF seen_rank = 2 THEN
            after.finished_at := coalesce((seen ->> 'finished_at')::timestamptz, now());
            after.outputs := coalesce(nullif(observation -> 'outputs', 'null'), '[]');
            after.error := nullif(observation -> 'error', 'null');
        END IF;
        IF seen_status = 'succeeded' THEN
            after.progress := 100;
        END IF;
    ELSIF seen_status = before.status AND seen ? 'reason' AND (
        -- Why it ended is said once; why it waits may change.
        seen_rank < 2 OR before.reason IS NULL
    ) THEN
        after.reason := seen ->> 'reason';
        after.message := seen ->> 'message';
    END IF;
    -- Of what was canceled before its failure was seen nobody waits for a replay.
    after.dead_lettered := before.dead_lettered OR (
        after.status = 'failed' AND coalesce((seen ->> 'dead_lettered')::boolean, false)
    );

    IF after IS NOT DISTINCT FROM before AND NOT inserted THEN
        RETURN false;
    END IF;

    UPDATE tasks SET
        uid = after.uid, spec = after.spec, job = after.job, attempts = after.attempts,
        tries = after.tries, status = after.status, reason = after.reason,
        message = after.message, dead_lettered = after.dead_lettered,
        progress = after.progress, outputs = after.outputs, error = after.error,
        created_at = after.created_at, submitted_at = after.submitted_at,
        started_at = after.started_at, finished_at = after.finished_at, updated_at = now()
    WHERE id = before.id;
    PERFORM pg_notify('darkroom_tasks', before.id);
    RETURN true;
END
$$;
