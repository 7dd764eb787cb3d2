"""What a replica needs to be ready, and what it does not: mail and storage may be away."""

import asyncio
from typing import Any

import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.database import connection_options, open_pool
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, client_of

# Nobody listens there.
NOWHERE = "127.0.0.1"
CLOSED_PORT = "1"


@pytest.mark.usefixtures("settings")
async def test_readiness_needs_neither_storage_nor_mail_nor_kubernetes(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "DARKROOM_STORAGE__BACKEND": "s3",
        "DARKROOM_STORAGE__BUCKET": "darkroom",
        "DARKROOM_STORAGE__ENDPOINT": f"http://{NOWHERE}:{CLOSED_PORT}",
        "DARKROOM_MAIL__HOST": NOWHERE,
        "DARKROOM_MAIL__PORT": CLOSED_PORT,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }.items():
        monkeypatch.setenv(name, value)
    cluster.is_away = True
    async with client_of(create_app(Settings(), open_cluster=cluster.opened)) as client:
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/livez")).status_code == 200


@pytest.mark.usefixtures("settings")
async def test_a_replica_without_postgres_lives_and_is_not_ready(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_DATABASE_URL", f"postgresql://x@{NOWHERE}:{CLOSED_PORT}/x")
    async with client_of(create_app(Settings(), open_cluster=cluster.opened)) as client:
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503


async def test_every_connection_gives_up_statements_and_idle_transactions(
    database_url: str,
) -> None:
    async def limits(connection: psycopg.AsyncConnection[Any]) -> tuple[str, ...]:
        names = ("statement_timeout", "idle_in_transaction_session_timeout")
        rows = [await (await connection.execute(f"SHOW {name}")).fetchone() for name in names]
        return tuple(row[0] for row in rows if row)

    async with open_pool(database_url, connections=2) as pool, pool.connection() as connection:
        assert await limits(connection) == ("10s", "2min")
    listening = await psycopg.AsyncConnection.connect(database_url, **connection_options("test"))
    async with listening:
        assert await limits(listening) == ("10s", "2min")


async def test_a_pool_never_has_more_connections_than_it_may(
    database_url: str, db: psycopg.Connection
) -> None:
    async def use_one() -> None:
        async with pool.connection() as connection:
            await connection.execute("SELECT pg_sleep(0.01)")

    async with open_pool(database_url, connections=3) as pool:
        await asyncio.gather(*(use_one() for _ in range(30)))
        row = db.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'darkroom-api'"
            " AND datname = current_database()"
        ).fetchone()
        assert row
        assert row[0] <= 3
