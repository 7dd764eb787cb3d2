CREATE TABLE tasks (
    id text PRIMARY KEY,
    owner uuid REFERENCES users (id),
    namespace text NOT NULL,
    name text NOT NULL,
    uid text UNIQUE,
    spec jsonb,
    source_filename text,
    source_bytes bigint,
    status text NOT NULL DEFAULT 'queued' CHECK (
        status IN ('queued', 'running', 'succeeded', 'failed', 'canceled', 'expired')
    ),
    progress integer NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    attempts integer NOT NULL DEFAULT 0,
    job text,
    outputs jsonb NOT NULL DEFAULT '[]',
    error jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    submitted_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    cancel_requested_at timestamptz,
    withdrawn_at timestamptz,
    submit_attempts integer NOT NULL DEFAULT 0,
    submit_after timestamptz NOT NULL DEFAULT now(),
    submit_error text
);

COMMENT ON COLUMN tasks.id IS 'The id in REST. Of a task made by REST it is the resource''s name too.';
COMMENT ON COLUMN tasks.owner IS 'Who made it by REST; null for a task that was written by hand.';
COMMENT ON COLUMN tasks.uid IS 'The resource''s uid; null until the resource is known to exist.';
COMMENT ON COLUMN tasks.spec IS 'The resource''s spec as JSON; null where only the end was ever seen.';
COMMENT ON COLUMN tasks.outputs IS 'The files that were made: the resource''s status.outputs.';
COMMENT ON COLUMN tasks.error IS 'Why it failed: the resource''s status.error.';
COMMENT ON COLUMN tasks.submitted_at IS 'When the resource was created.';
COMMENT ON COLUMN tasks.cancel_requested_at IS 'When a user asked by REST to cancel it.';
COMMENT ON COLUMN tasks.withdrawn_at IS 'When the resource of a canceled task was known to be gone.';
COMMENT ON COLUMN tasks.submit_attempts IS 'How often the API tried to create or delete the resource.';
COMMENT ON COLUMN tasks.submit_after IS 'Nobody submits or withdraws it before: a lease, or a backoff.';
COMMENT ON COLUMN tasks.submit_error IS 'What the last try to create or delete the resource failed with.';

-- Lists are read newest first, by owner or (an admin) all of them.
CREATE INDEX tasks_by_owner ON tasks (owner, created_at DESC, id DESC);
CREATE INDEX tasks_by_age ON tasks (created_at DESC, id DESC);

-- What the submitter looks for; both hold few rows, whatever the table's size.
CREATE INDEX tasks_to_submit ON tasks (submit_after) WHERE uid IS NULL AND status = 'queued';
CREATE INDEX tasks_to_withdraw ON tasks (submit_after)
WHERE cancel_requested_at IS NOT NULL AND withdrawn_at IS NULL;

-- What the operator's resync looks for.
CREATE INDEX tasks_unfinished ON tasks (id) WHERE status IN ('queued', 'running');
