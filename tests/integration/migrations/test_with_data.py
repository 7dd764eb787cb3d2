"""Every migration with rows in the tables: up from every version, and down to every version.

`ROWS` is what a database of that version has in it: each table has a row from the version on that
makes it, and columns that a way down has to deal with are filled.
"""

import json
from typing import Any

import psycopg
import pytest
from darkroom_api import migrate
from psycopg import sql

ADA = "11111111-1111-4111-8111-111111111111"
SPEC = json.dumps(
    {
        "source": {"key": "uploads/task-1"},
        "outputs": [{"name": "a", "format": "webp"}],
        "priority": "Critical",
        "pool": "fast",
    }
)
TASK = """
INSERT INTO tasks (id, owner, namespace, name, uid, spec, source_filename, source_bytes, status,
    progress, outputs, started_at, finished_at, submitted_at)
VALUES ('task-{n}', '{ada}', 'media', 'task-{n}', {uid}, '{spec}', 'a.jpg', 9, '{status}',
    {progress}, '[]', {started}, {finished}, now())
"""


def task(n: int, status: str, progress: int = 0) -> str:
    is_final = status not in {"queued", "running"}
    return TASK.format(
        n=n,
        ada=ADA,
        uid="NULL" if status == "queued" else f"'uid-{n}'",
        spec=SPEC,
        status=status,
        progress=progress,
        started="NULL" if status == "queued" else "now()",
        finished="now()" if is_final else "NULL",
    )


ROWS: dict[int, list[str]] = {
    1: [
        """INSERT INTO users (id, email, password_hash, role) VALUES
        ('11111111-1111-4111-8111-111111111111', 'ada@example.com', 'x', 'user'),
        ('22222222-2222-4222-8222-222222222222', 'admin@example.com', 'x', 'admin')"""
    ],
    2: [
        task(1, "queued"),
        task(2, "running", 40),
        task(3, "succeeded", 100),
        task(4, "failed"),
        task(5, "canceled"),
    ],
    5: [
        """UPDATE tasks SET dead_lettered = true, reason = 'Failed', message = 'm',
        tries = '[{"number": 1, "pod": "p", "finishedAt": "2026-01-01T00:00:00Z"}]'
        WHERE id = 'task-4'"""
    ],
    6: ["UPDATE tasks SET cleaned_prefixes = '{uploads/}', source_facts = '{}' WHERE id='task-3'"],
    7: ["UPDATE tasks SET progress = 50 WHERE id = 'task-2'"],
    8: [
        """INSERT INTO users (id, email, role, email_verified_at, disabled_at) VALUES
        ('33333333-3333-4333-8333-333333333333', 'grace@example.com', 'operator', now(), now())""",
        """INSERT INTO sessions (id, user_id, expires_at)
        SELECT id, id, now() FROM users WHERE role = 'user'""",
        "INSERT INTO signing_keys (kid, sealed, public_jwk) VALUES ('k', 'x', '{}')",
        """INSERT INTO one_time_tokens (hash, user_id, purpose, email, expires_at)
        SELECT 'x', id, 'verify_email', email, now() FROM users WHERE role = 'user'""",
        "INSERT INTO sign_in_tries (subject, tries, blocked_until) VALUES ('a', 1, now())",
    ],
    9: [
        """INSERT INTO api_keys (id, owner, name, hash, scopes, revoked_at)
        SELECT id, id, 'ci', 'x', '{tasks:read}', now() FROM users WHERE role = 'user'""",
        "INSERT INTO oidc_subjects (issuer, subject, user_id) SELECT 'i', id, id FROM users",
        """INSERT INTO oidc_logins (state_hash, browser_hash, nonce, verifier, redirect_uri,
        expires_at) VALUES ('s', 'b', 'n', 'v', 'https://example.com', now())""",
        "INSERT INTO audit_events (type, actor) SELECT 'session.created', id FROM users",
    ],
    10: [
        "INSERT INTO rate_buckets (key, tokens, granted, at) VALUES ('global', 1, 1, now())",
        """UPDATE users SET quota = '{"tasks_per_day": 5}' WHERE role = 'user'""",
        "INSERT INTO quota_usage (owner, day) SELECT id, now() FROM users",
    ],
    11: [
        """INSERT INTO files (owner, sha256, key, size)
        SELECT id, 'x', 'uploads/x', 9 FROM users WHERE role = 'user'""",
        """INSERT INTO uploads (id, owner, via, key, expires_at)
        SELECT 'upload-1', id, 'tus', 'uploads/y', now() FROM users WHERE role = 'user'""",
    ],
    12: [
        "INSERT INTO batches (id, owner) SELECT 'batch-1', id FROM users WHERE role = 'user'",
        """UPDATE tasks SET batch = 'batch-1', metadata = '{"album": "earth"}', cancel_at = now()
        WHERE id = 'task-1'""",
        """INSERT INTO idempotency_keys (principal, route, key, token, locked_until, expires_at)
        SELECT id, 'r', 'k', id, now(), now() FROM users""",
    ],
    14: [
        """INSERT INTO webhook_endpoints (id, owner, url, types, secret)
        SELECT 'we', id, 'https://example.com', '{*}', 'x' FROM users WHERE role = 'user'""",
        "INSERT INTO webhook_default_secrets (owner, secret) SELECT id, 'x' FROM users",
        """INSERT INTO task_webhooks (task_id, owner, url, types)
        SELECT id, owner, 'https://example.com', '{*}' FROM tasks""",
        "INSERT INTO notification_preferences (owner, digest) SELECT id, true FROM users",
        """INSERT INTO deliveries (id, kind, lane, channel, recipient, type, body)
        VALUES ('d', 'mail', 'l', 'c', 'ada@example.com', 't', '{}')""",
        "INSERT INTO delivery_attempts (delivery, number, latency_ms) VALUES ('d', 1, 5)",
        "INSERT INTO delivery_lanes (lane, held_until) VALUES ('l', now())",
    ],
}
NEWEST = migrate.migrations()[-1].version
VERSIONS = [migration.version for migration in migrate.migrations()]
KEPT = (
    "SELECT id, owner, namespace, name, uid, spec, status, progress, outputs, created_at FROM tasks"
)


def fill(url: str, *, above: int, up_to: int) -> None:
    with psycopg.connect(url) as connection:
        for version, statements in ROWS.items():
            if above < version <= up_to:
                for statement in statements:
                    connection.execute(statement)


def kept(url: str) -> list[tuple[Any, ...]]:
    """What no migration may lose."""
    with psycopg.connect(url) as connection:
        tasks = connection.execute(KEPT + " ORDER BY id").fetchall()
        return [*tasks, *connection.execute("SELECT id, email FROM users ORDER BY 1").fetchall()]


def empty_tables(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        return sorted(
            name
            for (name,) in names
            if not connection.execute(
                sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(name))
            ).fetchone()
        )


@pytest.mark.parametrize("version", [v for v in VERSIONS if v > 1])
def test_a_database_of_any_version_comes_up_to_the_newest_with_all_that_is_in_it(
    empty_database_url: str, version: int
) -> None:
    migrate.up(empty_database_url, target=version)
    fill(empty_database_url, above=0, up_to=version)
    before = kept(empty_database_url)

    migrate.up(empty_database_url)

    assert kept(empty_database_url) == before
    # What a newer release writes finds its place.
    fill(empty_database_url, above=version, up_to=NEWEST)


def test_a_full_database_goes_down_step_by_step_and_comes_up_again(
    empty_database_url: str,
) -> None:
    migrate.up(empty_database_url)
    fill(empty_database_url, above=0, up_to=NEWEST)
    before = kept(empty_database_url)

    for version in reversed([v for v in VERSIONS if v >= 2]):
        migrate.down(empty_database_url, target=version)
        assert kept(empty_database_url) == before, version
    migrate.up(empty_database_url)

    assert kept(empty_database_url) == before


def test_every_table_has_a_row_while_it_is_migrated(empty_database_url: str) -> None:
    migrate.up(empty_database_url)
    fill(empty_database_url, above=0, up_to=NEWEST)
    assert empty_tables(empty_database_url) == []
