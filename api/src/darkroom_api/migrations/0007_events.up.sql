-- What happens to tasks, in an order that readers can follow without a gap: an event carries the id
-- of its transaction, and is read only when all earlier transactions are over. So whatever becomes
-- visible later comes later in (xid, id), however transactions overlap.
ALTER TABLE tasks ADD COLUMN version bigint NOT NULL DEFAULT 1;

COMMENT ON COLUMN tasks.version IS 'Raised with every change that a client can see.';

CREATE TABLE task_events (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id bigint GENERATED ALWAYS AS IDENTITY,
    task_id text NOT NULL,
    owner uuid,
    type text NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (xid, id)
);
CREATE INDEX task_events_by_task ON task_events (task_id, xid, id);
CREATE INDEX task_events_by_owner ON task_events (owner, xid, id) WHERE owner IS NOT NULL;

COMMENT ON TABLE task_events IS 'What happened to tasks. Old events are removed by age.';
COMMENT ON COLUMN task_events.xid IS 'The transaction. Read only what is before pg_snapshot_xmin().';
COMMENT ON COLUMN task_events.owner IS 'The task''s owner; null for a task that was written by hand.';
COMMENT ON COLUMN task_events.data IS 'The task at that time, in short.';

CREATE TABLE task_events_pruned (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    xid xid8 NOT NULL DEFAULT '0',
    id bigint NOT NULL DEFAULT 0
);
INSERT INTO task_events_pruned DEFAULT VALUES;

COMMENT ON TABLE task_events_pruned IS 'The last event that was removed: who read less has a gap.';

CREATE FUNCTION darkroom_tasks_made() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO task_events (task_id, owner, type, data)
    SELECT
        made.id, made.owner, 'task.created',
        jsonb_build_object(
            'status', made.status, 'progress', made.progress, 'attempts', made.attempts,
            'version', made.version
        )
    FROM made ORDER BY made.created_at, made.id;
    IF FOUND THEN
        PERFORM pg_notify('darkroom_events', '');
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION darkroom_task_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    shown tasks := OLD;
    type text;
BEGIN
    -- What no client is shown does not count; what is generated is not known here yet.
    shown.pool := NEW.pool;
    shown.priority := NEW.priority;
    shown.origin := NEW.origin;
    shown.version := NEW.version;
    shown.updated_at := NEW.updated_at;
    shown.withdrawn_at := NEW.withdrawn_at;
    shown.submit_attempts := NEW.submit_attempts;
    shown.submit_after := NEW.submit_after;
    IF (OLD.submit_error IS NULL) = (NEW.submit_error IS NULL) THEN
        shown.submit_error := NEW.submit_error;
    END IF;
    IF shown IS NOT DISTINCT FROM NEW THEN
        RETURN NEW;
    END IF;
    NEW.version := OLD.version + 1;

    IF NEW.status <> OLD.status THEN
        type := CASE NEW.status
            WHEN 'running' THEN 'task.started' WHEN 'queued' THEN NULL ELSE 'task.' || NEW.status
        END;
    ELSIF NEW.status NOT IN ('queued', 'running') THEN
        type := NULL;
    ELSIF OLD.cancel_requested_at IS NULL AND NEW.cancel_requested_at IS NOT NULL THEN
        type := 'task.canceling';
    ELSIF NEW.attempts > OLD.attempts AND OLD.attempts > 0 THEN
        type := 'task.retrying';
    ELSIF NEW.progress > OLD.progress THEN
        type := 'task.progress';
    END IF;
    IF type IS NOT NULL THEN
        INSERT INTO task_events (task_id, owner, type, data) VALUES (
            NEW.id, NEW.owner, type,
            jsonb_strip_nulls(
                jsonb_build_object(
                    'status', NEW.status, 'progress', NEW.progress, 'attempts', NEW.attempts,
                    'version', NEW.version, 'reason', NEW.reason, 'message', NEW.message,
                    'error', NEW.error
                )
            )
        );
    END IF;
    PERFORM pg_notify('darkroom_tasks', NEW.id);
    RETURN NEW;
END
$$;

COMMENT ON FUNCTION darkroom_task_changed IS
'Raises a task''s version with what a client can see, and notes what happened to it.';

CREATE TRIGGER tasks_made AFTER INSERT ON tasks
REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION darkroom_tasks_made();

CREATE TRIGGER tasks_changed BEFORE UPDATE ON tasks
FOR EACH ROW EXECUTE FUNCTION darkroom_task_changed();
