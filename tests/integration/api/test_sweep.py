"""The retention sweep: what is old leaves storage, then Postgres; what is needed stays."""

import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.database import Pool, open_pool
from darkroom_api.maintenance.sweep import BATCH, Swept, sweep
from darkroom_api.settings import Settings
from darkroom_api.testing import RECIPE, FakeCluster, User, client_of, jpeg, register, uid_of
from darkroom_core.storage import Storage, StorageError, open_storage
from darkroom_core.storage.signing import SWEEP_PATH, signed_url
from psycopg.types.json import Jsonb

DAY = 86_400
FORMATS = {"thumb": "webp", "full": "jpg"}


def files_in(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return open_storage(settings.storage)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, connections=4) as pool:
        yield pool


@pytest.fixture
def ended(db: psycopg.Connection, objects: Path) -> Callable[..., Any]:
    """Let a task of REST end, `days` ago, with its outputs in storage."""

    def end(task_id: str, status: str = "succeeded", days: float = 10) -> str:
        uid = uid_of(task_id)
        made = {"width": 1, "height": 1, "bytes": 1, "sha256": "0" * 64}
        outputs = [
            {"name": name, "format": "jpeg" if end == "jpg" else end, **made}
            for name, end in FORMATS.items()
        ]
        observation = {"namespace": "media", "name": task_id, "uid": uid, "status": status}
        at = {"finished_at": (datetime.now(UTC) - timedelta(days=days)).isoformat()}
        db.execute("SELECT darkroom_record(%s)", [Jsonb({**observation, **at, "outputs": outputs})])
        for name, extension in (*FORMATS.items(), ("_facts", "json")):
            path = objects / "outputs" / uid / f"{name}.{extension}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        return str(uid)

    return end


async def upload(user: User) -> str:
    return str((await user.upload()).json()["id"])


async def ask(client: httpx2.AsyncClient, outputs: object, history: object) -> dict[str, Any]:
    path = f"{SWEEP_PATH}{outputs}/{history}"
    expires = datetime.now(UTC) + timedelta(minutes=1)
    answer = await client.post(signed_url("", "POST", path, expires=expires, key=b"s" * 32))
    assert answer.status_code == 200, answer.text
    swept: dict[str, Any] = answer.json()
    return swept


async def test_old_outputs_go_and_their_task_stays(
    client: httpx2.AsyncClient, ada: User, objects: Path, ended: Callable[..., str]
) -> None:
    old, young, unfinished = [await upload(ada) for _ in range(3)]
    ended(old)
    uid = ended(young, days=1)

    assert await ask(client, 5 * DAY, "never") == {"objects": 4, "rows": 0, "more": False}

    kept = {f"outputs/{uid}/{name}" for name in ("thumb.webp", "full.jpg", "_facts.json")}
    assert files_in(objects) == kept | {f"uploads/{young}", f"uploads/{unfinished}"}
    shown = (await ada.get(f"/v1/tasks/{old}")).json()
    assert (shown["status"], shown["outputs"][0]["bytes"]) == ("succeeded", 1)
    for method in ("GET", "HEAD"):
        gone = await ada.http.request(
            method, f"/v1/tasks/{old}/outputs/thumb", headers={**ada.headers, "If-None-Match": "*"}
        )
        assert gone.status_code == 410
    assert (await ada.get(f"/v1/tasks/{old}/outputs/thumb")).json()["code"] == "output_gone"
    assert (await ada.get(f"/v1/tasks/{young}/outputs/thumb")).status_code == 200
    assert await ask(client, 5 * DAY, "never") == {"objects": 0, "rows": 0, "more": False}


async def test_old_tasks_go_with_all_that_is_theirs(
    client: httpx2.AsyncClient, ada: User, objects: Path, ended: Callable[..., str]
) -> None:
    ancient, old, young = [await upload(ada) for _ in range(3)]
    ended(ancient, days=100)
    ended(old, "failed")
    ended(young, days=1)

    assert await ask(client, 5 * DAY, 50 * DAY) == {"objects": 8, "rows": 1, "more": False}

    assert (await ada.get(f"/v1/tasks/{ancient}")).status_code == 404
    assert (await ada.get(f"/v1/tasks/{old}")).status_code == 200
    assert {path for path in files_in(objects) if ancient in path or old in path} == set()
    # A task whose outputs went before leaves nothing but its row to delete.
    assert (await ask(client, "never", 5 * DAY))["rows"] == 1


async def test_never_keeps_everything(
    client: httpx2.AsyncClient, ada: User, ended: Callable[..., str]
) -> None:
    ended(await upload(ada))
    assert await ask(client, "never", "never") == {"objects": 0, "rows": 0, "more": False}


async def test_an_upload_stays_until_the_last_task_that_needs_it_is_swept(
    client: httpx2.AsyncClient, ada: User, objects: Path, ended: Callable[..., str]
) -> None:
    origin = await upload(ada)
    ended(origin, "failed")
    replay = (await ada.post(f"/v1/tasks/{origin}/replay")).json()["id"]

    assert (await ask(client, DAY, DAY))["rows"] == 1
    assert files_in(objects) == {f"uploads/{origin}"}

    ended(replay, "failed", days=2)
    again = (await ada.post(f"/v1/tasks/{replay}/replay")).json()["id"]
    ended(again, days=2)
    # Both at once: neither keeps it for the other.
    assert (await ask(client, DAY, "never"))["objects"] == 7
    assert files_in(objects) == set()
    assert (await ada.post(f"/v1/tasks/{replay}/replay")).json()["code"] == "source_gone"


async def test_bytes_that_two_tasks_share_stay_until_both_are_swept(
    client: httpx2.AsyncClient, ada: User, objects: Path, ended: Callable[..., str]
) -> None:
    body = jpeg()
    first, second = [(await ada.upload(body)).json() for _ in range(2)]
    assert first["source"] == second["source"]
    ended(first["id"])
    assert (await ask(client, DAY, DAY))["rows"] == 1
    assert files_in(objects) == {first["source"]["key"]}

    ended(second["id"])
    assert (await ask(client, DAY, DAY))["rows"] == 1
    assert files_in(objects) == set()

    third = (await ada.upload(body)).json()
    assert files_in(objects) == {third["source"]["key"]}


async def test_what_people_put_into_storage_themselves_is_theirs(
    client: httpx2.AsyncClient, db: psycopg.Connection, objects: Path
) -> None:
    for key in ("samples/a.jpg", "uploads/mine.jpg"):
        (objects / key).parent.mkdir(parents=True, exist_ok=True)
        (objects / key).write_bytes(b"x")
        spec = {"source": {"key": key}, **RECIPE}
        by_hand = {"namespace": "media", "name": "by-hand", "uid": str(uuid.uuid4()), "spec": spec}
        end = {"status": "failed", "finished_at": "2026-01-01T00:00:00Z"}
        db.execute("SELECT darkroom_record(%s)", [Jsonb({**by_hand, **end})])

    assert (await ask(client, 1, 1))["rows"] == 2
    assert files_in(objects) == {"samples/a.jpg", "uploads/mine.jpg"}


async def test_a_row_outlives_the_tasks_resource(
    client: httpx2.AsyncClient,
    ada: User,
    db: psycopg.Connection,
    cluster: FakeCluster,
    ended: Callable[..., str],
) -> None:
    """Else the operator would see the resource, and write a second row about it."""
    ended(await upload(ada), days=600 / DAY - 0.001)
    cluster.is_away = True
    canceled = await upload(ada)
    db.execute(
        "UPDATE tasks SET cancel_requested_at = now(), status = 'canceled',"
        " finished_at = now() - interval '1 day', submit_after = now() + interval '1 hour'"
        " WHERE id = %s",
        [canceled],
    )
    assert (await ask(client, "never", 0))["rows"] == 0
    db.execute(
        "UPDATE tasks SET finished_at = finished_at - interval '1 day', withdrawn_at = now()"
    )
    assert (await ask(client, "never", 0))["rows"] == 2


async def test_a_batch_is_bounded_and_the_rest_is_said(
    client: httpx2.AsyncClient, db: psycopg.Connection
) -> None:
    db.execute(
        "INSERT INTO tasks (id, name, namespace, uid, spec, status, finished_at)"
        " SELECT 't' || n, 't', 'media', 'u' || n, %s, 'succeeded', now() - interval '2 days'"
        " FROM generate_series(1, %s) AS n",
        [Jsonb({"source": {"url": "https://a.b/"}, **RECIPE}), 2 * BATCH + 1],
    )
    answers = [await ask(client, DAY, "never") for _ in range(3)]
    assert [answer["more"] for answer in answers] == [True, True, False]
    assert sum(answer["objects"] for answer in answers) == 3 * (2 * BATCH + 1)

    answers = [await ask(client, 0, DAY) for _ in range(3)]
    assert [(answer["rows"], answer["more"]) for answer in answers] == [
        (BATCH, True),
        (BATCH, True),
        (1, False),
    ]


async def test_a_sweep_that_is_cut_short_is_done_again(
    ada: User, db: psycopg.Connection, pool: Pool, storage: Storage, ended: Callable[..., str]
) -> None:
    task_id = await upload(ada)
    ended(task_id)

    class Failing:
        def __getattr__(self, name: str) -> object:
            return getattr(storage, name)

        def delete(self, key: str) -> None:
            if key.endswith("full.jpg"):
                raise StorageError("the bucket is away")
            storage.delete(key)

    for ages in ({"outputs_age": 0, "history_age": None}, {"outputs_age": None, "history_age": 0}):
        with pytest.raises(StorageError):
            await sweep(pool, Failing(), **ages)  # type: ignore[arg-type]  # stands in for one
    row = db.execute("SELECT outputs_deleted_at FROM tasks WHERE id = %s", [task_id]).fetchone()
    assert row == (None,)

    assert await sweep(pool, storage, outputs_age=None, history_age=0) == Swept(4, 1, is_more=False)


async def test_two_sweeps_at_once_do_not_wait_for_each_other(
    ada: User, db: psycopg.Connection, pool: Pool, storage: Storage, ended: Callable[..., str]
) -> None:
    task_id = await upload(ada)
    ended(task_id)
    with db.transaction():
        db.execute("SELECT 1 FROM tasks WHERE id = %s FOR UPDATE", [task_id])
        assert await sweep(pool, storage, outputs_age=0, history_age=0) == Swept()
    assert (await sweep(pool, storage, outputs_age=0, history_age=0)).rows == 1


@pytest.mark.parametrize("path", ["1/1", "never/never"])
async def test_without_a_signature_nothing_is_swept(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.post(SWEEP_PATH + path)).status_code == 403
    expires = datetime.now(UTC) + timedelta(minutes=1)
    other = signed_url("", "POST", SWEEP_PATH + "9/9", expires=expires, key=b"s" * 32)
    forged = other.replace("9/9", path, 1)
    assert (await client.post(forged)).json()["code"] == "invalid_signature"


@pytest.mark.parametrize("path", ["1/sometimes", "-1/1", "1.5/1", f"{10**12}/1"])
async def test_an_age_that_is_none_is_refused(client: httpx2.AsyncClient, path: str) -> None:
    expires = datetime.now(UTC) + timedelta(minutes=1)
    url = signed_url("", "POST", SWEEP_PATH + path, expires=expires, key=b"s" * 32)
    assert (await client.post(url)).status_code == 422


async def test_a_bucket_is_swept_as_a_directory_is(
    s3: Any, settings: Settings, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    bucket = settings.storage.model_copy(
        update={"backend": "s3", "bucket": s3.bucket, "endpoint": s3.endpoint, "path_style": True}
    )
    app = create_app(settings.model_copy(update={"storage": bucket}), open_cluster=cluster.opened)
    async with client_of(app) as client:
        task_id = await upload(await register(client, "ada@example.com"))
        end = {"status": "failed", "finished_at": "2026-01-01T00:00:00Z"}
        who = {"namespace": "media", "name": task_id, "uid": uid_of(task_id)}
        db.execute("SELECT darkroom_record(%s)", [Jsonb(who | end)])
        assert (await ask(client, 0, 0))["rows"] == 1
        with pytest.raises(StorageError):
            open_storage(bucket).stat(f"uploads/{task_id}")
