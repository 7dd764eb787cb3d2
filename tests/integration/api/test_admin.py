"""What operators look at, with rows as the API and the operator write them."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.testing import FakeCluster, User
from psycopg.types.json import Jsonb

OVERVIEWS = ["queues", "workers", "throughput", "failures", "dead-letters", "storage", "mirror"]


def add(db: psycopg.Connection, **columns: Any) -> str:
    """Add a row of tasks, and return its id."""
    task_id = f"task-{uuid.uuid4().hex}"
    values = {"id": task_id, "name": task_id, "namespace": "media", **columns}
    values = {k: Jsonb(v) if isinstance(v, dict | list) else v for k, v in values.items()}
    names = ", ".join(values)
    places = ", ".join(f"%({name})s" for name in values)
    db.execute(f"INSERT INTO tasks ({names}) VALUES ({places})", values)  # noqa: S608  # the test's
    return task_id


def ago(**how_long: float) -> datetime:
    return datetime.now(UTC) - timedelta(**how_long)


def pod(name: str, uid: str, *, phase: str = "Running", **more: Any) -> dict[str, Any]:
    """A processor's pod, as the API server tells of it."""
    labels = {
        "app.kubernetes.io/managed-by": "darkroom-operator",
        "darkroom.dev/task-uid": uid,
        "darkroom.dev/try": "2",
        "darkroom.dev/pool": "fast",
    }
    ended = more.get("ended")
    state = {"terminated": {"finishedAt": ended.isoformat()}} if ended else {"running": {}}
    return {
        "metadata": {
            "name": name,
            "labels": labels,
            "creationTimestamp": more.get("created", ago(minutes=2)).isoformat(),
        },
        "spec": {"nodeName": more.get("node", "node-a")},
        "status": {
            "phase": phase,
            "startTime": ago(minutes=1).isoformat(),
            "containerStatuses": [{"state": state}],
        },
    }


async def seen(admin: User, what: str) -> dict[str, Any]:
    answer = await admin.get(f"/v1/admin/{what}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("what", OVERVIEWS)
async def test_users_see_nothing_of_it(ada: User, client: httpx2.AsyncClient, what: str) -> None:
    answer = await ada.get(f"/v1/admin/{what}")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "admin:read" in answer.json()["detail"]
    assert (await client.get(f"/v1/admin/{what}")).status_code == 401


@pytest.mark.parametrize("what", OVERVIEWS)
async def test_without_any_task_there_is_nothing_and_no_error(admin: User, what: str) -> None:
    await seen(admin, what)


async def test_queues_are_counted_by_pool_and_priority(admin: User, db: psycopg.Connection) -> None:
    fast = {"pool": "fast", "priority": "Critical"}
    held = datetime.now(UTC) + timedelta(hours=1)
    # Beyond what the submitter looks at: another namespace's.
    elsewhere = {"namespace": "elsewhere", "submit_after": held}
    add(db, spec=fast, created_at=ago(seconds=90), **elsewhere)
    add(db, spec=fast, uid="1", status="queued")
    add(db, spec=fast, uid="2", status="running")
    add(db, spec={}, **elsewhere)
    add(db, spec={}, uid="3", status="succeeded", finished_at=ago(seconds=1))

    first, second = (await seen(admin, "queues"))["data"]

    assert {name: first[name] for name in ("pool", "priority")} == {
        "pool": "default",
        "priority": "Default",
    }
    assert (first["waiting"], first["submitted"], first["running"]) == (1, 0, 0)
    assert (second["pool"], second["priority"]) == ("fast", "Critical")
    assert (second["waiting"], second["submitted"], second["running"]) == (1, 1, 1)
    assert 89 < second["oldest_age_seconds"] < 120


async def test_workers_are_pods_with_their_node_age_and_task(
    admin: User, ada: User, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    owner = (await ada.get("/v1/me")).json()["id"]
    task_id = add(db, uid="u1", status="running", owner=owner)
    cluster.pods = [
        pod("young", "u2", node=None, phase="Pending", created=ago(seconds=5)),
        pod("old", "u1"),
        pod("over", "u1", phase="Succeeded", ended=ago(seconds=1)),
        {"metadata": {"name": "no processor", "creationTimestamp": "2026-01-01T00:00:00Z"}},
    ]

    found = await seen(admin, "workers")

    assert [worker["pod"] for worker in found["data"]] == ["old", "young"]
    assert found["nodes"] == [{"node": "node-a", "workers": 1}]
    assert found["pending"] == 1
    old = found["data"][0]
    assert (old["task"], old["owner"], old["pool"], old["number"]) == (task_id, owner, "fast", 2)
    assert 119 < old["age_seconds"] < 150


async def test_without_the_cluster_workers_are_unavailable_and_the_mirror_says_so(
    admin: User, cluster: FakeCluster
) -> None:
    cluster.is_away = True
    answer = await admin.get("/v1/admin/workers")
    assert (answer.status_code, answer.json()["retryable"]) == (503, True)
    mirror = await seen(admin, "mirror")
    assert (mirror["cluster_answers"], mirror["unrecorded"]) == (False, None)


async def test_throughput_has_every_period_up_to_now(admin: User, db: psycopg.Connection) -> None:
    for status in ("succeeded", "succeeded", "failed", "canceled"):
        add(db, status=status, finished_at=ago(hours=2), created_at=ago(hours=3), uid=None)
    found = await seen(admin, "throughput?per=hour&periods=4")
    sums = {
        name: sum(period[name] for period in found["data"])
        for name in ("created", "succeeded", "failed", "canceled", "expired")
    }
    assert sums == {"created": 4, "succeeded": 2, "failed": 1, "canceled": 1, "expired": 0}
    assert len(found["data"]) == 4
    assert len((await seen(admin, "throughput"))["data"]) == 60


@pytest.mark.parametrize("query", ["per=day", "periods=0", "periods=169", "periods=x"])
async def test_other_periods_are_refused(admin: User, query: str) -> None:
    assert (await admin.get(f"/v1/admin/throughput?{query}")).status_code == 422


async def test_failures_are_grouped_with_the_last_as_an_example(
    admin: User, db: psycopg.Connection
) -> None:
    corrupt = {"code": "corrupt_image", "message": "It ends early."}
    add(db, status="failed", error=corrupt, finished_at=ago(hours=2))
    last = add(db, status="failed", error=corrupt, finished_at=ago(minutes=2))
    lost = {"code": "report_lost", "message": "m"}
    add(db, status="failed", error=lost, finished_at=ago(hours=3), dead_lettered=True)
    add(db, status="failed", error=lost, finished_at=ago(days=3))

    found = (await seen(admin, "failures?hours=24"))["data"]

    assert [(row["code"], row["count"], row["dead_lettered"]) for row in found] == [
        ("corrupt_image", 2, 0),
        ("report_lost", 1, 1),
    ]
    assert (found[0]["last_task"], found[0]["last_message"]) == (last, "It ends early.")


async def test_dead_letters_are_paged_and_go_when_somebody_has_replayed_them(
    admin: User, db: psycopg.Connection
) -> None:
    lost = {"code": "out_of_memory", "message": "m"}
    ids = [
        add(db, status="failed", error=lost, dead_lettered=True, created_at=ago(minutes=n))
        for n in range(5)
    ]
    add(db, status="failed", spec={"origin": ids[0]}, finished_at=ago(seconds=1))

    first = await seen(admin, "dead-letters?limit=3")
    second = await seen(admin, f"dead-letters?limit=3&cursor={first['next_cursor']}")

    assert [row["id"] for row in (*first["data"], *second["data"])] == ids[1:]
    assert (first["total"], first["has_more"], second["has_more"]) == (4, True, False)
    assert first["data"][0]["code"] == "out_of_memory"
    assert first["data"][0]["replay"] == f"/v1/tasks/{ids[1]}/replay"
    assert (await admin.get("/v1/admin/dead-letters?cursor=x")).status_code == 422


async def test_storage_is_added_up_by_user_from_rows(
    admin: User, ada: User, bob: User, db: psycopg.Connection
) -> None:
    owner, other = [(await user.get("/v1/me")).json()["id"] for user in (ada, bob)]
    outputs = [{"name": "a", "bytes": 30}, {"name": "b", "bytes": 12}]
    for _ in range(2):  # of the same file
        add(db, owner=owner, source_bytes=100, outputs=outputs[:1], status="succeeded")
    add(db, owner=owner, outputs=outputs[1:], outputs_deleted_at=ago(hours=1))
    for user, size in ((owner, 100), (other, 7)):
        db.execute(
            "INSERT INTO files (owner, sha256, key, size) VALUES (%s, 'x', %s, %s)",
            [user, f"uploads/{size}", size],
        )

    found = await seen(admin, "storage")

    assert [(row["email"], row["upload_bytes"], row["output_bytes"]) for row in found["data"]] == [
        ("ada@example.com", 100, 60),
        ("bob@example.com", 7, 0),
    ]
    assert (found["upload_bytes"], found["output_bytes"], found["backend"]) == (107, 60, "local")


async def test_the_mirror_tells_which_ends_no_row_knows_of(
    admin: User, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    told = [{"number": 1, "pod": "told", "finishedAt": ago(minutes=1).isoformat()}]
    waiting = add(db, uid="u1", status="running")
    add(db, uid="u2", status="running", tries=told)
    add(db, uid="u3", status="succeeded", finished_at=ago(seconds=10), updated_at=ago(seconds=8))
    cluster.pods = [
        pod("untold", "u1", phase="Succeeded", ended=ago(seconds=40)),
        pod("told", "u2", phase="Failed", ended=ago(minutes=1)),
        pod("done", "u3", phase="Succeeded", ended=ago(seconds=10)),
        pod("at work", "u1"),
        pod("nobody's", "u4", phase="Failed", ended=ago(hours=1)),
    ]

    found = await seen(admin, "mirror")

    assert (found["cluster_answers"], found["unrecorded"]) == (True, 1)
    assert found["oldest_unrecorded_task"] == waiting
    assert 39 < found["oldest_unrecorded_seconds"] < 60
    assert found["lag"]["tasks"] == 1
    assert found["lag"]["p50_seconds"] == pytest.approx(2, abs=0.5)


async def test_what_is_due_towards_the_cluster_is_told(
    admin: User, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    cluster.is_away = True
    add(db, submit_attempts=3, submit_after=ago(seconds=30), namespace="elsewhere")
    found = await seen(admin, "mirror")
    assert found["due"] == 1
    assert found["oldest_due_seconds"] > 29


def test_the_page_names_every_overview() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/rest-admin.md").read_text()
    assert [what for what in OVERVIEWS if f"/v1/admin/{what}" not in page] == []
