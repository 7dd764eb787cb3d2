"""For tests, here and elsewhere: a cluster in memory, and clients of an application in memory."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx2
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from darkroom_api.tasks.cluster import Cluster, ClusterUnavailableError, RefusedError

RECIPE: Final = {
    "outputs": [
        {"name": "thumb", "operations": [{"resize": {"width": 512}}], "format": "webp"},
        {"name": "full", "format": "jpeg"},
    ]
}
_PASSWORD: Final = "a long enough password"  # noqa: S105  # of users that live for one test

_BASE_URL: Final = "http://darkroom.test"

T = TypeVar("T")


class FakeCluster:
    """Keeps what is created. It validates nothing: that is for tests with a real API server."""

    def __init__(self) -> None:
        self.is_away = False
        self.refusal: str | None = None
        self.resources: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[str] = []

    async def create_task(self, body: dict[str, Any]) -> str:
        """Keep the resource."""
        self._call("create")
        if self.refusal:
            raise RefusedError(self.refusal)
        key = (body["metadata"]["namespace"], body["metadata"]["name"])
        if key not in self.resources:
            metadata = {**body["metadata"], "uid": str(uuid.uuid4())}
            self.resources[key] = {**body, "metadata": metadata}
        uid: str = self.resources[key]["metadata"]["uid"]
        return uid

    async def delete_task(self, namespace: str, name: str, *, uid: str | None) -> None:
        """Forget the resource, if it is this one."""
        self._call("delete")
        found = self.resources.get((namespace, name))
        if found and uid in {None, found["metadata"]["uid"]}:
            del self.resources[namespace, name]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Cluster]:
        """As `create_app` opens a cluster."""
        yield self

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.is_away:
            raise ClusterUnavailableError("the cluster is away")


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Start the application and speak to it in memory."""
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx2.ASGITransport(with_state, raise_app_exceptions=False)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://darkroom.test"
        ) as client:
            yield client


@dataclass(frozen=True)
class User:
    """A client that is signed in."""

    http: httpx2.AsyncClient
    headers: dict[str, str]

    async def get(self, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        """GET as this user."""
        return await self.http.get(path, headers=self.headers | (headers or {}))

    async def post(self, path: str, **request: Any) -> httpx2.Response:  # noqa: ANN401  # httpx's
        """POST as this user."""
        return await self.http.post(path, headers=self.headers, **request)

    async def upload(self, body: bytes = b"a picture", recipe: object = RECIPE) -> httpx2.Response:
        """Make a task of these bytes."""
        return await self.post(
            "/v1/tasks",
            files={"file": ("photo.jpg", body, "image/jpeg")},
            data={"task": json.dumps(recipe)},
        )


async def sign_in(client: httpx2.AsyncClient, email: str, password: str) -> User:
    """Return the user with an access token."""
    answer = await client.post("/v1/auth/token", json={"email": email, "password": password})
    answer.raise_for_status()
    return User(client, {"Authorization": f"Bearer {answer.json()['access_token']}"})


async def register(client: httpx2.AsyncClient, email: str) -> User:
    """Return a new user with an access token."""
    credentials = {"email": email, "password": _PASSWORD}
    (await client.post("/v1/auth/register", json=credentials)).raise_for_status()
    return await sign_in(client, **credentials)


async def until(check: Callable[[], Awaitable[T] | T], seconds: float = 15) -> T:
    """Ask again and again until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        result = await answer if isinstance(answer, Awaitable) else answer
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen in time")
        await asyncio.sleep(0.01)
