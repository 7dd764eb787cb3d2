-- What is lost with a crash of Postgres is a few seconds' worth of counting.
CREATE UNLOGGED TABLE rate_buckets (
    key text PRIMARY KEY,
    tokens double precision NOT NULL,
    granted integer NOT NULL,
    at timestamptz NOT NULL
) WITH (fillfactor = 50);

COMMENT ON TABLE rate_buckets IS 'Token buckets of the rate limits, from which replicas take small lots.';
COMMENT ON COLUMN rate_buckets.granted IS 'How many tokens the last statement took.';
COMMENT ON COLUMN rate_buckets.at IS 'When tokens was true, by the clock of the database.';

ALTER TABLE users ADD COLUMN quota jsonb NOT NULL DEFAULT '{}';

COMMENT ON COLUMN users.quota IS
'What differs from the settings: tasks_per_day, bytes_stored, tasks_at_once, and limits by class.';

CREATE TABLE quota_usage (
    owner uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    day date NOT NULL,
    tasks bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    measured_at timestamptz NOT NULL DEFAULT '-infinity'
);

COMMENT ON COLUMN quota_usage.tasks IS 'Tasks that were made on that day, in UTC.';
COMMENT ON COLUMN quota_usage.bytes IS 'Bytes in storage at measured_at, and what was added since.';
