CREATE TABLE outbox_position (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    xid xid8 NOT NULL,
    id bigint NOT NULL
);

COMMENT ON TABLE outbox_position IS
'The last event of tasks of which deliveries were made: one row, locked by whoever makes more.';

-- What happened before anybody could ask for it is told to nobody.
INSERT INTO outbox_position (xid, id) VALUES (pg_snapshot_xmin(pg_current_snapshot()), 0);

CREATE TABLE webhook_endpoints (
    id text PRIMARY KEY,
    owner uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    url text NOT NULL,
    description text,
    types text[] NOT NULL,
    secret bytea NOT NULL,
    previous_secret bytea,
    previous_secret_until timestamptz,
    disabled_at timestamptz,
    disabled_because text CHECK (disabled_because IN ('asked', 'gone', 'failing')),
    failing_since timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN webhook_endpoints.types IS 'Types of events, with * at the end for all that begin so.';
COMMENT ON COLUMN webhook_endpoints.secret IS 'Sealed: AES-256-GCM, the nonce first.';
COMMENT ON COLUMN webhook_endpoints.previous_secret IS 'Signs too until previous_secret_until.';
COMMENT ON COLUMN webhook_endpoints.failing_since IS 'The first failure after the last success.';

CREATE INDEX webhook_endpoints_by_owner ON webhook_endpoints (owner, created_at DESC, id DESC);

CREATE TABLE webhook_default_secrets (
    owner uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret bytea NOT NULL,
    previous_secret bytea,
    previous_secret_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE webhook_default_secrets IS 'What webhooks to the URL of a single task are signed by.';

CREATE TABLE task_webhooks (
    task_id text PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    owner uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    url text NOT NULL,
    types text[] NOT NULL
);

COMMENT ON TABLE task_webhooks IS 'The URLs that were given with single tasks.';

CREATE TABLE notification_preferences (
    owner uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    on_success boolean NOT NULL DEFAULT false,
    on_failure boolean NOT NULL DEFAULT false,
    digest boolean NOT NULL DEFAULT false,
    digest_hour integer NOT NULL DEFAULT 8 CHECK (digest_hour BETWEEN 0 AND 23),
    timezone text NOT NULL DEFAULT 'UTC',
    digest_after timestamptz NOT NULL DEFAULT now(),
    next_digest_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN notification_preferences.digest_after IS 'The next digest is about what ended since.';

CREATE INDEX notification_preferences_due ON notification_preferences (next_digest_at)
WHERE digest;

CREATE TABLE deliveries (
    id text PRIMARY KEY,
    position bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL CHECK (kind IN ('webhook', 'mail')),
    lane text NOT NULL,
    channel text NOT NULL,
    owner uuid REFERENCES users (id) ON DELETE CASCADE,
    endpoint text REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    url text,
    recipient text,
    task_id text,
    type text NOT NULL,
    body text NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (
        status IN ('pending', 'succeeded', 'failed', 'previewed')
    ),
    attempts integer NOT NULL DEFAULT 0,
    tries integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now(),
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CHECK (kind <> 'webhook' OR (owner IS NOT NULL AND num_nonnulls(endpoint, url) = 1)),
    CHECK (kind <> 'mail' OR recipient IS NOT NULL)
);

COMMENT ON TABLE deliveries IS 'The outbox: what is to be told, and what came of it.';
COMMENT ON COLUMN deliveries.lane IS 'Who receives it: what is slow or full there holds up only this lane.';
COMMENT ON COLUMN deliveries.channel IS 'Within it they are sent in the order of position.';
COMMENT ON COLUMN deliveries.type IS 'The event''s type, or the mail''s template.';
COMMENT ON COLUMN deliveries.body IS 'Of a webhook the body, byte for byte; of a mail its values as JSON, erased once it is sent.';
COMMENT ON COLUMN deliveries.attempts IS 'How often it was claimed since it was made or replayed.';
COMMENT ON COLUMN deliveries.tries IS 'How often it was claimed in all.';
COMMENT ON COLUMN deliveries.due_at IS 'When it may be claimed. A claim puts it off by its lease.';

CREATE INDEX deliveries_due ON deliveries (kind, lane, due_at) WHERE status = 'pending';
CREATE INDEX deliveries_in_order ON deliveries (channel, position) WHERE status = 'pending';
CREATE INDEX deliveries_by_owner ON deliveries (owner, position DESC);
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint, position DESC);
CREATE INDEX deliveries_ended ON deliveries (finished_at) WHERE status <> 'pending';

CREATE TABLE delivery_attempts (
    delivery text NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    number integer NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    status_code integer,
    error text,
    latency_ms integer NOT NULL,
    response text,
    PRIMARY KEY (delivery, number)
);

COMMENT ON COLUMN delivery_attempts.response IS 'The first bytes of the answer, as text.';

CREATE TABLE delivery_lanes (
    lane text PRIMARY KEY,
    held_until timestamptz NOT NULL,
    holds integer NOT NULL DEFAULT 0
);

COMMENT ON TABLE delivery_lanes IS 'Lanes in which nothing is sent until held_until: the receiver asked for a pause.';
