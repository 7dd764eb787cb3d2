"""What nobody looks for any more leaves the database, and nothing else does."""

from collections.abc import AsyncIterator

import psycopg
import pytest
from darkroom_api.database import Pool, open_pool
from darkroom_api.forgetting import forget


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, connections=2) as pool:
        yield pool


OLD_AND_YOUNG = {
    "rate_buckets": """
        INSERT INTO rate_buckets (key, tokens, granted, at)
        VALUES ('old', 1, 0, now() - interval '25 hours'),
            ('young', 1, 0, now() - interval '23 hours')
    """,
    "oidc_logins": """
        INSERT INTO oidc_logins (
            state_hash, browser_hash, nonce, verifier, redirect_uri, expires_at
        ) VALUES ('old', 'x', 'x', 'x', 'x', now() - interval '1 second'),
            ('young', 'x', 'x', 'x', 'x', now() + interval '1 minute')
    """,
    "api_keys": """
        INSERT INTO api_keys (id, owner, name, hash, scopes, revoked_at)
        SELECT gen_random_uuid(), users.id, kind, 'x', '{}', now() - age
        FROM users, (VALUES ('old', interval '91 days'), ('young', interval '89 days'),
            ('in use', NULL)) AS keys (kind, age)
    """,
    "audit_events": """
        INSERT INTO audit_events (at, type)
        VALUES (now() - interval '31 days', 'old'), (now() - interval '29 days', 'young')
    """,
}
LEFT = {
    "rate_buckets": "SELECT key FROM rate_buckets",
    "oidc_logins": "SELECT encode(state_hash, 'escape') FROM oidc_logins",
    "api_keys": "SELECT name FROM api_keys WHERE name <> 'in use'",
    "audit_events": "SELECT type FROM audit_events",
}


@pytest.mark.parametrize("table", OLD_AND_YOUNG)
async def test_what_is_old_goes_and_the_rest_stays(
    pool: Pool, db: psycopg.Connection, table: str
) -> None:
    db.execute(
        "INSERT INTO users (id, email, password_hash) "
        "VALUES (gen_random_uuid(), 'ada@example.com', 'x')"
    )
    db.execute(OLD_AND_YOUNG[table].encode())

    await forget(pool, audit_days=30)
    await forget(pool, audit_days=30)

    assert db.execute(LEFT[table].encode()).fetchall() == [("young",)]
    keys = db.execute("SELECT count(*) FROM api_keys WHERE name = 'in use'").fetchone()
    assert keys == (1 if table == "api_keys" else 0,)
