-- It lets in more than before: what an earlier release writes is still good.
ALTER TABLE users
    ADD COLUMN email_verified_at timestamptz,
    ADD COLUMN disabled_at timestamptz,
    -- squawk-ignore ban-drop-not-null
    ALTER COLUMN password_hash DROP NOT NULL,
    -- squawk-ignore ban-drop-constraint
    DROP CONSTRAINT users_role_check,
    ADD CONSTRAINT users_role_check CHECK (role IN ('user', 'operator', 'admin')) NOT VALID;

COMMENT ON COLUMN users.email_verified_at IS 'When they proved that the address is theirs.';
COMMENT ON COLUMN users.disabled_at IS 'Since when nobody gets in as this user.';
COMMENT ON COLUMN users.password_hash IS 'Null where an identity provider alone vouches for them.';

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    generation integer NOT NULL DEFAULT 0,
    rotated_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    address text,
    user_agent text
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at DESC);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

COMMENT ON TABLE sessions IS 'Each sign-in: the family of refresh tokens that follow from it.';
COMMENT ON COLUMN sessions.generation IS 'The number of the refresh token that is good now.';
COMMENT ON COLUMN sessions.rotated_at IS 'When it became good, and its predecessor ceased to be.';

CREATE TABLE signing_keys (
    kid text PRIMARY KEY,
    sealed bytea NOT NULL,
    public_jwk jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN signing_keys.sealed IS 'The private key, encrypted with the key of the settings.';

CREATE TABLE one_time_tokens (
    hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('reset_password', 'verify_email')),
    email text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX one_time_tokens_by_user ON one_time_tokens (user_id, purpose);

COMMENT ON COLUMN one_time_tokens.hash IS 'SHA-256 of what was mailed.';
COMMENT ON COLUMN one_time_tokens.email IS 'Where it was mailed to: an address that is theirs no more proves nothing.';

CREATE TABLE sign_in_tries (
    subject text PRIMARY KEY,
    tries integer NOT NULL,
    blocked_until timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_tries_by_age ON sign_in_tries (updated_at);

COMMENT ON TABLE sign_in_tries IS 'How often somebody was wrong lately, by account and by address.';

CREATE FUNCTION darkroom_tries_now(tries integer, since timestamptz, forgotten integer)
RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN since < now() - make_interval(secs => forgotten) THEN 1 ELSE tries + 1 END
$$;

COMMENT ON FUNCTION darkroom_tries_now IS 'The number of tries with one more; old ones are forgotten.';
