"""Rate limits on a real Postgres; several applications at once are several replicas."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.database import open_pool
from darkroom_api.deps import SignedIn
from darkroom_api.limits import queries
from darkroom_api.limits.bucket import Policy
from darkroom_api.limits.lease import Leases
from darkroom_api.limits.settings import LimitSettings
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, User, client_of, register
from fastapi import Response

PATIENT = {"patience_ms": 10_000, "auth_per_second": 1000, "auth_burst": 1000}


def limited(settings: Settings, **limits: Any) -> Settings:
    return settings.model_copy(update={"limits": LimitSettings(**PATIENT | limits)})


@pytest.fixture
async def replicas(
    settings: Settings, cluster: FakeCluster
) -> AsyncIterator[list[httpx2.AsyncClient]]:
    """Two replicas with a strict limit for reading."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                client_of(create_app(limited(settings, read="strict"), open_cluster=cluster.opened))
            )
            for _ in range(2)
        ]


async def test_two_hundred_at_once_by_twenty_connections_get_exactly_the_burst(
    database_url: str,
) -> None:
    async with open_pool(database_url, connections=20) as pool:

        async def take() -> int:
            async with pool.connection() as connection:
                granted, _ = await queries.take(
                    connection, "k", burst=50, per_second=0.000_001, wanted=1
                )
                return granted

        granted = await asyncio.gather(*(take() for _ in range(200)))
    assert sum(granted) == 50


async def test_lots_at_once_are_cut_to_what_is_there(database_url: str) -> None:
    async with open_pool(database_url, connections=10) as pool:

        async def take() -> int:
            async with pool.connection() as connection:
                granted, left = await queries.take(
                    connection, "k", burst=50, per_second=0.000_001, wanted=8
                )
                assert left >= 0
                return granted

        granted = await asyncio.gather(*(take() for _ in range(20)))
    assert sum(granted) == 50
    assert set(granted) == {8, 2, 0}


async def test_a_bucket_fills_up_by_the_databases_clock_and_not_over_its_burst(
    database_url: str, db: psycopg.Connection
) -> None:
    async with open_pool(database_url, connections=2) as pool, pool.connection() as connection:
        assert await queries.take(connection, "k", burst=3, per_second=0.1, wanted=3) == (3, 0)
        db.execute("UPDATE rate_buckets SET at = at - interval '20 seconds'")
        granted, left = await queries.take(connection, "k", burst=3, per_second=0.1, wanted=3)
        assert granted == 2
        assert left < 0.1
        db.execute("UPDATE rate_buckets SET at = at - interval '1 year'")
        granted, left = await queries.take(connection, "k", burst=3, per_second=0.1, wanted=1)
        assert (granted, left) == (1, 2)


async def test_a_clock_that_is_set_back_gives_nothing_away(
    database_url: str, db: psycopg.Connection
) -> None:
    async with open_pool(database_url, connections=2) as pool, pool.connection() as connection:
        await queries.take(connection, "k", burst=3, per_second=10, wanted=3)
        db.execute("UPDATE rate_buckets SET at = at + interval '1 hour'")
        assert await queries.take(connection, "k", burst=3, per_second=10, wanted=1) == (0, 0)


async def test_three_replicas_together_keep_within_the_bound(database_url: str) -> None:
    """Burst + rate * time + a lot of each replica: what the documentation promises."""
    policy = Policy("read", 20, 40)
    async with AsyncExitStack() as stack:
        pools = [
            await stack.enter_async_context(open_pool(database_url, connections=4))
            for _ in range(3)
        ]

        def leases_of(number: int) -> Leases:
            async def take(key: str, policy: Policy, wanted: int) -> tuple[int, float]:
                async with pools[number].connection() as connection:
                    return await queries.take(
                        connection,
                        key,
                        burst=policy.burst,
                        per_second=policy.per_second,
                        wanted=wanted,
                    )

            return Leases(take)

        started = time.monotonic()

        async def replica(number: int) -> int:
            leases, admitted = leases_of(number), 0
            while time.monotonic() - started < 0.5:
                admitted += (await leases.permit("k", policy))[1]
                await asyncio.sleep(0.001)
            return admitted

        admitted = sum(await asyncio.gather(*(replica(number) for number in range(3))))
        seconds = time.monotonic() - started
    assert admitted <= policy.burst + policy.per_second * seconds + 3 * policy.lot
    assert admitted >= policy.burst - 3 * policy.lot


async def test_replicas_share_one_limit(replicas: list[httpx2.AsyncClient]) -> None:
    ada = await register(replicas[0], "ada@example.com")
    users = [User(client, ada.headers) for client in replicas]
    answers = [await users[n % 2].get("/v1/me") for n in range(6)]
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 3


async def test_a_refusal_says_which_limit_it_was_and_when_to_come_back(
    replicas: list[httpx2.AsyncClient],
) -> None:
    ada = await register(replicas[0], "ada@example.com")
    first = await ada.get("/v1/me")
    assert first.headers["RateLimit-Policy"] == '"read";q=3;w=30'
    assert first.headers["RateLimit"].startswith('"read";r=2;t=')
    for _ in range(2):
        await ada.get("/v1/me")
    refused = await ada.get("/v1/me")
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert 9 <= int(refused.headers["Retry-After"]) <= 10
    assert refused.headers["RateLimit"] == f'"read";r=0;t={refused.headers["Retry-After"]}'
    problem = refused.json()
    assert problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert problem["code"] == "rate_limited"
    assert problem["violated-policies"] == ["read"]
    assert problem["retryable"]
    described = await ada.http.get("/problems/rate_limited")
    assert described.status_code == 200


async def test_one_user_is_not_limited_by_another_nor_writing_by_reading(
    replicas: list[httpx2.AsyncClient],
) -> None:
    ada = await register(replicas[0], "ada@example.com")
    bob = await register(replicas[0], "bob@example.com")
    for _ in range(4):
        await ada.get("/v1/me")
    assert (await ada.get("/v1/me")).status_code == 429
    assert (await bob.get("/v1/me")).status_code == 200
    assert (await ada.upload()).status_code == 202


async def test_a_user_may_have_a_limit_of_their_own(
    replicas: list[httpx2.AsyncClient], db: psycopg.Connection
) -> None:
    ada = await register(replicas[0], "ada@example.com")
    db.execute("""UPDATE users SET quota = '{"limits": {"read": "conservative"}}'""")
    for _ in range(10):
        answer = await ada.get("/v1/me")
        assert answer.status_code == 200
    assert answer.headers["RateLimit-Policy"] == '"read";q=10;w=2'


async def test_an_answer_that_nothing_has_changed_is_not_counted(
    settings: Settings, cluster: FakeCluster
) -> None:
    app = create_app(limited(settings, read="strict"), open_cluster=cluster.opened)

    async def unchanged(_: SignedIn) -> Response:
        return Response(status_code=304)

    app.add_api_route("/v1/unchanged", unchanged)
    async with client_of(app) as client:
        ada = await register(client, "ada@example.com")
        for _ in range(20):
            assert (await ada.get("/v1/unchanged")).status_code == 304
        assert [(await ada.get("/v1/me")).status_code for _ in range(4)] == [200] * 3 + [429]


async def test_signing_in_is_limited_by_address(settings: Settings, cluster: FakeCluster) -> None:
    settings = limited(settings, auth_per_second=1, auth_burst=3)
    async with client_of(create_app(settings, open_cluster=cluster.opened)) as client:
        wrong = {"email": "nobody@example.com", "password": "x"}
        answers = [await client.post("/v1/auth/token", json=wrong) for _ in range(5)]
        assert [answer.status_code for answer in answers][:3] == [401] * 3
        assert answers[4].status_code == 429
        assert answers[4].json()["violated-policies"] == ["auth"]
        assert answers[0].headers["RateLimit-Policy"] == '"auth";q=3;w=3'
        # Those who are signed in are not limited by who tries to be.
        assert (await client.get("/v1/tasks")).status_code == 401


async def test_all_clients_together_are_limited_and_probes_are_not(
    settings: Settings, cluster: FakeCluster
) -> None:
    settings = limited(settings, global_per_second=5)
    async with client_of(create_app(settings, open_cluster=cluster.opened)) as client:
        answers = [await client.get("/v1/tasks") for _ in range(20)]
        refused = [answer for answer in answers if answer.status_code != 401]
        assert refused
        assert {answer.status_code for answer in refused} == {503}
        assert refused[0].json()["type"].endswith("#temporary-reduced-capacity")
        assert refused[0].headers["Retry-After"] == "1"
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def test_requests_are_let_through_while_postgres_is_slow(
    settings: Settings, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    settings = limited(settings, read="strict")
    impatient = settings.limits.model_copy(update={"patience_ms": 50})
    app = create_app(settings.model_copy(update={"limits": impatient}), open_cluster=cluster.opened)
    async with client_of(app) as client:
        with db.transaction():
            db.execute("LOCK TABLE rate_buckets IN ACCESS EXCLUSIVE MODE")
            started = time.monotonic()
            answers = [await client.get("/v1/recipes") for _ in range(20)]
            # It is waited for once, and not by each of them.
            assert time.monotonic() - started < 1
        assert {answer.status_code for answer in answers} == {401}
        metrics = (await client.get("/metrics")).text
        assert "darkroom_rate_limits_unknown_total 0.0" not in metrics


async def test_what_was_counted_costs_no_round_trip_while_a_lot_lasts(
    settings: Settings, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    settings = limited(settings, global_per_second=1000)
    async with client_of(create_app(settings, open_cluster=cluster.opened)) as client:
        for _ in range(50):
            await client.get("/v1/recipes")
        left = db.execute(
            "SELECT tokens, granted FROM rate_buckets WHERE key = 'global'"
        ).fetchone()
        assert left == (900, 100)
