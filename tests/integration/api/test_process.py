"""The API as a process: sockets, memory, signals, and a Postgres that is stopped."""

import asyncio
import json
import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest
from darkroom_api.testing import RECIPE, FakeApiServer, User, jpeg, register, until
from darkroom_core.storage.signing import signed_url

Served = tuple[str, subprocess.Popen[bytes]]

HEAD = (
    b'--b\r\nContent-Disposition: form-data; name="task"\r\n\r\n'
    + json.dumps(RECIPE).encode()
    + b'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    + b"\xff\xd8\xff"
)
TAIL = b"\r\n--b--\r\n"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


@pytest.fixture
async def ada(served: Served) -> AsyncIterator[User]:
    async with httpx2.AsyncClient(base_url=served[0], timeout=60) as client:
        yield await register(client, "ada@example.com")


def leftovers(tmp_path: Path, process: subprocess.Popen[bytes]) -> list[str]:
    """Files in storage and in the temporary directory, unlinked ones too."""
    files = [
        str(path)
        for directory in ("objects", "temporary")
        for path in (tmp_path / directory).rglob("*")
        if path.is_file()
    ]
    temporary = str(tmp_path / "temporary")
    targets = []
    for handle in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            targets.append(str(handle.readlink()))
    return files + [target for target in targets if target.startswith(temporary)]


def memory(process: subprocess.Popen[bytes], field: str) -> int:
    """VmRSS or VmHWM, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(rf"{field}:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def tasks_in(db: psycopg.Connection) -> int:
    row = db.execute("SELECT count(*) FROM tasks").fetchone()
    assert row
    return int(row[0])


class TestLargeUploads:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return environment | {"DARKROOM_MAX_UPLOAD_BYTES": "250000000"}

    async def test_memory_does_not_grow_with_the_file(
        self, served: Served, ada: User, tmp_path: Path
    ) -> None:
        await ada.upload(jpeg(2_000_000))
        before = memory(served[1], "VmHWM")
        chunk = os.urandom(1024 * 1024)

        async def body() -> AsyncIterator[bytes]:
            yield HEAD
            for _ in range(200):
                yield chunk
            yield TAIL

        answer = await ada.http.post("/v1/tasks", content=body(), headers=ada.headers | MULTIPART)

        assert answer.status_code == 202, answer.text
        stored = tmp_path / "objects" / "uploads" / answer.json()["id"]
        assert stored.stat().st_size == 3 + 200 * len(chunk)
        grown = memory(served[1], "VmHWM") - before
        assert grown < 24 * 1024 * 1024, f"grew by {grown / 1024 / 1024:.1f} MiB"


async def test_a_long_upload_of_unknown_length_is_cut_off_and_leaves_nothing(
    served: Served, ada: User, tmp_path: Path, db: psycopg.Connection
) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        yield HEAD
        for _ in range(40):
            sent += 1
            yield bytes(256 * 1024)
        yield TAIL

    answer = await ada.http.post("/v1/tasks", content=body(), headers=ada.headers | MULTIPART)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "3,000,000 bytes at most" in answer.json()["detail"]
    assert leftovers(tmp_path, served[1]) == []
    assert tasks_in(db) == 0


async def test_a_long_upload_is_refused_by_its_announced_length(
    served: Served, ada: User, tmp_path: Path
) -> None:
    answer = await ada.upload(jpeg(6_000_000))

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert leftovers(tmp_path, served[1]) == []


async def test_who_asks_first_is_refused_without_sending_the_body(
    served: Served, ada: User
) -> None:
    address = urlsplit(served[0])
    assert address.hostname
    assert address.port
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = [
        "POST /v1/tasks HTTP/1.1",
        "Host: darkroom.test",
        f"Authorization: {ada.headers['Authorization']}",
        f"Content-Type: {MULTIPART['Content-Type']}",
        "Content-Length: 60000000",
        "Expect: 100-continue",
    ]
    started = time.monotonic()
    writer.write("\r\n".join([*head, "", ""]).encode())
    status = await reader.readline()

    assert status.startswith(b"HTTP/1.1 413 ")
    assert time.monotonic() - started < 2
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(
    served: Served, ada: User, tmp_path: Path, db: psycopg.Connection
) -> None:
    address = urlsplit(served[0])
    assert address.hostname
    assert address.port
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    head = [
        "POST /v1/tasks HTTP/1.1",
        "Host: darkroom.test",
        f"Authorization: {ada.headers['Authorization']}",
        f"Content-Type: {MULTIPART['Content-Type']}",
        "Content-Length: 2900000",
    ]
    writer.write("\r\n".join([*head, "", ""]).encode() + HEAD + bytes(2_000_000))
    await writer.drain()
    await until(lambda: leftovers(tmp_path, served[1]))
    writer.close()
    await writer.wait_closed()

    await until(lambda: not leftovers(tmp_path, served[1]))
    assert tasks_in(db) == 0
    assert (await ada.upload()).status_code == 202


async def test_sigterm_lets_a_request_finish_and_ends_the_process(
    served: Served, ada: User, api_server: FakeApiServer
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield HEAD + b"first half"
        served[1].send_signal(signal.SIGTERM)
        await asyncio.sleep(0.5)
        yield b"second half" + TAIL

    answer = await ada.http.post("/v1/tasks", content=body(), headers=ada.headers | MULTIPART)

    assert answer.status_code == 202
    await ada.http.aclose()
    await until(lambda: served[1].poll() is not None)
    assert served[1].returncode == 0
    await until(lambda: [asked for asked in api_server.asked if asked.method == "POST"])


async def test_the_access_log_is_one_json_object_per_request(ada: User, tmp_path: Path) -> None:
    answer = await ada.http.get("/v1/tasks", headers=ada.headers | {"X-Request-Id": "my-own-id"})
    assert answer.headers["x-request-id"] == "my-own-id"

    def logged() -> list[Any]:
        return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]

    def mine() -> list[str]:
        return [line["message"] for line in logged() if line.get("request") == "my-own-id"]

    # The line is written when the answer has been sent.
    await until(mine)
    assert mine() == ["GET /v1/tasks 200"]
    assert not [line for line in logged() if "/readyz" in line["message"]]


class TestWithoutPostgres:
    @pytest.fixture(autouse=True)
    def started_again(self, postgres: Any) -> Iterator[None]:
        yield
        if postgres.process.poll() is not None:
            postgres.start()

    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
    async def test_requests_are_put_off_and_it_recovers_by_itself(
        self, served: Served, ada: User, postgres: Any, how: signal.Signals, tmp_path: Path
    ) -> None:
        await ada.upload()
        postgres.stop(how)

        for _ in range(2):
            started = time.monotonic()
            answers = await asyncio.gather(
                *(ada.get(path) for path in ("/v1/tasks", "/readyz", "/v1/tasks/task-0")),
                ada.upload(),
            )
            assert time.monotonic() - started < 8
            for answer in answers:
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
                assert answer.headers["retry-after"] == "2"
        assert (await ada.get("/livez")).status_code == 200
        # Of what was not accepted nothing is kept.
        assert len(leftovers(tmp_path, served[1])) == 1
        # A task that runs meanwhile does not fail for it.
        in_a_minute = datetime.now(UTC) + timedelta(minutes=1)
        path = f"/v1/objects/outputs/{uuid.uuid4()}/thumb.webp"
        url = signed_url(served[0], "PUT", path, expires=in_a_minute, key=b"s" * 32)
        assert (await ada.http.put(url, content=b"an output")).status_code == 201

        postgres.start()

        async def works() -> bool:
            return (await ada.upload()).status_code == 202

        await until(works, 20)
        assert (await ada.get("/readyz")).status_code == 200
        assert served[1].poll() is None
