DROP FUNCTION darkroom_tries_now;
DROP TABLE sign_in_tries;
DROP TABLE one_time_tokens;
DROP TABLE signing_keys;
DROP TABLE sessions;
-- Who has no password here cannot sign in without what is taken back.
UPDATE users SET password_hash = '' WHERE password_hash IS NULL;
UPDATE users SET role = 'user' WHERE role = 'operator';
ALTER TABLE users
    DROP CONSTRAINT users_role_check,
    ADD CONSTRAINT users_role_check CHECK (role IN ('user', 'admin')),
    ALTER COLUMN password_hash SET NOT NULL,
    DROP COLUMN disabled_at,
    DROP COLUMN email_verified_at;
COMMENT ON COLUMN users.password_hash
IS 'argon2id, in the PHC string format, with its own parameters.';
