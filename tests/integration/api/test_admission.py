"""The admission window: a long backlog waits in Postgres, few are in the cluster."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.database import Pool, open_pool
from darkroom_api.settings import Settings
from darkroom_api.tasks import admission
from darkroom_api.tasks.submission import Claim
from darkroom_api.testing import FakeCluster, client_of, register, until
from psycopg import sql
from psycopg.types.json import Jsonb

ADA, BOB, EVE = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
SPEC = {"source": {"url": "https://example.com/a.jpg"}, "outputs": [{"name": "a", "format": "png"}]}


class BusyCluster(FakeCluster):
    """A cluster in which tasks end, and which knows how many were unfinished at most."""

    def __init__(self, db: psycopg.Connection) -> None:
        super().__init__()
        self.most = 0
        self._db = db

    async def create_task(self, body: dict[str, Any]) -> str:
        uid = await super().create_task(body)
        self.most = max(self.most, len(self.resources))
        # Others get their turn, as they do while an API server answers.
        await asyncio.sleep(0)
        return uid

    def owners(self) -> Counter[str]:
        return Counter(
            resource["metadata"]["labels"]["darkroom.dev/user"]
            for resource in self.resources.values()
        )

    def end(self, number: int) -> None:
        """Let so many tasks succeed, as the operator records it."""
        for key in list(self.resources)[:number]:
            metadata = self.resources.pop(key)["metadata"]
            name = {name: metadata[name] for name in ("namespace", "name", "uid")}
            self._db.execute("SELECT darkroom_record(%s)", [Jsonb(name | {"status": "succeeded"})])


def queue(
    db: psycopg.Connection,
    number: int = 1,
    *,
    owner: str | None = ADA,
    priority: str = "Default",
    age: float = 0,
    namespace: str = "media",
) -> None:
    """Add rows, the first `age` seconds old and each of the others a millisecond younger."""
    if owner:
        db.execute(
            "INSERT INTO users (id, email, password_hash) VALUES (%s, %s, '')"
            " ON CONFLICT DO NOTHING",
            [owner, f"{owner}@example.com"],
        )
    word = f"{owner or 'hand'}-{priority}-{age}-{uuid.uuid4().hex[:6]}"
    db.execute(
        """
        INSERT INTO tasks (id, name, owner, namespace, spec, created_at)
        SELECT id, id, %(owner)s, %(namespace)s, %(spec)s,
            now() - make_interval(secs => %(age)s) + n * interval '1 millisecond'
        FROM generate_series(1, %(number)s) AS n, format('%%s-%%s', %(word)s::text, n) AS id
        """,
        {
            "owner": owner,
            "namespace": namespace,
            "spec": Jsonb({**SPEC, "priority": priority}),
            "age": age,
            "number": number,
            "word": word,
        },
    )


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, connections=4) as pool:
        yield pool


async def admitted(pool: Pool, limit: int = 100, window: int = 100) -> list[Claim]:
    """Claim, in the order in which the rows were chosen one by one."""
    claims: list[Claim] = []
    async with pool.connection() as connection:
        while len(claims) < limit:
            found = await admission.admit(
                connection, namespace="media", window=window, limit=1, lease_seconds=30
            )
            if not found:
                break
            claims += found
    return claims


async def admitted_together(pool: Pool, limit: int, window: int = 100) -> list[Claim]:
    async with pool.connection() as connection:
        return await admission.admit(
            connection, namespace="media", window=window, limit=limit, lease_seconds=30
        )


def whose(claims: list[Claim]) -> list[str | None]:
    return [str(claim.owner) if claim.owner else None for claim in claims]


def priorities(claims: list[Claim]) -> list[str]:
    return [claim.spec["priority"] for claim in claims]


async def test_the_higher_class_goes_first_and_the_oldest_in_it(
    db: psycopg.Connection, pool: Pool
) -> None:
    for priority, age in (("Low", 9), ("Default", 5), ("Default", 8), ("Critical", 1)):
        queue(db, priority=priority, age=age)

    claims = await admitted(pool)

    assert priorities(claims) == ["Critical", "Default", "Default", "Low"]
    assert claims[1].created_at < claims[2].created_at


async def test_waiting_raises_a_task_by_one_class_at_a_time(
    db: psycopg.Connection, pool: Pool
) -> None:
    queue(db, priority="Low", age=299)
    queue(db, priority="Low", age=302)
    queue(db, priority="Low", age=602)
    queue(db, priority="Default", age=0)
    queue(db, priority="Critical", age=0)

    claims = await admitted(pool)

    # The oldest is as Critical as the one that was born so, and older.
    assert priorities(claims) == ["Low", "Critical", "Low", "Default", "Low"]


async def test_low_is_never_starved(db: psycopg.Connection, pool: Pool) -> None:
    queue(db, priority="Low", age=601)
    queue(db, 50, priority="Critical", age=60)
    assert priorities(await admitted(pool, limit=1)) == ["Low"]


async def test_places_go_to_who_has_the_fewest(db: psycopg.Connection, pool: Pool) -> None:
    queue(db, 50, owner=ADA, age=200)
    queue(db, 4, owner=BOB, age=100)
    queue(db, 2, owner=EVE, age=50)
    queue(db, 3, owner=None, age=20)

    one_by_one = Counter(whose(await admitted(pool, limit=8)))
    assert one_by_one == {ADA: 2, BOB: 2, EVE: 2, None: 2}
    # What they have in the cluster counts: ADA's are as many as BOB's in the end.
    together = Counter(whose(await admitted_together(pool, limit=5)))
    assert together == {ADA: 2, BOB: 2, None: 1}
    assert whose(await admitted_together(pool, limit=3)) == [ADA] * 3


async def test_at_once_or_one_by_one_the_same_rows_get_in(
    db: psycopg.Connection, pool: Pool
) -> None:
    for owner, number, age in ((ADA, 20, 30), (BOB, 5, 900), (EVE, 3, 20)):
        for priority in ("Low", "Default", "Critical"):
            queue(db, number, owner=owner, priority=priority, age=age)
    together = {claim.id for claim in await admitted_together(pool, limit=30)}
    db.execute("UPDATE tasks SET submit_attempts = 0, submit_after = now()")
    one_by_one = {claim.id for claim in await admitted(pool, limit=30)}

    assert Counter(key.rsplit("-", 1)[0] for key in together) == Counter(
        key.rsplit("-", 1)[0] for key in one_by_one
    )


async def test_everything_unfinished_takes_a_place_and_what_has_ended_gives_it_back(
    db: psycopg.Connection, pool: Pool
) -> None:
    queue(db, 10)
    by_hand = {"namespace": "media", "name": "by-hand", "uid": str(uuid.uuid4())}
    elsewhere = {**by_hand, "namespace": "other", "uid": str(uuid.uuid4())}
    for observation in (by_hand, elsewhere):
        db.execute("SELECT darkroom_record(%s)", [Jsonb(observation)])

    # One by hand, three under way: also those whose lease is over, for an answer may be lost.
    assert len(await admitted_together(pool, limit=9, window=4)) == 3
    db.execute("UPDATE tasks SET submit_after = now() WHERE submit_attempts > 0")
    assert await admitted_together(pool, limit=9, window=4) == []

    # A canceled one keeps its place until its resource is known to be gone.
    db.execute(
        "UPDATE tasks SET cancel_requested_at = now(), status = 'canceled' WHERE uid IS NULL"
        " AND submit_attempts > 0"
    )
    assert await admitted_together(pool, limit=9, window=4) == []
    db.execute("UPDATE tasks SET withdrawn_at = now() WHERE status = 'canceled'")
    assert len(await admitted_together(pool, limit=2, window=4)) == 2

    db.execute("SELECT darkroom_record(%s)", [Jsonb({**by_hand, "status": "failed"})])
    assert len(await admitted_together(pool, limit=9, window=4)) == 2


async def test_what_may_not_be_tried_yet_and_what_is_another_namespaces_stays(
    db: psycopg.Connection, pool: Pool
) -> None:
    queue(db, 2, namespace="other", age=9)
    queue(db, 2, age=9)
    db.execute(
        "UPDATE tasks SET submit_after = now() + interval '1 hour' WHERE namespace = 'media'"
    )
    queue(db, owner=BOB)

    claims = await admitted(pool)
    assert whose(claims) == [BOB]


async def test_a_window_that_was_made_smaller_waits_until_there_is_room(
    db: psycopg.Connection, pool: Pool
) -> None:
    queue(db, 10, owner=ADA)
    queue(db, 10, owner=BOB)
    assert len(await admitted_together(pool, limit=10, window=10)) == 10
    assert await admitted_together(pool, limit=10, window=3) == []


async def test_who_fills_the_window_with_what_never_starts_leaves_places_for_others(
    db: psycopg.Connection, pool: Pool
) -> None:
    queue(db, 50, owner=EVE, priority="Critical", age=100)
    assert whose(await admitted_together(pool, limit=50, window=20)) == [EVE] * 16
    assert await admitted(pool, limit=1, window=20) == []

    queue(db, 50, owner=ADA, priority="Low")
    assert whose(await admitted_together(pool, limit=50, window=20)) == [ADA] * 4


def small(settings: Settings, window: int) -> Settings:
    return settings.model_copy(update={"admission_window": window})


async def test_a_full_window_holds_up_no_withdrawal_and_is_filled_again(
    settings: Settings, db: psycopg.Connection
) -> None:
    busy = BusyCluster(db)
    async with client_of(create_app(small(settings, 2), open_cluster=busy.opened)) as client:
        ada = await register(client, "ada@example.com")
        for _ in range(5):
            assert (await ada.upload()).status_code == 202
        await until(lambda: len(busy.resources) == 2)
        inside = next(name for _, name in busy.resources)
        assert (await ada.post(f"/v1/tasks/{inside}/cancel")).status_code == 202
        await until(lambda: ("media", inside) not in busy.resources)
        await until(lambda: len(busy.resources) == 2)

        started = time.monotonic()
        busy.end(1)
        await until(lambda: len(busy.resources) == 2)
        print(f"a place was free for {time.monotonic() - started:.3f} s")  # noqa: T201  # a figure
    assert busy.most == 2


async def test_a_lost_answer_and_an_absent_cluster_keep_to_the_window(
    settings: Settings, db: psycopg.Connection
) -> None:
    busy = BusyCluster(db)
    busy.is_away = True
    queue(db, 40)
    async with client_of(create_app(small(settings, 3), open_cluster=busy.opened)):
        await until(lambda: busy.calls)
        for _ in range(10):
            db.execute("UPDATE tasks SET submit_after = now()")
            await asyncio.sleep(0.02)
        tried = db.execute("SELECT count(*) FROM tasks WHERE submit_attempts > 0").fetchone()
        busy.is_away = False
        db.execute("UPDATE tasks SET submit_after = now()")
        await until(lambda: len(busy.resources) == 3)
        await asyncio.sleep(0.5)
    assert tried
    assert 1 <= tried[0] <= 3
    assert busy.most == 3


def plan_of(db: psycopg.Connection, **parameters: object) -> dict[str, Any]:
    explain = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ") + admission.ADMIT
    row = db.execute(explain, {"namespace": "media", "lease": 30, "ageing": 300, **parameters})
    ((answer,),) = row.fetchall()
    plan: dict[str, Any] = answer[0]["Plan"]
    return plan


@pytest.mark.parametrize("is_analyzed", [False, True])
async def test_a_claim_looks_at_few_pages_however_long_the_backlog(
    db: psycopg.Connection, *, is_analyzed: bool
) -> None:
    read = []
    for more in (1_000, 9_000):
        for owner in (ADA, BOB, EVE):
            for priority in ("Low", "Default"):
                queue(db, more, owner=owner, priority=priority, age=30)
        if is_analyzed:
            db.execute("ANALYZE tasks")
        plan = plan_of(db, window=500, limit=16)
        read.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])

    assert "Seq Scan" not in str(plan)
    print(f"a claim looked at {read[0]} pages, and at {read[1]} of ten times as many")  # noqa: T201  # a figure
    # Trees are a level higher.
    assert read[1] < 1.5 * read[0]


async def test_a_hundred_thousand_wait_and_two_replicas_admit_no_more_than_the_window(
    settings: Settings, db: psycopg.Connection, pool: Pool
) -> None:
    for owner in (ADA, BOB, EVE):
        for priority, number in (("Low", 10_000), ("Default", 23_000)):
            queue(db, number, owner=owner, priority=priority, age=30)
    queue(db, 1_000, owner=EVE, priority="Critical", age=30)
    busy = BusyCluster(db)
    app = create_app(small(settings, 500), open_cluster=busy.opened)
    other = create_app(small(settings, 500), open_cluster=busy.opened)
    async with client_of(app), client_of(other):
        await until(lambda: len(busy.resources) == 500)
        # EVE's are Critical; the last fifth is never one owner's.
        assert busy.owners() == {EVE: 400, ADA: 50, BOB: 50}
        for _ in range(5):
            busy.end(250)
            await until(lambda: len(busy.resources) == 500)
        # EVE's Critical ones are gone; now everybody gets as much.
        busy.end(500)
        await until(lambda: len(busy.resources) == 500)
        await asyncio.sleep(0.5)

    assert busy.most == 500
    owners = busy.owners()
    assert max(owners.values()) - min(owners.values()) <= 1

    busy.end(500)
    times = []
    for _ in range(25):
        started = time.monotonic()
        assert len(await admitted_together(pool, limit=16, window=500)) == 16
        times.append(1000 * (time.monotonic() - started))
    times.sort()
    print(f"a claim: median {times[12]:.1f} ms, longest {times[-1]:.1f} ms")  # noqa: T201  # a figure
