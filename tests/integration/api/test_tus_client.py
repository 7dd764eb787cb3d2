"""A public client of tus uploads 200 MB over a line that breaks, to a process that is killed."""

import asyncio
import hashlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.settings import Settings
from darkroom_api.testing import User, register
from darkroom_core.storage import open_storage
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError
from tusclient.uploader.uploader import Uploader

Environment = dict[str, str]
MB = 1_000_000
LENGTH = 200 * MB
CHUNK = 60 * MB


@pytest.fixture(params=["local", "s3"])
def environment(environment: Environment, request: pytest.FixtureRequest) -> Environment:
    if request.param == "local":
        return environment
    s3: Any = request.getfixturevalue("s3")
    return environment | {
        "DARKROOM_STORAGE__BACKEND": "s3",
        "DARKROOM_STORAGE__BUCKET": s3.bucket,
        "DARKROOM_STORAGE__ENDPOINT": s3.endpoint,
        "DARKROOM_STORAGE__PATH_STYLE": "true",
    }


@pytest.fixture
def movie(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "movie.mp4"
    with path.open("wb") as file:
        file.write(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom")
        while (left := LENGTH - file.tell()) > 0:
            file.write(os.urandom(min(left, MB)))
    yield path
    path.unlink()


def sha256_of(file: Any) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


@asynccontextmanager
async def line(port: int, *, holds: int, then: Callable[[], None]) -> AsyncIterator[int]:
    """A line to the API that breaks once so many bytes have gone over it: its port."""
    left = holds

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        there, here = await asyncio.open_connection("127.0.0.1", port)
        answers = asyncio.create_task(copy(there, writer))
        with suppress(ConnectionError):
            while left > 0 and (data := await reader.read(MB)):
                left -= len(data)
                here.write(data)
                await here.drain()
        if left <= 0:
            then()
            for end in (writer, here):
                end.transport.abort()
        here.close()
        await answers

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(MB):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def broken_off(
    port: int, uploader: Callable[[int], Uploader], *, holds: int, then: Callable[[], None]
) -> Uploader:
    """Upload over a line that breaks; return the client as it is then."""
    async with line(port, holds=holds, then=then) as broken:
        client = await asyncio.to_thread(uploader, broken)
        with pytest.raises(TusCommunicationError):
            await asyncio.to_thread(client.upload)
    return client


async def test_it_goes_on_after_a_broken_line_and_after_a_killed_process(
    start: Callable[[int], subprocess.Popen[bytes]],
    port: int,
    settings: Settings,
    movie: Path,
    db: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    process = start(port)
    opened = ExitStack()
    try:
        address = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=address, timeout=60) as http:
            file = opened.enter_context(movie.open("rb"))
            ada = await register(http, "ada@example.com")
            path = ""

            def uploader(at: int) -> Uploader:
                client = TusClient(f"http://127.0.0.1:{at}/v1/tus", headers=ada.headers)
                known = f"http://127.0.0.1:{at}{path}" if path else None
                name = {"filename": movie.name}
                return client.uploader(file_stream=file, url=known, chunk_size=CHUNK, metadata=name)

            # The first line breaks in the middle of the second chunk.
            client = await broken_off(port, uploader, holds=90 * MB, then=lambda: None)
            path = "/v1/tus/" + str(client.url).rsplit("/", 1)[1]
            there = await kept_at_least(uploader, port, CHUNK + 10 * MB)
            # Then the process is killed, while a chunk is on its way.
            await broken_off(port, uploader, holds=40 * MB, then=process.kill)
            assert process.wait(30) == -signal.SIGKILL
            process = start(port)
            # Half a minute later, what it held is free.
            db.execute("UPDATE uploads SET leased_until = leased_until - interval '30 s'")
            last = await asyncio.to_thread(uploader, port)
            assert there <= last.offset < LENGTH
            await asyncio.to_thread(last.upload)
            await is_whole(ada, path, settings, movie)
    finally:
        opened.close()
        process.kill()
        process.wait()


async def kept_at_least(uploader: Callable[[int], Uploader], port: int, expected: int) -> int:
    """Return how much has come, once the API has noticed that the line is broken."""
    offset = 0
    for _ in range(500):
        offset = (await asyncio.to_thread(uploader, port)).offset
        if offset >= expected:
            return offset
        await asyncio.sleep(0.02)
    raise AssertionError(f"only {offset:,} bytes were kept")


async def is_whole(ada: User, path: str, settings: Settings, movie: Path) -> None:
    upload = (await ada.get(path.replace("/tus/", "/uploads/"))).json()
    assert upload["status"] == "completed", upload
    with movie.open("rb") as sent:
        expected = sha256_of(sent)
    storage = open_storage(settings.storage)
    digest = hashlib.sha256()
    with storage.open(upload["key"]) as stored:
        while data := stored.read(MB):
            digest.update(data)
    storage.delete(upload["key"])
    assert upload["sha256"] == expected == digest.hexdigest()
