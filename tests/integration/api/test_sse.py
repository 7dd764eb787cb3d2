"""Server-sent events, from real servers on ports: as a client gets them, and gets them back."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.events.hub import Hub
from darkroom_api.events.settings import EventSettings
from darkroom_api.serve import Server
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, User, register, sign_in, until
from darkroom_api.testing.serving import serving
from fastapi import FastAPI

Connection = psycopg.Connection[tuple[Any, ...]]
Seen = dict[str, Any]


@dataclass
class Replica:
    """One of several servers on the same database."""

    url: str
    server: Server
    http: httpx2.AsyncClient

    async def user(self, name: str = "ada") -> User:
        return await register(self.http, f"{name}@example.com")


@asynccontextmanager
async def replica(
    settings: Settings, cluster: FakeCluster, **events: Any
) -> AsyncIterator[Replica]:
    changed = settings.model_copy(update={"events": EventSettings(**events)})
    async with (
        serving(create_app(changed, open_cluster=cluster.opened), changed) as (url, server),
        httpx2.AsyncClient(base_url=url, timeout=60) as http,
    ):
        yield Replica(url, server, http)


def hub_of(replica: Replica) -> Hub:
    app = replica.server.config.app
    assert isinstance(app, FastAPI)
    hub: Hub = app.state.hub
    return hub


@pytest.fixture
async def one(settings: Settings, cluster: FakeCluster) -> AsyncIterator[Replica]:
    async with replica(settings, cluster) as found:
        yield found


@pytest.fixture
async def ada(one: Replica) -> User:
    return await one.user()


class Reader:
    """Reads a stream as EventSource does."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.last_id = ""
        self.retry = 0
        self.comments: list[str] = []

    async def next(self) -> Seen | None:
        """Return the next event; None at the end."""
        found: dict[str, str] = {}
        async with asyncio.timeout(60):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if name == "" and line.startswith(":"):
                    self.comments.append(value)
                elif line == "" and "data" in found:
                    self.last_id = found.get("id", self.last_id)
                    seen: Seen = json.loads(found["data"])
                    assert (found["event"], found["id"]) == (seen["type"], seen["id"])
                    return seen
                elif name == "retry":
                    self.retry = int(value)
                else:
                    found[name] = value
        return None

    async def types(self, number: int) -> list[str]:
        return [seen["type"] for _ in range(number) if (seen := await self.next())]

    async def rest(self) -> list[str]:
        found = []
        while seen := await self.next():
            found.append(seen["type"])
        return found


@asynccontextmanager
async def stream(
    user: User, path: str = "/v1/events", *, last: str | None = None, url: str = ""
) -> AsyncIterator[Reader]:
    headers = user.headers | ({"Last-Event-ID": last} if last else {})
    async with user.http.stream("GET", url + path, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        yield Reader(answer.aiter_lines())


async def new_task(user: User) -> str:
    answer = await user.upload()
    answer.raise_for_status()
    task_id: str = answer.json()["id"]
    return task_id


def change(db: Connection, task_id: str, changes: str) -> None:
    db.execute(f"UPDATE tasks SET {changes} WHERE id = %s", [task_id])  # noqa: S608  # the test's


async def test_a_task_is_followed_to_its_end_and_the_stream_ends_with_it(
    ada: User, db: Connection
) -> None:
    task_id = await new_task(ada)
    async with stream(ada, f"/v1/tasks/{task_id}/events") as reader:
        state = await reader.next()
        assert state
        assert (state["type"], state["data"]["status"]) == ("task.state", "queued")
        assert reader.retry == 2000
        change(db, task_id, "status = 'running', attempts = 1")
        change(db, task_id, "progress = 50")
        change(db, task_id, "status = 'succeeded', progress = 100, finished_at = now()")

        seen = [await reader.next() for _ in range(3)]
        assert [(e["type"], e["data"]["progress"]) for e in seen if e] == [
            ("task.started", 0),
            ("task.progress", 50),
            ("task.succeeded", 100),
        ]
        assert {e["task_id"] for e in seen if e} == {task_id}
        assert await reader.rest() == ["stream.done"]

    # Whoever comes back is told that there is no more: EventSource stops at that.
    path = f"/v1/tasks/{task_id}/events"
    again = await ada.get(path, headers={"Last-Event-ID": reader.last_id})
    assert again.status_code == 204
    async with stream(ada, path) as late:
        assert await late.rest() == ["task.state", "stream.done"]


async def test_all_of_mine_is_mine_alone_and_operators_see_everything(
    one: Replica, ada: User, db: Connection
) -> None:
    bob = await one.user("bob")
    admin = await sign_in(one.http, "admin@darkroom.internal", "the admin's password")
    async with stream(ada) as mine, stream(bob) as his, stream(admin) as everything:
        for reader in (mine, his, everything):
            assert await reader.types(1) == ["stream.ready"]
        of_ada, of_bob = await new_task(ada), await new_task(bob)
        by_hand = "INSERT INTO tasks (id, namespace, name) VALUES ('by-hand', 'm', 'by-hand')"
        db.execute(by_hand)
        change(db, of_ada, "status = 'running'")

        seen = [await mine.next(), await mine.next()]
        assert [(e["type"], e["task_id"]) for e in seen if e] == [
            ("task.created", of_ada),
            ("task.started", of_ada),
        ]
        first = await his.next()
        assert first
        assert first["task_id"] == of_bob
        found = [await everything.next() for _ in range(4)]
        assert {e["task_id"] for e in found if e} == {of_ada, of_bob, "by-hand"}

    answer = await bob.get(f"/v1/tasks/{of_ada}/events")
    assert answer.status_code == 404


async def test_a_rolling_restart_loses_nothing_and_repeats_nothing(
    settings: Settings, cluster: FakeCluster, db: Connection
) -> None:
    async with replica(settings, cluster) as first, replica(settings, cluster) as second:
        ada = await first.user()
        task_id = await new_task(ada)
        async with stream(ada) as reader:
            assert await reader.types(1) == ["stream.ready"]
            change(db, task_id, "progress = 1")
            seen = await reader.next()
            assert seen
            percents = [seen["data"]["progress"]]
            first.server.should_exit = True
            assert await reader.rest() == ["stream.reconnect"]
        assert 500 <= reader.retry <= 5000
        for percent in range(2, 40):
            change(db, task_id, f"progress = {percent}")
        async with stream(ada, url=second.url, last=reader.last_id) as again:
            change(db, task_id, "progress = 40")
            while percents[-1] < 40:
                seen = await again.next()
                assert seen
                percents.append(seen["data"]["progress"])
        assert percents == list(range(1, 41))


@pytest.mark.parametrize("last", ["nonsense", "99999999999999999999-1", "18446744073709551615-1"])
async def test_an_id_that_is_not_known_is_answered_with_a_reset_and_the_state(
    ada: User, db: Connection, last: str
) -> None:
    task_id = await new_task(ada)
    async with stream(ada, f"/v1/tasks/{task_id}/events", last=last) as reader:
        assert await reader.types(2) == ["stream.reset", "task.state"]
    async with stream(ada, f"/v1/events?last_event_id={last}") as reader:
        assert await reader.types(2) == ["stream.reset", "stream.ready"]
        change(db, task_id, "status = 'running'")
        assert await reader.types(1) == ["task.started"]


async def test_the_last_id_may_come_in_the_query_and_the_header_goes_before_it(
    ada: User, db: Connection
) -> None:
    async with stream(ada) as reader:
        await reader.next()
        task_id = await new_task(ada)
        await reader.next()
        created = reader.last_id
        change(db, task_id, "status = 'running'")
        await reader.next()
        started = reader.last_id
    change(db, task_id, "progress = 7")
    async with stream(ada, f"/v1/events?last_event_id={created}") as reader:
        assert await reader.types(2) == ["task.started", "task.progress"]
    async with stream(ada, f"/v1/events?last_event_id={created}", last=started) as reader:
        assert await reader.types(1) == ["task.progress"]


async def test_a_quiet_stream_gives_signs_of_life(settings: Settings, cluster: FakeCluster) -> None:
    async with replica(settings, cluster, ping_seconds=0.05) as one:
        ada = await one.user()
        async with stream(ada) as reader:
            await reader.next()
            waiting = asyncio.create_task(reader.next())
            await until(lambda: len(reader.comments) >= 3)
            await new_task(ada)
            seen = await waiting
            assert seen
            assert seen["type"] == "task.created"
        assert set(reader.comments) == {"ping"}


async def test_a_stream_counts_as_a_request_until_it_begins(one: Replica, ada: User) -> None:
    async def seconds() -> float | None:
        text = (await one.http.get("/metrics")).text
        found = re.search(
            r'^darkroom_http_request_seconds_sum\{.*"/v1/events".*\} (\S+)$', text, re.MULTILINE
        )
        return float(found[1]) if found else None

    started = time.perf_counter()
    async with stream(ada) as reader:
        await reader.next()
        opened = time.perf_counter() - started
        await new_task(ada)
        await reader.next()
    assert await until(seconds) <= opened


async def test_a_stream_ends_when_its_token_does(settings: Settings, cluster: FakeCluster) -> None:
    short = settings.model_copy(update={"access_token_seconds": 2})
    async with replica(short, cluster) as one:
        ada = await one.user()
        started = time.monotonic()
        async with stream(ada) as reader:
            assert await reader.rest() == ["stream.ready", "stream.unauthorized"]
        assert time.monotonic() - started < 10
        again = await ada.get("/v1/events", headers={"Last-Event-ID": reader.last_id})
        assert again.status_code == 401


async def test_who_is_nobody_or_asks_for_what_is_not_there_gets_a_problem(
    one: Replica, ada: User
) -> None:
    assert (await one.http.get("/v1/events")).status_code == 401
    assert (await one.http.get("/v1/tasks/task-1/events")).status_code == 401
    for path in ("/v1/tasks/none/events", "/v1/tasks/a%00b/events"):
        assert (await ada.get(path)).status_code == 404
    long = await ada.get("/v1/events", headers={"Last-Event-ID": "1" * 65})
    assert long.status_code == 422


async def test_more_streams_than_a_replica_takes_are_sent_elsewhere(
    settings: Settings, cluster: FakeCluster
) -> None:
    async with replica(settings, cluster, max_streams=2) as one:
        ada = await one.user()
        async with stream(ada), stream(ada):
            answer = await ada.get("/v1/events")
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
        await until(lambda: hub_of(one).streams == 0)
        async with stream(ada) as reader:
            assert await reader.types(1) == ["stream.ready"]


async def test_streams_hold_no_connection_to_postgres_and_leave_nothing_behind(
    settings: Settings, cluster: FakeCluster, db: Connection
) -> None:
    few = settings.model_copy(update={"database_connections": 2})
    async with replica(few, cluster) as one, AsyncExitStack() as stack:
        ada = await one.user()
        readers = [await stack.enter_async_context(stream(ada)) for _ in range(60)]
        for reader in readers:
            await reader.next()
        await new_task(ada)
        assert {(await reader.types(1))[0] for reader in readers} == {"task.created"}
        counted = db.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE 'darkroom-api%'"
        ).fetchone()
        # The pool's, and the one that listens.
        assert counted
        assert counted[0] <= 3
        await stack.aclose()
        await until(lambda: hub_of(one).streams == 0)


async def test_requests_that_are_under_way_are_finished_at_the_end(
    settings: Settings, cluster: FakeCluster, db: Connection
) -> None:
    async with replica(settings, cluster) as one:
        ada = await one.user()
        with db.transaction():
            db.execute("LOCK tasks")
            upload = asyncio.create_task(ada.upload())
            waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            await until(lambda: db.execute(waiting).fetchone())
            one.server.should_exit = True
            await until(lambda: not one.server.servers[0].is_serving())
        assert (await upload).status_code == 202
