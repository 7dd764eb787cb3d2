"""The way from a row to a resource, with a cluster that goes away and comes back."""

from typing import Any

import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, User, client_of, until


def row_of(db: psycopg.Connection, task_id: str) -> dict[str, Any]:
    cursor = db.execute("SELECT * FROM tasks WHERE id = %s", [task_id])
    row = cursor.fetchone()
    assert row
    assert cursor.description
    return dict(zip((column.name for column in cursor.description), row, strict=True))


async def created(ada: User) -> str:
    answer = await ada.upload()
    assert answer.status_code == 202
    return str(answer.json()["id"])


async def test_a_task_waits_for_a_cluster_that_is_away_and_is_submitted_later(
    ada: User, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    cluster.is_away = True
    tasks = [await created(ada) for _ in range(3)]
    await until(lambda: row_of(db, tasks[0])["submit_error"])

    shown = (await ada.get(f"/v1/tasks/{tasks[0]}")).json()
    assert (shown["status"], shown["kubernetes"]["uid"]) == ("queued", None)
    assert row_of(db, tasks[0])["submit_error"] == "the cluster is away"
    assert (await ada.get("/readyz")).status_code == 200

    cluster.is_away = False
    await until(lambda: len(cluster.resources) == 3)
    await until(lambda: all(row_of(db, task)["uid"] for task in tasks))
    assert row_of(db, tasks[0])["submit_error"] is None


async def test_a_cluster_that_is_away_is_not_asked_for_every_row(
    ada: User, cluster: FakeCluster
) -> None:
    cluster.is_away = True
    await created(ada)
    await until(lambda: cluster.calls)
    for _ in range(10):
        await created(ada)

    assert len(cluster.calls) <= 3


async def test_a_refused_task_fails_with_the_api_servers_sentence(
    ada: User, cluster: FakeCluster
) -> None:
    cluster.refusal = "spec.outputs: Too many: 65: must have at most 64 items"
    task_id = await created(ada)

    async def error() -> Any:
        return (await ada.get(f"/v1/tasks/{task_id}")).json()["error"]

    assert await until(error) == {
        "code": "refused",
        "message": cluster.refusal,
        "retryable": False,
    }


async def test_a_lost_answer_is_found_out_by_asking_again(
    ada: User, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    task_id = await created(ada)
    uid = await until(lambda: row_of(db, task_id)["uid"])
    db.execute(
        "UPDATE tasks SET uid = NULL, submitted_at = NULL, submit_after = now() WHERE id = %s",
        [task_id],
    )

    assert await until(lambda: row_of(db, task_id)["uid"]) == uid
    assert cluster.calls == ["create", "create"]


async def test_the_row_of_a_replica_that_died_is_taken_up_by_another(
    settings: Settings, ada: User, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    cluster.is_away = True
    task_id = await created(ada)
    await until(lambda: cluster.calls)
    other = FakeCluster()
    async with client_of(create_app(settings, open_cluster=other.opened)):
        db.execute("UPDATE tasks SET submit_after = now() WHERE id = %s", [task_id])
        await until(lambda: row_of(db, task_id)["uid"])

    assert other.resources.keys() == {("media", task_id)}


async def test_many_tasks_and_two_replicas_make_one_resource_each(
    settings: Settings, ada: User, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    cluster.is_away = True
    tasks = [await created(ada) for _ in range(40)]
    cluster.is_away = False
    db.execute("UPDATE tasks SET submit_after = now()")
    async with client_of(create_app(settings, open_cluster=cluster.opened)):
        await until(lambda: len(cluster.resources) == 40)

    assert {name for _, name in cluster.resources} == set(tasks)


async def test_canceling_deletes_the_resource_and_is_recorded(
    ada: User, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    task_id = await created(ada)
    await until(lambda: row_of(db, task_id)["uid"])

    answer = await ada.post(f"/v1/tasks/{task_id}/cancel")
    assert answer.status_code == 202
    assert answer.json()["cancel_requested_at"]

    await until(lambda: row_of(db, task_id)["withdrawn_at"])
    row = row_of(db, task_id)
    assert (row["status"], cluster.resources) == ("canceled", {})
    assert row["finished_at"]
    assert (await ada.post(f"/v1/tasks/{task_id}/cancel")).status_code == 200


async def test_canceling_what_was_never_submitted_is_done_at_once(
    ada: User, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    cluster.is_away = True
    await created(ada)
    await until(lambda: cluster.calls)
    # While the cluster is away this one is not tried.
    task_id = await created(ada)
    assert row_of(db, task_id)["submit_attempts"] == 0

    answer = await ada.post(f"/v1/tasks/{task_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "canceled")
    assert row_of(db, task_id)["withdrawn_at"]


async def test_canceling_while_the_cluster_is_away_withdraws_later(
    ada: User, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    task_id = await created(ada)
    await until(lambda: row_of(db, task_id)["uid"])
    cluster.is_away = True
    await ada.post(f"/v1/tasks/{task_id}/cancel")
    await until(lambda: row_of(db, task_id)["submit_error"])
    assert row_of(db, task_id)["status"] == "queued"

    cluster.is_away = False
    await until(lambda: row_of(db, task_id)["withdrawn_at"])
    assert row_of(db, task_id)["status"] == "canceled"
    assert cluster.resources == {}


async def test_a_resource_whose_creation_was_not_answered_is_withdrawn_too(
    ada: User, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    task_id = await created(ada)
    await until(lambda: row_of(db, task_id)["uid"])
    db.execute("UPDATE tasks SET uid = NULL, submit_after = now() + interval '1 hour'")

    canceled = (await ada.post(f"/v1/tasks/{task_id}/cancel")).json()
    assert canceled["status"] == "canceled"
    assert cluster.resources

    db.execute("UPDATE tasks SET submit_after = now()")
    await until(lambda: not cluster.resources)


@pytest.mark.parametrize("status", ["succeeded", "failed", "expired"])
async def test_what_has_finished_cannot_be_canceled(
    ada: User, db: psycopg.Connection, status: str
) -> None:
    task_id = await created(ada)
    db.execute("UPDATE tasks SET status = %s WHERE id = %s", [status, task_id])

    answer = await ada.post(f"/v1/tasks/{task_id}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_finished")
