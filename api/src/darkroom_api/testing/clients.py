"""Clients of an application in memory, and users of it."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

RECIPE: Final = {
    "outputs": [
        {"name": "thumb", "operations": [{"resize": {"width": 512}}], "format": "webp"},
        {"name": "full", "format": "jpeg"},
    ]
}
_PASSWORD: Final = "a long enough password"  # noqa: S105  # of users that live for one test

_BASE_URL: Final = "http://darkroom.test"


def jpeg(length: int = 32) -> bytes:
    """Return what the door takes for a JPEG: its head, and bytes that nothing else has."""
    return b"\xff\xd8\xff\xe0\0\2\0" + os.urandom(max(0, length - 9)) + b"\xff\xd9"


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

    async def upload(self, body: bytes | None = None, recipe: object = RECIPE) -> httpx2.Response:
        """Make a task of these bytes, or of a picture that is unlike any other."""
        return await self.post(
            "/v1/tasks",
            files={"file": ("photo.jpg", jpeg() if body is None else body, "image/jpeg")},
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


async def until(check: Callable[[], Any], seconds: float = 15) -> Any:  # noqa: ANN401  # the answer's
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
