"""The hub on a real Postgres: no gap, no duplicate, and nobody waits for who is slow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import psycopg
import pytest
from darkroom_api.database import open_pool
from darkroom_api.events import queries
from darkroom_api.events.event import Event
from darkroom_api.events.hub import Hub
from darkroom_api.events.position import Position
from darkroom_api.events.subscription import End, Subscription, SubscriptionEndedError
from darkroom_api.testing import until

ADA = "11111111-1111-4111-8111-111111111111"
Connection = psycopg.Connection[tuple[object, ...]]


@asynccontextmanager
async def hub_on(url: str) -> AsyncIterator[Hub]:
    async with (
        open_pool(url, connections=3) as pool,
        Hub(pool, url).open() as hub,
    ):
        yield hub


@pytest.fixture
async def hub(database_url: str) -> AsyncIterator[Hub]:
    async with hub_on(database_url) as hub:
        yield hub


def insert(db: Connection, *task_ids: str) -> None:
    for task_id in task_ids:
        db.execute(
            "INSERT INTO tasks (id, namespace, name) VALUES (%s, 'media', %s)", [task_id, task_id]
        )


def set_progress(db: Connection, percent: int, task_id: str = "task-1") -> None:
    db.execute("UPDATE tasks SET progress = %s WHERE id = %s", [percent, task_id])


async def some(events: Subscription, number: int) -> list[Event]:
    found: list[Event] = []
    async with asyncio.timeout(60):
        while len(found) < number:
            found += await events.next()
    return found


async def ids(events: Subscription, number: int) -> list[str]:
    return [event.task_id for event in await some(events, number)]


async def test_transactions_that_commit_out_of_order_leave_no_gap_and_no_duplicate(
    hub: Hub, db: Connection, database_url: str
) -> None:
    async with hub.subscribe() as events:
        with psycopg.connect(database_url) as first, psycopg.connect(database_url) as second:
            insert(first, "first")
            insert(second, "second")
            second.commit()
            # Visible to everybody, and yet nobody may read past what the first has not committed.
            assert await events.next(0.2) == []
            first.commit()
        insert(db, "third")

        found = await some(events, 3)
        assert [event.task_id for event in found] == ["first", "second", "third"]
        positions = [event.position for event in found]
        assert positions == sorted(set(positions))
        assert await events.next(0.1) == []


async def test_an_event_comes_soon_though_what_held_it_up_announced_nothing(
    hub: Hub, db: Connection, database_url: str
) -> None:
    async with hub.subscribe() as events:
        with psycopg.connect(database_url) as other:
            other.execute("CREATE TABLE unrelated ()")
            insert(db, "task-1")
            assert await events.next(0.1) == []
            other.rollback()
        async with asyncio.timeout(2):
            assert await ids(events, 1) == ["task-1"]


async def test_many_writers_at_once_are_all_heard_once_by_every_reader(
    hub: Hub, database_url: str
) -> None:
    async def write(writer: int) -> None:
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            for number in range(20):
                task_id = f"{writer}-{number}"
                await connection.execute(
                    "INSERT INTO tasks (id, namespace, name) VALUES (%s, 'm', %s)",
                    [task_id, task_id],
                )
                await asyncio.sleep(0)
                await connection.commit()

    async with hub.subscribe() as one, hub.subscribe() as two, asyncio.TaskGroup() as group:
        for writer in range(8):
            group.create_task(write(writer))
        for events in (one, two):
            found = await ids(events, 160)
            assert sorted(found) == sorted(f"{w}-{n}" for w in range(8) for n in range(20))


async def test_a_reader_goes_on_at_another_replica_where_it_was(
    database_url: str, db: Connection
) -> None:
    async with hub_on(database_url) as one, one.subscribe() as events:
        insert(db, "task-1", "task-2")
        first = (await some(events, 2))[0]
    insert(db, "task-3")
    async with hub_on(database_url) as two:
        insert(db, "task-4")
        async with two.subscribe(after=first.position) as events:
            assert not events.is_reset
            insert(db, "task-5")
            assert await ids(events, 4) == ["task-2", "task-3", "task-4", "task-5"]


async def test_who_is_ahead_of_a_replica_hears_nothing_twice(
    database_url: str, db: Connection
) -> None:
    async with hub_on(database_url) as one, hub_on(database_url) as two:
        async with one.subscribe() as events, two.subscribe():
            insert(db, "task-1", "task-2")
            last = (await some(events, 2))[-1]
        async with two.subscribe(after=last.position) as events:
            insert(db, "task-3")
            assert await ids(events, 1) == ["task-3"]


async def test_a_long_absence_is_read_from_postgres_in_pieces(
    hub: Hub, database_url: str, db: Connection
) -> None:
    async with hub.subscribe() as events:
        begin = events.position
    db.execute(
        "INSERT INTO tasks (id, namespace, name, owner)"
        " SELECT n, 'media', n, NULL FROM generate_series(1, 1200) AS n"
    )
    async with hub_on(database_url) as other, other.subscribe(after=begin) as events:
        found = await ids(events, 1200)
    assert len(set(found)) == 1200


async def test_nothing_is_missed_while_the_connection_for_notifications_is_lost(
    hub: Hub, db: Connection
) -> None:
    async with hub.subscribe() as events:
        insert(db, "task-1")
        await some(events, 1)
        ended = db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'darkroom-api-events' AND datname = current_database()"
        ).fetchall()
        assert ended == [(True,)]
        insert(db, "task-2")
        assert await ids(events, 1) == ["task-2"]
        insert(db, "task-3")
        assert await ids(events, 1) == ["task-3"]


async def test_nothing_is_missed_when_every_connection_is_cut(hub: Hub, db: Connection) -> None:
    async with hub.subscribe() as events:
        db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        insert(db, "task-1")
        assert await ids(events, 1) == ["task-1"]


async def test_a_reader_that_does_not_read_is_dropped_and_others_are_not(
    hub: Hub, db: Connection
) -> None:
    async with hub.subscribe(limit=5) as slow, hub.subscribe() as quick:
        for number in range(20):
            insert(db, f"task-{number}")
        assert len(await some(quick, 20)) == 20
        with pytest.raises(SubscriptionEndedError) as ended:
            await slow.next()
        assert ended.value.end is End.LAGGING

        # From where it was it may come back.
        async with hub.subscribe(after=slow.position) as again:
            assert len(await some(again, 20)) == 20


async def test_readers_get_what_is_of_their_task_or_their_owner(hub: Hub, db: Connection) -> None:
    db.execute("INSERT INTO users (id, email, password_hash) VALUES (%s, 'a@b.c', 'x')", [ADA])

    async with (
        hub.subscribe(owner=UUID(ADA)) as hers,
        hub.subscribe(task_id="task-2") as one,
        hub.subscribe() as everything,
    ):
        insert(db, "task-1", "task-2")
        db.execute(
            "INSERT INTO tasks (id, namespace, name, owner) VALUES ('t3', 'm', 't3', %s)", [ADA]
        )
        assert await ids(hers, 1) == ["t3"]
        assert await ids(one, 1) == ["task-2"]
        assert await ids(everything, 3) == ["task-1", "task-2", "t3"]
        assert await hers.next(0.05) == await one.next(0.05) == []


async def test_a_position_that_was_pruned_or_never_was_begins_anew(
    hub: Hub, database_url: str, db: Connection
) -> None:
    insert(db, "task-1")
    async with hub.subscribe() as events:
        insert(db, "task-2")
        (event,) = await some(events, 1)
    db.execute("UPDATE task_events SET created_at = now() - interval '1 day'")
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        # Webhooks and mail are still to be made of them.
        assert await queries.prune(connection, keep_seconds=60, limit=100) == 0
        db.execute(
            "UPDATE outbox_position SET (xid, id) ="
            " (SELECT xid, id FROM task_events ORDER BY xid DESC, id DESC LIMIT 1)"
        )
        assert await queries.prune(connection, keep_seconds=60, limit=1) == 1
        assert await queries.prune(connection, keep_seconds=60, limit=100) == 1
        assert await queries.prune(connection, keep_seconds=60, limit=100) == 0
    insert(db, "task-3")

    async with hub_on(database_url) as other:
        for position, is_reset in (
            (Position(0, 0), True),
            (Position(event.position.xid - 1, 1), True),
            (event.position, False),
            (Position(2**63, 1), True),
        ):
            async with other.subscribe(after=position) as events:
                assert events.is_reset is is_reset, position


async def test_events_of_the_server_that_a_dump_came_from_are_never_read(
    database_url: str, db: Connection
) -> None:
    db.execute(
        "INSERT INTO task_events (xid, task_id, type, data)"
        " VALUES ('99999999', 'old', 'task.created', '{}')"
    )
    async with hub_on(database_url) as hub, hub.subscribe() as events:
        insert(db, "new")
        assert await ids(events, 1) == ["new"]
    assert db.execute("SELECT task_id FROM task_events").fetchall() == [("new",)]


async def test_a_change_wakes_who_waits_for_it_and_nobody_holds_a_connection(
    hub: Hub, db: Connection
) -> None:
    insert(db, "task-1", "task-2")
    async with asyncio.TaskGroup() as group:
        changed = [group.create_task(hub.until_changed("task-1", 1, 10)) for _ in range(50)]
        other = group.create_task(hub.until_changed("task-2", 1, 0.3))
        await until(lambda: len(hub._waiting.get("task-1", ())) == 50)  # noqa: SLF001
        set_progress(db, 10)
        assert all([await task for task in changed])
        assert not await other


async def test_a_change_that_came_before_the_waiting_is_seen(hub: Hub, db: Connection) -> None:
    insert(db, "task-1")
    set_progress(db, 10)
    assert await hub.until_changed("task-1", 1, 5)
    assert not await hub.until_changed("task-1", 2, 0.05)
    assert await hub.until_changed("never", 1, 5)


async def test_closing_ends_every_subscription_and_every_wait(hub: Hub, db: Connection) -> None:
    insert(db, "task-1")
    async with hub.subscribe() as events, AsyncExitStack() as stack:
        waiting = asyncio.create_task(hub.until_changed("task-1", 1, 60))
        stack.callback(waiting.cancel)
        await until(lambda: hub._waiting)  # noqa: SLF001
        hub.closing.set()
        assert [event async for event in events] == []
        assert await waiting is False
        async with hub.subscribe() as late:
            assert [event async for event in late] == []
