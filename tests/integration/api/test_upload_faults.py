"""What goes wrong with uploads leaves nothing behind but what can be resumed."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import LiteralString

import httpx2
import psycopg
import pytest
from darkroom_api.testing import User, jpeg, register, until
from psycopg import sql

Served = tuple[str, subprocess.Popen[bytes]]
MB = 1_000_000
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"DARKROOM_UPLOADS__SWEEP_SECONDS": "1"}


@pytest.fixture
async def ada(served: Served) -> AsyncIterator[User]:
    async with httpx2.AsyncClient(base_url=served[0], timeout=60) as client:
        yield await register(client, "ada@example.com")


def files_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def of_uploads(db: psycopg.Connection, column: LiteralString) -> list[object]:
    statement = sql.SQL("SELECT {} FROM uploads ORDER BY id").format(sql.SQL(column))
    return [row[0] for row in db.execute(statement)]


async def cut_off(user: User, method: str, path: str, head: bytes, **headers: str) -> None:
    """Send the begin of a body, wait until it is being stored, and cut the connection."""
    port = user.http.base_url.port
    assert port
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = user.headers | headers | {"Host": "a", "Content-Length": str(10 * MB)}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"{method} {path} HTTP/1.1\r\n{text}\r\n".encode() + head + jpeg(2 * MB))
    await writer.drain()
    await asyncio.sleep(0)
    writer.close()
    await writer.wait_closed()


async def test_a_raw_upload_that_is_cut_off_leaves_nothing(
    ada: User, objects: Path, db: psycopg.Connection
) -> None:
    await cut_off(ada, "PUT", "/v1/uploads", b"")
    await until(lambda: of_uploads(db, "status") == ["canceled"])
    await until(lambda: files_in(objects) == [])
    assert of_uploads(db, "lease") == [None]


async def test_a_multipart_upload_that_is_cut_off_leaves_nothing(
    ada: User, objects: Path, db: psycopg.Connection
) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    await cut_off(ada, "POST", "/v1/batches", head, **kind)
    assert (await ada.upload()).status_code == 202
    assert len(files_in(objects)) == 1
    assert db.execute("SELECT count(*) FROM files").fetchone() == (1,)


async def test_of_a_resumable_upload_that_is_cut_off_all_that_came_is_kept(
    ada: User, objects: Path, db: psycopg.Connection
) -> None:
    body = jpeg(10 * MB)
    begun = await ada.http.post(
        "/v1/tus", headers=ada.headers | {"Tus-Resumable": "1.0.0", "Upload-Length": str(10 * MB)}
    )
    path = httpx2.URL(begun.headers["location"]).path
    await cut_off(ada, "PATCH", path, b"", **TUS, **{"Upload-Offset": "0"})
    (came,) = await until(lambda: [n for n in of_uploads(db, "received") if n == 2 * MB])
    await until(lambda: of_uploads(db, "lease") == [None])
    answer = await ada.http.patch(
        path, content=body[came:], headers=ada.headers | TUS | {"Upload-Offset": str(came)}
    )
    assert answer.status_code == 204, answer.text
    (file,) = files_in(objects)
    assert file.read_bytes()[came:] == body[came:]


async def test_an_expired_upload_is_gone_with_what_had_come_of_it(
    ada: User, objects: Path, db: psycopg.Connection
) -> None:
    begun = await ada.http.post(
        "/v1/tus",
        content=jpeg(2 * MB),
        headers=ada.headers | TUS | {"Upload-Length": str(3 * MB)},
    )
    path = httpx2.URL(begun.headers["location"]).path
    direct = (await ada.post("/v1/uploads", json={})).json()
    assert len(files_in(objects)) == 1
    db.execute("UPDATE uploads SET expires_at = now() - interval '1 s'")
    await until(lambda: of_uploads(db, "status") == ["expired", "expired"])
    await until(lambda: files_in(objects) == [])
    late = await ada.http.patch(
        path, content=b"x", headers=ada.headers | TUS | {"Upload-Offset": str(2 * MB)}
    )
    assert late.status_code == 410
    assert (await ada.post(f"/v1/uploads/{direct['id']}/complete")).status_code == 409
    assert (await ada.http.put(direct["url"], content=jpeg())).status_code == 409


async def test_one_upload_that_cannot_be_cleared_keeps_no_other_from_it(
    ada: User, db: psycopg.Connection
) -> None:
    for _ in range(2):
        await ada.post("/v1/uploads", json={})
    db.execute("UPDATE uploads SET expires_at = now() - interval '1 s'")
    db.execute("UPDATE uploads SET parked = 'nonsense' WHERE id = (SELECT min(id) FROM uploads)")
    await until(lambda: of_uploads(db, "cleared_at IS NOT NULL") == [False, True])
    # And it goes on looking.
    await ada.post("/v1/uploads", json={})
    db.execute("UPDATE uploads SET expires_at = now() - interval '1 s'")
    await until(lambda: of_uploads(db, "cleared_at IS NOT NULL") == [False, True, True])


async def test_what_a_killed_process_had_begun_is_removed_by_the_next_one(
    served: Served,
    start: Callable[[int], subprocess.Popen[bytes]],
    port: int,
    ada: User,
    objects: Path,
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield jpeg(2 * MB)
        await until(lambda: files_in(objects))
        served[1].send_signal(signal.SIGKILL)
        while True:
            yield bytes(MB)

    with pytest.raises(httpx2.TransportError):
        await ada.http.put("/v1/uploads", content=body(), headers=ada.headers)
    (left,) = files_in(objects)
    long_ago = time.time() - 3 * 86_400
    os.utime(left, (long_ago, long_ago))
    young = left.with_name("young")
    young.write_bytes(b"of an upload that goes on")
    process = start(port)
    try:
        await until(lambda: not left.exists())
        assert young.exists()
    finally:
        process.terminate()
        process.wait(30)
