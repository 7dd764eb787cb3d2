"""Dead letters: seen, listed, counted and replayed."""

import uuid
from pathlib import Path
from typing import Any

import psycopg
import pytest
from darkroom_api.database import open_pool
from darkroom_api.tasks.queries import count_dead_letters
from darkroom_api.testing import RECIPE, FakeCluster, User, uid_of, until
from psycopg.types.json import Jsonb

ERROR = {"code": "source_unavailable", "message": "It does not answer.", "retryable": True}
TRY = {
    "number": 1,
    "pod": "task-1-abc",
    "job": "task-1",
    "node": "n1",
    "startedAt": "2026-01-01T00:00:00Z",
    "finishedAt": "2026-01-01T00:00:09Z",
    "exitCode": 75,
    "disrupted": False,
    "error": ERROR,
}


def files_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


async def failed(
    user: User, db: psycopg.Connection, *, dead_lettered: bool = True, **recipe: object
) -> str:
    """Make a task and let it fail, as the operator records it; returns its id."""
    task_id = str((await user.upload(recipe={**RECIPE, **recipe})).json()["id"])
    observation = {"namespace": "media", "name": task_id, "uid": uid_of(task_id)}
    end = {"status": "failed", "error": ERROR, "tries": [TRY], "dead_lettered": dead_lettered}
    why = {"reason": "RetriesExhausted", "message": "Every try failed."}
    db.execute("SELECT darkroom_record(%s)", [Jsonb({**observation, **end, **why})])
    return task_id


async def get(user: User, task_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await user.get(f"/v1/tasks/{task_id}")).json()
    return shown


async def test_a_dead_letter_tells_every_try_and_why(ada: User, db: psycopg.Connection) -> None:
    shown = await get(ada, await failed(ada, db, pool="large", priority="Low"))

    assert (shown["status"], shown["dead_lettered"]) == ("failed", True)
    assert (shown["reason"], shown["message"]) == ("RetriesExhausted", "Every try failed.")
    assert (shown["pool"], shown["priority"], shown["origin"]) == ("large", "Low", None)
    assert shown["tries"] == [
        {
            "number": 1,
            "pod": "task-1-abc",
            "job": "task-1",
            "node": "n1",
            "started_at": "2026-01-01T00:00:00Z",
            "finished_at": "2026-01-01T00:00:09Z",
            "exit_code": 75,
            "disrupted": False,
            "error": ERROR,
        }
    ]


async def test_a_task_that_is_not_in_the_cluster_says_what_it_waits_for(
    ada: User, cluster: FakeCluster
) -> None:
    cluster.is_away = True
    task_id = (await ada.upload()).json()["id"]
    assert "waits for its turn" in (await get(ada, task_id))["message"]

    async def is_put_off() -> bool:
        return "tried again" in (await get(ada, task_id))["message"]

    await until(is_put_off)
    cluster.is_away = False

    async def is_there() -> bool:
        return (await get(ada, task_id))["message"] is None

    await until(is_there)


async def test_dead_letters_are_listed(ada: User, bob: User, db: psycopg.Connection) -> None:
    letter = await failed(ada, db)
    rejected = await failed(ada, db, dead_lettered=False)
    await failed(bob, db)

    async def listed(value: str) -> list[str]:
        page = (await ada.get(f"/v1/tasks?dead_lettered={value}")).json()
        return [task["id"] for task in page["data"]]

    assert await listed("true") == [letter]
    assert await listed("false") == [rejected]
    assert (await ada.get("/v1/tasks?dead_lettered=perhaps")).status_code == 422


async def test_a_replay_is_a_new_task_that_names_its_origin(
    ada: User, admin: User, db: psycopg.Connection, cluster: FakeCluster
) -> None:
    origin = await failed(ada, db, retries=1, pool="large")
    before = await get(ada, origin)

    answer = await admin.post(f"/v1/tasks/{origin}/replay")

    task = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == task["urls"]["self"]
    assert answer.headers["retry-after"] == "1"
    assert task["id"] != origin
    assert (task["origin"], task["status"], task["owner"]) == (origin, "queued", before["owner"])
    assert (task["source"], task["outputs"][0]["name"]) == (before["source"], "thumb")
    assert (task["tries"], task["dead_lettered"], task["error"]) == ([], False, None)
    assert await get(ada, origin) == before

    await until(lambda: ("media", task["id"]) in cluster.resources)
    spec = cluster.resources["media", task["id"]]["spec"]
    assert spec["source"] == {"key": f"uploads/{origin}"}
    assert (spec["origin"], spec["retries"], spec["pool"]) == (origin, 1, "large")


@pytest.mark.parametrize("status", ["queued", "running", "succeeded", "canceled"])
async def test_only_what_has_failed_is_replayed(
    ada: User, db: psycopg.Connection, status: str
) -> None:
    task_id = await failed(ada, db)
    db.execute("UPDATE tasks SET status = %s", [status])
    answer = await ada.post(f"/v1/tasks/{task_id}/replay")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_failed")


async def test_another_users_task_cannot_be_replayed(
    ada: User, bob: User, db: psycopg.Connection
) -> None:
    task_id = await failed(ada, db)
    assert (await bob.post(f"/v1/tasks/{task_id}/replay")).status_code == 404
    assert (await ada.post("/v1/tasks/task-none/replay")).status_code == 404


async def test_what_is_not_kept_cannot_be_replayed(ada: User, db: psycopg.Connection) -> None:
    task_id = await failed(ada, db)
    db.execute("UPDATE tasks SET outputs_deleted_at = now()")
    answer = await ada.post(f"/v1/tasks/{task_id}/replay")
    assert (answer.status_code, answer.json()["code"]) == (410, "source_gone")

    # A URL is somebody else's to keep.
    db.execute("""UPDATE tasks SET spec = spec || '{"source": {"url": "https://a.b/"}}'""")
    assert (await ada.post(f"/v1/tasks/{task_id}/replay")).status_code == 202


async def test_a_replay_of_a_task_written_by_hand_and_suspended_goes_on(
    admin: User, db: psycopg.Connection, cluster: FakeCluster
) -> None:
    uid = str(uuid.uuid4())
    spec = {"source": {"key": "samples/a.jpg"}, "suspend": True, **RECIPE}
    observation = {"namespace": "media", "name": "by-hand", "uid": uid, "spec": spec}
    db.execute("SELECT darkroom_record(%s)", [Jsonb({**observation, "status": "failed"})])
    origin = "task-" + uid.replace("-", "")

    task = (await admin.post(f"/v1/tasks/{origin}/replay")).json()

    await until(lambda: ("media", task["id"]) in cluster.resources)
    made = cluster.resources["media", task["id"]]["spec"]
    assert made == {"source": {"key": "samples/a.jpg"}, "origin": origin, **RECIPE}


@pytest.mark.parametrize(("name", "value"), [("origin", "task-1"), ("suspend", False)])
async def test_what_is_not_for_rest_is_refused(
    ada: User, objects: Path, name: str, value: object
) -> None:
    recipe = {**RECIPE, name: value}
    upload = await ada.upload(recipe=recipe)
    by_url = await ada.post("/v1/tasks", json={"source": {"url": "https://a.b/"}, **recipe})
    for answer in (upload, by_url):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == f"#/{name}"
    assert files_in(objects) == []


async def test_the_fields_of_the_resource_reach_it(ada: User, cluster: FakeCluster) -> None:
    more = {
        "pool": "large",
        "priority": "Critical",
        "retries": 5,
        "backoff": {"initialSeconds": 1, "maxSeconds": 60},
        "queueName": "team-a",
        "ttlSecondsAfterFinished": 60,
    }
    task_id = (await ada.upload(recipe={**RECIPE, **more})).json()["id"]
    await until(lambda: cluster.resources)
    spec = cluster.resources["media", task_id]["spec"]
    assert {name: spec[name] for name in more} == more


async def test_dead_letters_that_nobody_replayed_are_counted(
    ada: User, db: psycopg.Connection, database_url: str
) -> None:
    async def counted() -> int:
        async with open_pool(database_url, connections=2) as pool, pool.connection() as connection:
            return await count_dead_letters(connection)

    assert await counted() == 0
    letters = [await failed(ada, db) for _ in range(3)]
    await failed(ada, db, dead_lettered=False)
    assert await counted() == 3
    await ada.post(f"/v1/tasks/{letters[0]}/replay")
    assert await counted() == 2

    # The same by kubectl: the operator's copy names it.
    copy = {"namespace": "media", "name": "copy", "uid": str(uuid.uuid4())}
    spec = {"source": {"key": "a"}, "origin": letters[1], **RECIPE}
    db.execute("SELECT darkroom_record(%s)", [Jsonb({**copy, "spec": spec})])
    assert await counted() == 1
