ALTER TABLE tasks
    ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN batch text,
    ADD COLUMN cancel_at timestamptz,
    ADD COLUMN deleted_at timestamptz;

COMMENT ON COLUMN tasks.metadata IS 'What clients wrote on it: a map of strings.';
COMMENT ON COLUMN tasks.batch IS 'The batch that it was made in.';
COMMENT ON COLUMN tasks.cancel_at IS 'When it is canceled, unless it has ended by then.';
COMMENT ON COLUMN tasks.deleted_at IS
'When its owner deleted it. The row stays, empty, until the resource is surely gone.';

CREATE TABLE batches (
    id text PRIMARY KEY,
    owner uuid NOT NULL REFERENCES users (id),
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX batches_by_owner ON batches (owner, created_at DESC, id DESC);

CREATE TABLE idempotency_keys (
    principal uuid NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    token uuid NOT NULL,
    fingerprint bytea,
    status integer,
    headers jsonb,
    body bytea,
    locked_until timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (principal, route, key)
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

COMMENT ON TABLE idempotency_keys IS 'Requests with Idempotency-Key, and how they were answered.';
COMMENT ON COLUMN idempotency_keys.token IS 'Whose hold it is: a stale one is taken over.';
COMMENT ON COLUMN idempotency_keys.fingerprint IS 'SHA-256 of what was asked for.';
COMMENT ON COLUMN idempotency_keys.status IS 'The answer''s; null while the request is under way.';

-- Words are what is between letters and digits on one side and anything else on the other, so that
-- "holiday-042.jpg" is found by each of its parts.
CREATE FUNCTION darkroom_words(filename text, metadata jsonb) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('simple'::regconfig, regexp_replace(
        concat_ws(' ', filename, (SELECT string_agg(value, ' ') FROM jsonb_each_text(metadata))),
        '[^[:alnum:]]+', ' ', 'g'
    ))
$$;

CREATE FUNCTION darkroom_words_query(sought text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsquery('simple'::regconfig, string_agg(word || ':*', ' & '))
    FROM regexp_split_to_table(sought, '[^[:alnum:]]+') AS word
    WHERE word <> ''
$$;

COMMENT ON FUNCTION darkroom_words IS 'The words of a task''s file name and metadata.';
COMMENT ON FUNCTION darkroom_words_query IS
'Finds what has a word that begins with each of these; null where there is no word.';
