CREATE TABLE files (
    owner uuid NOT NULL REFERENCES users (id),
    sha256 text NOT NULL,
    key text NOT NULL,
    size bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    checked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, sha256)
);
CREATE UNIQUE INDEX files_by_key ON files (key);
CREATE INDEX files_by_check ON files (checked_at);

COMMENT ON TABLE files IS 'Uploaded files: the same bytes of the same user are stored once.';
COMMENT ON COLUMN files.checked_at IS 'When it was last used, or found to be in use by a task.';

CREATE TABLE uploads (
    id text PRIMARY KEY,
    owner uuid NOT NULL REFERENCES users (id),
    via text NOT NULL CHECK (via IN ('direct', 'tus')),
    status text NOT NULL DEFAULT 'waiting' CHECK (
        status IN ('waiting', 'completed', 'failed', 'canceled', 'expired')
    ),
    key text NOT NULL,
    size bigint,
    received bigint NOT NULL DEFAULT 0,
    parked text,
    content_type text,
    filename text,
    sha256 text,
    facts jsonb,
    tasks jsonb NOT NULL DEFAULT '[]',
    task_ids text[] NOT NULL DEFAULT '{}',
    error jsonb,
    lease uuid,
    leased_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    finished_at timestamptz,
    cleared_at timestamptz
);
CREATE INDEX uploads_by_owner ON uploads (owner, created_at DESC, id DESC);
CREATE INDEX uploads_to_clear ON uploads (expires_at) WHERE cleared_at IS NULL;
CREATE INDEX uploads_to_look_for ON uploads (created_at)
WHERE status = 'waiting' AND via = 'direct';

COMMENT ON TABLE uploads IS 'Files that are to come, and what becomes of them.';
COMMENT ON COLUMN uploads.key IS 'Where its bytes are; those of an equal file, if there was one.';
COMMENT ON COLUMN uploads.parked IS 'With what storage goes on where it was interrupted.';
COMMENT ON COLUMN uploads.tasks IS 'The requests of the tasks that begin when it is complete.';
COMMENT ON COLUMN uploads.lease IS 'Who is writing; nobody else does until leased_until.';
COMMENT ON COLUMN uploads.cleared_at IS 'When nothing could be left in storage that nobody uses.';
