CREATE OR REPLACE FUNCTION darkroom_record(observation jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    seen_uid text := observation ->> 'uid';
    -- JSON's null is as unknown as an absent key.
    seen jsonb := jsonb_strip_nulls(
        observation - 'spec' - 'outputs' - 'error' - 'recipe_outputs' - 'source'
    );
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
    after.recipe_outputs := coalesce(
        before.recipe_outputs, nullif(observation -> 'recipe_outputs', 'null')
    );
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
            after.source_facts := nullif(observation -> 'source', 'null');
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
        source_facts = after.source_facts, recipe_outputs = after.recipe_outputs,
        created_at = after.created_at, submitted_at = after.submitted_at,
        started_at = after.started_at, finished_at = after.finished_at, updated_at = now()
    WHERE id = before.id;
    PERFORM pg_notify('darkroom_tasks', before.id);
    RETURN true;
END
$$;
