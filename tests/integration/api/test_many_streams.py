"""Two thousand streams of one replica: what they cost, and that an event reaches all of them."""

import asyncio
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import psycopg
import pytest
from darkroom_api.testing import register
from darkroom_api.testing.streams import open_streams

STREAMS = 2000
MOST_KILOBYTES = 60
SECONDS = 120


@pytest.fixture
def many_files() -> Iterator[None]:
    """Each stream is a file of this process, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < STREAMS + 200:
        pytest.skip(f"this needs {STREAMS + 200} open files, and {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def kilobytes(process: subprocess.Popen[bytes]) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


@pytest.mark.usefixtures("many_files")
async def test_an_event_reaches_two_thousand_streams_of_little_memory(
    served: tuple[str, subprocess.Popen[bytes]], db: psycopg.Connection
) -> None:
    url, process = served
    async with httpx2.AsyncClient(base_url=url, timeout=60) as http, AsyncExitStack() as stack:
        ada = await register(http, "ada@example.com")
        token = ada.headers["Authorization"].removeprefix("Bearer ")
        warm = await stack.enter_async_context(open_streams(url, token, 50))
        before = kilobytes(process)
        started = time.monotonic()
        streams = await stack.enter_async_context(open_streams(url, token, STREAMS - len(warm)))
        opened_in = time.monotonic() - started
        each = (kilobytes(process) - before) / len(streams)

        task_id = (await ada.upload()).json()["id"]
        started = time.monotonic()
        async with asyncio.timeout(SECONDS):
            counts = await asyncio.gather(*(s.until(task_id) for s in (*warm, *streams)))
        reached_in = time.monotonic() - started
        assert len(counts) == STREAMS

        # Who is not a stream is served meanwhile.
        assert (await ada.get(f"/v1/tasks/{task_id}")).status_code == 200
        held = db.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE 'darkroom-api%'"
        ).fetchone()
        assert held
        assert held[0] <= 12
        print(f"{opened_in:.1f} s to open, {each:.1f} kB each, {reached_in:.2f} s to reach all")  # noqa: T201
        assert each < MOST_KILOBYTES
