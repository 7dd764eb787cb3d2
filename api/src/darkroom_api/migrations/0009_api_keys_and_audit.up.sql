CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    owner uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name text NOT NULL,
    hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);

COMMENT ON COLUMN api_keys.id IS 'The part of the key that is no secret.';
COMMENT ON COLUMN api_keys.hash IS 'SHA-256 of the whole key, of which 32 bytes are random.';
COMMENT ON COLUMN api_keys.scopes IS 'At most: it has none that its owner''s role does not have now.';
COMMENT ON COLUMN api_keys.last_used_at IS 'Written once a minute at most.';

CREATE INDEX api_keys_by_owner ON api_keys (owner, created_at DESC, id DESC);

CREATE TABLE oidc_subjects (
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX oidc_subjects_by_user ON oidc_subjects (user_id);

COMMENT ON TABLE oidc_subjects IS 'Which user somebody is whom an OpenID provider vouches for.';

CREATE TABLE oidc_logins (
    state_hash bytea PRIMARY KEY,
    browser_hash bytea NOT NULL,
    nonce text NOT NULL,
    verifier text NOT NULL,
    redirect_uri text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX oidc_logins_by_expiry ON oidc_logins (expires_at);

COMMENT ON TABLE oidc_logins IS 'Logins that are under way at the OpenID provider; each is used once.';

CREATE TABLE audit_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    type text NOT NULL,
    actor uuid,
    subject text,
    address text,
    user_agent text,
    request_id text,
    details jsonb NOT NULL DEFAULT '{}'
);

COMMENT ON TABLE audit_events IS 'What happened that matters to security. Rows are never changed.';
COMMENT ON COLUMN audit_events.actor IS 'The user who did it, who may be gone since; null: nobody known.';
COMMENT ON COLUMN audit_events.subject IS 'What it was done to: an id, or an e-mail address.';

CREATE INDEX audit_events_by_actor ON audit_events (actor, id DESC);
CREATE INDEX audit_events_by_subject ON audit_events (subject, id DESC);
CREATE INDEX audit_events_by_type ON audit_events (type, id DESC);
CREATE INDEX audit_events_by_age ON audit_events (at);
