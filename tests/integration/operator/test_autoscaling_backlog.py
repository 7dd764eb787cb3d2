"""The backlog of the pools, counted by a real Postgres."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator

import psycopg
import pytest
from darkroom_operator.autoscaling.backlog import AwayError, Backlog
from darkroom_operator.autoscaling.serve import serve
from darkroom_operator.autoscaling.settings import AutoscalingSettings
from darkroom_operator.metrics.pools import BACKLOG
from darkroom_operator.postgres import Postgres


def insert(database_url: str, status: str, namespace: str = "media", pool: str = "") -> None:
    spec = {"pool": pool} if pool else {}
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO tasks (id, name, namespace, status, spec) VALUES (%s, %s, %s, %s, %s)",
            (uuid.uuid4(), uuid.uuid4().hex, namespace, status, json.dumps(spec)),
        )


def gauge(pool: str) -> float | None:
    labels = {"pool_namespace": "media", "pool": pool}
    return next(
        (s.value for family in BACKLOG.collect() for s in family.samples if s.labels == labels),
        None,
    )


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Postgres]:
    postgres = Postgres(database_url)
    yield postgres
    await postgres.close()


async def test_unfinished_tasks_are_counted_by_pool(
    database_url: str, connection: Postgres
) -> None:
    for status in ("queued", "running", "succeeded", "failed", "canceled"):
        insert(database_url, status)
        insert(database_url, status, pool="gpu")
    insert(database_url, "queued", pool="gpu")
    insert(database_url, "queued", namespace="other")
    backlog = Backlog(connection, lambda: [("media", "new")])
    await backlog.refresh()
    assert backlog.of("media")[0] == {"default": 2, "gpu": 3, "new": 0}
    assert backlog.of("other")[0] == {"default": 1}
    assert backlog.of("nowhere")[0] == {}
    assert gauge("gpu") == 3


async def test_a_pool_that_has_done_everything_has_0(
    database_url: str, connection: Postgres
) -> None:
    insert(database_url, "running", pool="brief")
    backlog = Backlog(connection, list)
    await backlog.refresh()
    with psycopg.connect(database_url) as session:
        session.execute("UPDATE tasks SET status = 'succeeded', finished_at = now()")
    await backlog.refresh()
    assert backlog.of("media")[0] == {"brief": 0}
    assert gauge("brief") == 0


async def test_before_postgres_has_said_anything_nothing_is_known(connection: Postgres) -> None:
    with pytest.raises(AwayError):
        Backlog(connection, list).of("media")


async def test_a_postgres_that_is_away_is_waited_out(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darkroom_operator.autoscaling.backlog.STALE_SECONDS", 0.0)
    nowhere = psycopg.conninfo.make_conninfo(database_url, port=1)
    postgres = Postgres(nowhere)
    BACKLOG.labels("media", "old").set(5)
    running = asyncio.create_task(Backlog(postgres, list).run(every=0.01))
    async with asyncio.timeout(10):
        while gauge("old") is not None:  # noqa: ASYNC110  # polled
            await asyncio.sleep(0.01)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await postgres.close()


async def test_the_number_is_told_until_the_operator_ends(database_url: str) -> None:
    insert(database_url, "queued", pool="told")
    running = asyncio.create_task(
        serve(AutoscalingSettings(), namespace="media", database_url=database_url, pools=list)
    )
    async with asyncio.timeout(10):
        while gauge("told") != 1:  # noqa: ASYNC110  # polled
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
