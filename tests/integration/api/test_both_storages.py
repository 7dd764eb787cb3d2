"""Local storage and S3 at equal rank: the same flows on both, by two replicas on one database.

S3 is SeaweedFS. Local storage is one directory that both replicas have, as it has to be. What one
replica takes in, the other serves.
"""

import asyncio
import hashlib
import io
import os
import uuid
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, User, client_of, register, until
from darkroom_core.storage import ObjectNotFoundError, Storage, open_storage
from darkroom_core.storage.signing import SWEEP_PATH, signed_url
from psycopg.types.json import Jsonb

Environment = dict[str, str]
JPEG = b"\xff\xd8\xff\xe0\0\2\0" + os.urandom(50_000) + b"\xff\xd9"


@dataclass(frozen=True)
class Replicas:
    """One user at two replicas, and the store that both use."""

    here: User
    there: User
    storage: Storage
    db: psycopg.Connection


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
async def replicas(
    settings: Settings, client: httpx2.AsyncClient, cluster: FakeCluster, db: psycopg.Connection
) -> AsyncIterator[Replicas]:
    async with client_of(create_app(settings, open_cluster=cluster.opened)) as other:
        ada = await register(client, "ada@example.com")
        there = User(other, ada.headers)
        yield Replicas(ada, there, open_storage(settings.storage), db)


def stored(storage: Storage, key: str) -> bytes | None:
    try:
        with storage.open(key) as body:
            return body.read()
    except ObjectNotFoundError:
        return None


async def finished(replicas: Replicas, task: dict[str, Any], body: bytes) -> str:
    """Let the task succeed as processors and the operator do; return the output's key."""

    async def uid_of() -> str | None:
        answer = await replicas.there.get(f"/v1/tasks/{task['id']}")
        uid: str | None = answer.json()["kubernetes"]["uid"]
        return uid

    uid = await until(uid_of)
    key = f"outputs/{uid}/thumb.webp"
    replicas.storage.put(key, io.BytesIO(body), content_type="image/webp")
    output = {"name": "thumb", "format": "webp", "width": 1, "height": 1, "bytes": len(body)}
    seen = {
        "namespace": "media",
        "name": task["id"],
        "uid": uid,
        "status": "succeeded",
        "outputs": [output | {"sha256": hashlib.sha256(body).hexdigest()}],
    }
    replicas.db.execute("SELECT darkroom_record(%s)", [Jsonb(seen)])
    return key


def task_uid(replicas: Replicas, task: dict[str, Any]) -> str:
    row = replicas.db.execute("SELECT uid FROM tasks WHERE id = %s", [task["id"]]).fetchone()
    assert row
    return str(row[0])


def key_of(task: dict[str, Any]) -> str:
    key: str = task["source"]["key"]
    return key


async def test_what_one_replica_takes_in_the_other_shows_and_serves(replicas: Replicas) -> None:
    answer = await replicas.here.upload(JPEG)
    assert answer.status_code == 202, answer.text
    task = answer.json()
    assert stored(replicas.storage, key_of(task)) == JPEG
    made = os.urandom(30_000)
    await finished(replicas, task, made)

    for user in (replicas.here, replicas.there):
        output = await user.get(f"/v1/tasks/{task['id']}/outputs/thumb")
        assert (output.status_code, output.content == made) == (200, True)
        assert output.headers["etag"] == f'"{hashlib.sha256(made).hexdigest()}"'
        assert int(output.headers["content-length"]) == len(made)


async def test_parts_repeats_and_archives_are_the_same(replicas: Replicas) -> None:
    task = (await replicas.here.upload(JPEG)).json()
    made = os.urandom(300_000)
    await finished(replicas, task, made)
    url = f"/v1/tasks/{task['id']}/outputs/thumb"

    # Beyond the first chunk that is read of it.
    part = await replicas.there.get(url, {"Range": "bytes=270000-280000"})
    assert (part.status_code, part.content == made[270_000:280_001]) == (206, True)
    end = await replicas.there.get(url, {"Range": "bytes=-10"})
    assert (end.status_code, end.content) == (206, made[-10:])
    again = await replicas.there.get(url, {"If-None-Match": part.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    archive = await replicas.there.get(f"/v1/tasks/{task['id']}/outputs.zip")
    assert int(archive.headers["content-length"]) == len(archive.content)
    with zipfile.ZipFile(io.BytesIO(archive.content)) as files:
        assert files.read("thumb.webp") == made
    replicas.storage.delete(f"outputs/{task_uid(replicas, task)}/thumb.webp")
    for path in (url, f"{url}?redirect=true", f"/v1/tasks/{task['id']}/outputs.zip"):
        assert (await replicas.there.get(path)).status_code == 410


async def test_a_bucket_serves_a_result_itself_where_that_is_wished(
    replicas: Replicas, settings: Settings
) -> None:
    task = (await replicas.here.upload(JPEG)).json()
    made = os.urandom(30_000)
    await finished(replicas, task, made)
    url = f"/v1/tasks/{task['id']}/outputs/thumb"

    answer = await replicas.here.get(f"{url}?redirect=true&download=true")

    if settings.storage.backend == "local":
        assert (answer.status_code, answer.content == made) == (200, True)
        return
    assert (answer.status_code, answer.headers["cache-control"]) == (302, "no-store")
    async with httpx2.AsyncClient() as anybody:
        from_bucket = await anybody.get(answer.headers["location"])
    assert (from_bucket.status_code, from_bucket.content == made) == (200, True)
    name = f"{task['id']}-thumb.webp"
    assert from_bucket.headers["content-disposition"] == f'attachment; filename="{name}"'
    preferred = await replicas.here.get(url, {"Prefer": "redirect"})
    assert preferred.status_code == 302
    streamed = await replicas.here.get(f"{url}?redirect=false", {"Prefer": "redirect"})
    assert (streamed.status_code, streamed.content == made) == (200, True)


async def test_a_cancel_at_the_other_replica_ends_the_task(replicas: Replicas) -> None:
    task = (await replicas.here.upload(JPEG)).json()
    assert (await replicas.there.post(f"/v1/tasks/{task['id']}/cancel")).status_code == 202

    async def is_canceled() -> bool:
        row = replicas.db.execute(
            "SELECT cancel_requested_at IS NOT NULL FROM tasks WHERE id = %s", [task["id"]]
        ).fetchone()
        return bool(row and row[0])

    await until(is_canceled)


async def test_the_sweep_of_one_replica_removes_what_both_stored(
    replicas: Replicas, settings: Settings
) -> None:
    task = (await replicas.here.upload(JPEG)).json()
    key = await finished(replicas, task, b"made")
    replicas.db.execute(
        "UPDATE tasks SET finished_at = finished_at - interval '2 hours', "
        "submit_after = now() + interval '1 hour'"
    )
    in_a_minute = datetime.now(UTC) + timedelta(minutes=1)
    signing_key = settings.storage.signing_key_bytes
    path = f"{SWEEP_PATH}3600/never"
    url = signed_url("http://darkroom.test", "POST", path, expires=in_a_minute, key=signing_key)
    answer = await replicas.there.http.post(url)

    assert answer.status_code == 200, answer.text
    assert stored(replicas.storage, key) is None
    assert stored(replicas.storage, key_of(task)) is None
    gone = await replicas.here.get(f"/v1/tasks/{task['id']}/outputs/thumb")
    assert (gone.status_code, gone.json()["code"]) == (410, "output_gone")


async def test_an_upload_of_one_replica_is_the_source_of_a_task_at_the_other(
    replicas: Replicas,
) -> None:
    first = (await replicas.here.upload(JPEG)).json()
    answer = await replicas.there.post(
        "/v1/tasks",
        json={
            "source": {"key": key_of(first)},
            "outputs": [{"name": "thumb", "format": "webp"}],
        },
    )
    assert answer.status_code == 202, answer.text
    assert key_of(answer.json()) == key_of(first)


async def test_uploads_at_both_replicas_at_once_do_not_meet(replicas: Replicas) -> None:
    bodies = [JPEG + uuid.uuid4().bytes for _ in range(6)]
    users = [replicas.here, replicas.there] * 3
    answers = await asyncio.gather(
        *(user.upload(body) for user, body in zip(users, bodies, strict=True))
    )
    tasks = [answer.json() for answer in answers]
    assert [answer.status_code for answer in answers] == [202] * 6
    assert [stored(replicas.storage, key_of(task)) for task in tasks] == bodies
