-- The one way in which what happens in Kubernetes comes into this database. Observations may come
-- twice, late and in any order: facts are merged (the earliest start, the most attempts), and the
-- status only ever goes up the ranks queued < running < final.
CREATE FUNCTION darkroom_status_rank(status text) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE status WHEN 'queued' THEN 0 WHEN 'running' THEN 1 ELSE 2 END
$$;

CREATE FUNCTION darkroom_record(observation jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    seen_uid text := observation ->> 'uid';
    -- JSON's null is as unknown as an absent key.
    seen jsonb := jsonb_strip_nulls(observation - 'spec' - 'outputs' - 'error');
    seen_spec jsonb := nullif(observation -> 'spec', 'null');
    seen_status text := coalesce(observation ->> 'status', 'queued');
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
    IF before.owner IS NULL THEN
        after.created_at := least(before.created_at, seen_created);
    END IF;

    IF darkroom_status_rank(seen_status) > darkroom_status_rank(before.status) THEN
        after.status := seen_status;
        IF darkroom_status_rank(seen_status) = 2 THEN
            after.finished_at := coalesce((seen ->> 'finished_at')::timestamptz, now());
            after.outputs := coalesce(nullif(observation -> 'outputs', 'null'), '[]');
            after.error := nullif(observation -> 'error', 'null');
        END IF;
        IF seen_status = 'succeeded' THEN
            after.progress := 100;
        END IF;
    END IF;

    IF after IS NOT DISTINCT FROM before AND NOT inserted THEN
        RETURN false;
    END IF;

    UPDATE tasks SET
        uid = after.uid, spec = after.spec, job = after.job, attempts = after.attempts,
        status = after.status, progress = after.progress, outputs = after.outputs,
        error = after.error, created_at = after.created_at, submitted_at = after.submitted_at,
        started_at = after.started_at, finished_at = after.finished_at, updated_at = now()
    WHERE id = before.id;
    PERFORM pg_notify('darkroom_tasks', before.id);
    RETURN true;
END
$$;

COMMENT ON FUNCTION darkroom_record IS
'Merges one observation of a resource into its row; returns whether the row changed.';
