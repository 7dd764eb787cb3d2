"""Prefer: wait, conditional requests and long polls."""

import asyncio
import time
from typing import Any

import psycopg
import pytest
from darkroom_api.testing import RECIPE, FakeCluster, User, uid_of, until
from psycopg.types.json import Jsonb

URL_TASK = {"source": {"url": "https://example.com/a.jpg"}, **RECIPE}


async def create(user: User, **headers: str) -> Any:
    return await user.http.post("/v1/tasks", json=URL_TASK, headers=user.headers | headers)


def record(db: psycopg.Connection, task_id: str, **observation: object) -> None:
    name = {"namespace": "media", "name": task_id, "uid": uid_of(task_id)}
    db.execute("SELECT darkroom_record(%s)", [Jsonb(name | observation)])


async def only_task(user: User) -> str:
    async def listed() -> Any:
        return (await user.get("/v1/tasks")).json()["data"]

    return str((await until(listed))[0]["id"])


async def test_a_task_that_ends_in_time_is_answered_as_it_ended(
    ada: User, db: psycopg.Connection
) -> None:
    asked = asyncio.create_task(create(ada, Prefer="wait=30"))
    task_id = await only_task(ada)
    assert not asked.done()
    record(db, task_id, status="running")
    record(db, task_id, status="succeeded")

    answer = await asyncio.wait_for(asked, 5)

    assert (answer.status_code, answer.json()["status"]) == (201, "succeeded")
    assert answer.headers["preference-applied"] == "wait=30"
    assert answer.headers["location"].endswith(task_id)
    assert "retry-after" not in answer.headers


async def test_one_that_does_not_is_answered_as_it_is(ada: User) -> None:
    started = time.monotonic()
    answer = await create(ada, Prefer="respond-async, wait=1")
    assert 0.9 < time.monotonic() - started < 5
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert answer.headers["preference-applied"] == "wait=1"
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("prefer", ["wait=soon", "wait", "wait=-1", "wait=1.5", "", "waiting=9"])
async def test_what_is_not_understood_is_no_preference(ada: User, prefer: str) -> None:
    answer = await create(ada, Prefer=prefer)
    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers


async def test_a_wait_ends_after_a_minute_at_most() -> None:
    from darkroom_api.tasks.waiting import seconds_preferred  # noqa: PLC0415

    assert seconds_preferred(["wait=9999"]) == 60
    assert seconds_preferred(['handling=lenient, Wait="5"; x=y']) == 5
    assert seconds_preferred(["a", "wait=7", "wait=8"]) == 7
    assert seconds_preferred(None) == 0


async def test_the_etag_changes_with_the_task_and_with_nothing_else(
    ada: User, db: psycopg.Connection, cluster: FakeCluster
) -> None:
    cluster.is_away = True
    task_id = (await create(ada)).json()["id"]
    path = f"/v1/tasks/{task_id}"
    record(db, task_id, status="running")
    first = await ada.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert first.headers["cache-control"] == "private, no-cache"

    db.execute("UPDATE tasks SET submit_attempts = submit_attempts + 1, updated_at = now()")
    for sent in (tag, f'"0", W/{tag}', "*"):
        same = await ada.get(path, {"If-None-Match": sent})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    record(db, task_id, status="failed")
    other = await ada.get(path, {"If-None-Match": tag})
    assert (other.status_code, other.json()["status"]) == (200, "failed")
    assert other.headers["etag"] != tag


async def test_a_long_poll_is_answered_by_a_change_or_by_304(
    ada: User, db: psycopg.Connection, cluster: FakeCluster
) -> None:
    cluster.is_away = True
    task_id = (await create(ada)).json()["id"]
    record(db, task_id, status="running")
    path = f"/v1/tasks/{task_id}"
    tag = (await ada.get(path)).headers["etag"]

    same = await ada.get(path, {"If-None-Match": tag, "Prefer": "wait=1"})
    assert (same.status_code, same.headers["preference-applied"]) == (304, "wait=1")

    asked = asyncio.create_task(ada.get(path, {"If-None-Match": tag, "Prefer": "wait=30"}))
    await asyncio.sleep(0.05)
    db.execute("UPDATE tasks SET progress = 40 WHERE id = %s", [task_id])
    answer = await asyncio.wait_for(asked, 5)
    assert (answer.status_code, answer.json()["progress"]) == (200, 40)

    ended = asyncio.create_task(ada.get(path, {"Prefer": "wait=30"}))
    await asyncio.sleep(0.05)
    db.execute("UPDATE tasks SET progress = 50 WHERE id = %s", [task_id])
    assert not ended.done()
    record(db, task_id, status="succeeded")
    assert (await asyncio.wait_for(ended, 5)).json()["status"] == "succeeded"


async def test_a_wait_holds_no_connection_to_postgres(ada: User, db: psycopg.Connection) -> None:
    # Ten connections, and more who wait.
    task_id = (await create(ada)).json()["id"]
    waits = [
        asyncio.create_task(ada.get(f"/v1/tasks/{task_id}", {"Prefer": "wait=30"}))
        for _ in range(25)
    ]
    await asyncio.sleep(0.1)
    assert (await ada.get(f"/v1/tasks/{task_id}")).status_code == 200
    record(db, task_id, status="canceled")
    answers = await asyncio.wait_for(asyncio.gather(*waits), 10)
    assert {answer.json()["status"] for answer in answers} == {"canceled"}
