"""Cleanup: an owner's old files go, or a namespace's; what is anybody else's stays."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.testing import FakeCluster, User, jpeg, uid_of, until
from darkroom_core.storage.signing import cleanup_path, signed_url
from psycopg.types.json import Jsonb

DAY = 86_400


def files_in(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


@pytest.fixture
def ended(db: psycopg.Connection, objects: Path) -> Callable[..., str]:
    """Let a task end, `days` ago, with a set of files and its facts in storage."""

    def end(task_id: str, days: float = 10, **more: Any) -> str:
        uid = uid_of(task_id)
        ended_at = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        seen = {"namespace": "media", "name": task_id, "uid": uid, "status": "succeeded"}
        db.execute("SELECT darkroom_record(%s)", [Jsonb({**seen, "finished_at": ended_at, **more})])
        for name in ("thumb.webp", "full.jpg", "_facts.json"):
            path = objects / "outputs" / uid / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        return uid

    return end


async def ask(client: httpx2.AsyncClient, path: str) -> httpx2.Response:
    expires = datetime.now(UTC) + timedelta(minutes=1)
    return await client.post(signed_url("", "POST", path, expires=expires, key=b"s" * 32))


async def cleaned(client: httpx2.AsyncClient, *parts: Any) -> Any:
    answer = await ask(client, cleanup_path(*parts))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def id_of(user: User) -> str:
    return str((await user.get("/v1/me")).json()["id"])


async def test_a_users_old_files_go_and_nobody_elses(
    client: httpx2.AsyncClient, ada: User, bob: User, objects: Path, ended: Callable[..., str]
) -> None:
    old, young, bobs = [(await user.upload()).json()["id"] for user in (ada, ada, bob)]
    gone = ended(old)
    ended(young, days=1)
    ended(bobs)
    before = files_in(objects)

    answer = await cleaned(client, await id_of(ada), "media", 5 * DAY, "")

    assert answer == {"removed": 4, "remaining": False}
    expected = {f"uploads/{old}"} | {
        f"outputs/{gone}/{name}" for name in ("thumb.webp", "full.jpg", "_facts.json")
    }
    assert before - files_in(objects) == expected
    assert (await cleaned(client, await id_of(ada), "media", 5 * DAY, ""))["removed"] == 0


async def test_a_prefix_lets_the_rest_stay_and_is_done_once(
    client: httpx2.AsyncClient, ada: User, objects: Path, ended: Callable[..., str]
) -> None:
    old = (await ada.upload()).json()["id"]
    uid = ended(old)
    owner = await id_of(ada)
    for _ in range(2):
        await cleaned(client, owner, "media", 5 * DAY, "uploads/")
    assert f"uploads/{old}" not in files_in(objects)
    assert f"outputs/{uid}/thumb.webp" in files_in(objects)
    again = await cleaned(client, owner, "media", 5 * DAY, "uploads/")
    assert again == {"removed": 0, "remaining": False}
    await cleaned(client, owner, "media", 5 * DAY, "outputs/")
    assert files_in(objects) == set()


async def test_what_a_cleanup_removed_is_told_as_gone(
    client: httpx2.AsyncClient, ada: User, ended: Callable[..., str]
) -> None:
    made = [{"name": "thumb", "format": "webp", "bytes": 1, "sha256": "0" * 64}]
    done, failed = [(await ada.upload()).json()["id"] for _ in range(2)]
    ended(done, outputs=made)
    ended(failed, status="failed")
    for prefix in ("outputs/", "uploads/"):
        await cleaned(client, await id_of(ada), "media", 5 * DAY, prefix)
    for method in ("GET", "HEAD"):
        path = f"/v1/tasks/{done}/outputs/thumb"
        assert (await ada.http.request(method, path, headers=ada.headers)).status_code == 410
    assert (await ada.post(f"/v1/tasks/{failed}/replay")).json()["code"] == "source_gone"


async def test_an_upload_that_another_task_needs_stays_until_that_has_ended_too(
    client: httpx2.AsyncClient, ada: User, objects: Path, ended: Callable[..., str]
) -> None:
    first = (await ada.upload()).json()
    key = first["source"]["key"]
    sources = [{"key": key}]
    body = {"type": "Report", "sources": sources, "outputs": [{"name": "a", "format": "pdf"}]}
    second = (await ada.post("/v1/tasks", json=body)).json()["id"]
    ended(first["id"])
    await cleaned(client, await id_of(ada), "media", 5 * DAY, "")
    assert key in files_in(objects)
    ended(second)
    await cleaned(client, await id_of(ada), "media", 5 * DAY, "")
    assert key not in files_in(objects)


async def test_the_files_of_a_report_go_with_it(
    client: httpx2.AsyncClient, ada: User, objects: Path, ended: Callable[..., str]
) -> None:
    recipe = {"type": "Report", "outputs": [{"name": "a", "format": "pdf"}]}
    parts = [("file", (name, jpeg())) for name in ("a.jpg", "b.jpg")]
    files = [*parts, ("task", (None, json.dumps(recipe)))]
    task = (await ada.post("/v1/tasks", files=files)).json()["id"]
    ended(task)
    await cleaned(client, await id_of(ada), "media", 5 * DAY, "uploads/")
    assert not [path for path in files_in(objects) if path.startswith("uploads/")]


async def test_a_namespaces_cleanup_reaches_all_of_it_and_no_other(
    client: httpx2.AsyncClient, ada: User, objects: Path, ended: Callable[..., str]
) -> None:
    old = (await ada.upload()).json()["id"]
    ended(old)
    spec = {"outputs": [{"name": "thumb", "format": "webp"}], "source": {"key": "samples/a"}}
    ended("by-hand", spec=spec)
    elsewhere = ended("other", spec=spec, namespace="other")
    await cleaned(client, "", "media", 5 * DAY, "")
    left = files_in(objects)
    assert f"outputs/{elsewhere}/thumb.webp" in left
    assert f"uploads/{old}" not in left
    assert len([path for path in left if path.endswith("thumb.webp")]) == 1


async def test_only_a_signed_request_cleans(
    client: httpx2.AsyncClient, ada: User, objects: Path, ended: Callable[..., str]
) -> None:
    ended((await ada.upload()).json()["id"])
    path = cleanup_path(await id_of(ada), "media", 5 * DAY, "")
    assert (await client.post(path)).status_code == 403
    expires = datetime.now(UTC) + timedelta(minutes=1)
    signed = signed_url("", "POST", path, expires=expires, key=b"s" * 32)
    # What is signed for one age, one user or one prefix is no other's.
    for wrong in (
        signed.replace(str(5 * DAY), "3600"),
        signed.replace("/432000/", "/432000/uploads/"),
        signed.replace(await id_of(ada), str(uuid.uuid4())),
    ):
        assert (await client.post(wrong)).status_code == 403
    assert len(files_in(objects)) == 4


async def test_a_cleanup_is_a_task_of_its_owner_and_has_no_facts(
    ada: User, cluster: FakeCluster, ended: Callable[..., str]
) -> None:
    body = {"type": "Cleanup", "cleanup": {"olderThanSeconds": 3600, "prefix": "uploads/"}}
    task = (await ada.post("/v1/tasks", json=body)).json()
    await until(lambda: ("media", task["id"]) in cluster.resources)
    resource = cluster.resources["media", task["id"]]
    assert resource["metadata"]["labels"]["darkroom.dev/user"] == await id_of(ada)
    ended(task["id"])
    assert (await ada.get(task["urls"]["facts"])).json()["code"] == "no_output"
