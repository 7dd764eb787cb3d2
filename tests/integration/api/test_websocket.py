"""WebSockets, by the client of the `websockets` package: who may come in, and how it ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.events.settings import EventSettings
from darkroom_api.serve import Server
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, User, register
from darkroom_api.testing.serving import serving
from websockets import ConnectionClosed, InvalidStatus, Subprotocol
from websockets.asyncio.client import ClientConnection, connect

Connection = psycopg.Connection[tuple[Any, ...]]
PAGE = "https://app.example.com"


@pytest.fixture
async def served_here(
    settings: Settings, cluster: FakeCluster
) -> AsyncIterator[tuple[str, Server]]:
    changed = settings.model_copy(update={"events": EventSettings(origins=[PAGE])})
    async with serving(create_app(changed, open_cluster=cluster.opened), changed) as found:
        yield found


@pytest.fixture
def url(served_here: tuple[str, Server]) -> str:
    return served_here[0]


@pytest.fixture
async def ada(url: str) -> AsyncIterator[User]:
    async with httpx2.AsyncClient(base_url=url, timeout=60) as http:
        yield await register(http, "ada@example.com")


@asynccontextmanager
async def opened(
    url: str, user: User | None = None, path: str = "/v1/events", **more: Any
) -> AsyncIterator[ClientConnection]:
    headers = user.headers if user else {}
    address = url.replace("http", "ws", 1) + path
    async with connect(address, additional_headers=headers, proxy=None, **more) as socket:
        yield socket


async def received(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(60):
        found: dict[str, Any] = json.loads(await socket.recv())
        return found


async def code_of(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(60):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


def token_of(user: User) -> str:
    return user.headers["Authorization"].removeprefix("Bearer ")


async def new_task(user: User) -> str:
    answer = await user.upload()
    answer.raise_for_status()
    task_id: str = answer.json()["id"]
    return task_id


async def test_a_task_is_followed_to_its_end_by_the_same_messages(
    url: str, ada: User, db: Connection
) -> None:
    task_id = await new_task(ada)
    path = f"/v1/tasks/{task_id}/events"
    async with opened(url, ada, path) as socket:
        assert (await received(socket))["type"] == "task.state"
        db.execute("UPDATE tasks SET status = 'running' WHERE id = %s", [task_id])
        started = await received(socket)
        assert (started["type"], started["task_id"]) == ("task.started", task_id)
        db.execute("UPDATE tasks SET status = 'succeeded', finished_at = now()")
        assert [(await received(socket))["type"] for _ in range(2)] == [
            "task.succeeded",
            "stream.done",
        ]
        assert await code_of(socket) == 1000

    async with opened(url, ada, f"{path}?last_event_id={started['id']}") as socket:
        assert (await received(socket))["type"] == "task.succeeded"
        assert await code_of(socket) == 1000


async def test_a_browser_may_give_the_token_as_a_subprotocol(url: str, ada: User) -> None:
    offered = [Subprotocol("darkroom.v1"), Subprotocol(f"bearer.{token_of(ada)}")]
    async with opened(url, subprotocols=offered) as socket:
        assert socket.subprotocol == "darkroom.v1"
        assert (await received(socket))["type"] == "stream.ready"


async def test_the_token_and_the_last_id_may_come_in_the_first_message(url: str, ada: User) -> None:
    async with opened(url) as socket:
        await socket.send(json.dumps({"token": token_of(ada)}))
        ready = await received(socket)
        assert ready["type"] == "stream.ready"
    task_id = await new_task(ada)
    async with opened(url) as socket:
        await socket.send(json.dumps({"token": token_of(ada), "last_event_id": ready["id"]}))
        created = await received(socket)
        assert (created["type"], created["task_id"]) == ("task.created", task_id)


@pytest.mark.parametrize(
    "hello", ["no JSON", "[]", "{}", '{"token": 7}', '{"token": "wrong"}', "[" * 50_000, b"bytes"]
)
async def test_a_first_message_without_a_good_token_ends_it(url: str, hello: str | bytes) -> None:
    async with opened(url) as socket:
        await socket.send(hello)
        assert await code_of(socket) == 4401


async def test_a_token_in_the_url_is_none(url: str, ada: User) -> None:
    async with opened(url, path=f"/v1/events?token={token_of(ada)}") as socket:
        await socket.send("{}")
        assert await code_of(socket) == 4401


async def test_tasks_of_others_are_not_there(url: str, ada: User) -> None:
    bob = await register(ada.http, "bob@example.com")
    async with opened(url, bob, f"/v1/tasks/{await new_task(ada)}/events") as socket:
        assert await code_of(socket) == 4404


@pytest.mark.parametrize("origin", [PAGE, None])
async def test_pages_that_are_allowed_may_open_one(url: str, ada: User, origin: str | None) -> None:
    async with opened(url, ada, origin=origin) as socket:
        assert (await received(socket))["type"] == "stream.ready"


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", PAGE + ".evil.com"])
async def test_pages_of_others_may_open_none(url: str, ada: User, origin: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        async with opened(url, ada, origin=origin):
            pass


async def test_the_apis_own_pages_may_open_one(url: str, ada: User) -> None:
    async with opened(url, ada, origin=url) as socket:
        assert (await received(socket))["type"] == "stream.ready"


async def test_a_server_that_shuts_down_says_so(served_here: tuple[str, Server], ada: User) -> None:
    url, server = served_here
    async with opened(url, ada) as socket:
        await received(socket)
        server.should_exit = True
        said = await received(socket)
        assert (said["type"], said["data"]["reason"]) == ("stream.reconnect", "closing")
        assert 500 <= said["data"]["retry_ms"] <= 5000
        assert await code_of(socket) == 1012
