"""Schedules over REST: resources with an owner."""

import uuid
from typing import Any

import psycopg
import pytest
from darkroom_api.testing import RECIPE, FakeCluster, User
from psycopg.types.json import Jsonb

NIGHTLY: dict[str, Any] = {
    "name": "front page",
    "schedule": "30 3 * * *",
    "timeZone": "Europe/Berlin",
    "task": {"source": {"url": "https://example.com/front.jpg"}, **RECIPE},
}


async def test_a_schedule_is_a_resource_with_its_owner(ada: User, cluster: FakeCluster) -> None:
    made = await ada.post("/v1/schedules", json=NIGHTLY)
    assert made.status_code == 201, made.text
    view = made.json()
    assert made.headers["location"].endswith(f"/v1/schedules/{view['id']}")
    resource = cluster.schedules["media", view["id"]]
    assert resource["metadata"]["labels"]["darkroom.dev/user"] == view["owner"]
    assert resource["spec"]["task"]["spec"]["source"] == NIGHTLY["task"]["source"]
    assert (view["name"], view["time_zone"]) == ("front page", "Europe/Berlin")
    resource["status"] = {
        "nextScheduleTime": "2026-11-24T02:30:00Z",
        "lastScheduleTime": "2026-11-23T02:30:00Z",
        "lastTask": "a-1",
        "active": ["a-1"],
        "conditions": [{"type": "Ready", "status": "True", "message": "Made a-1."}],
    }
    shown = (await ada.get(f"/v1/schedules/{view['id']}")).json()
    assert shown["next_run_at"] == "2026-11-24T02:30:00Z"
    assert (shown["last_task"], shown["ready"], shown["message"]) == ("a-1", True, "Made a-1.")
    assert [one["id"] for one in (await ada.get("/v1/schedules")).json()["data"]] == [view["id"]]


async def test_a_schedule_is_changed_suspended_run_and_deleted(
    ada: User, cluster: FakeCluster
) -> None:
    id_ = (await ada.post("/v1/schedules", json=NIGHTLY)).json()["id"]
    url = f"/v1/schedules/{id_}"
    suspended = await ada.http.patch(url, headers=ada.headers, json={"suspend": True})
    assert (suspended.status_code, suspended.json()["suspend"]) == (200, True)
    assert suspended.json()["schedule"] == NIGHTLY["schedule"]
    run = await ada.post(f"{url}/run")
    assert run.status_code == 202, run.text
    task = run.json()
    assert (task["metadata"], task["source"]["url"]) == (
        {"schedule": id_},
        "https://example.com/front.jpg",
    )
    assert (await ada.get(task["urls"]["self"])).status_code == 200
    assert (await ada.http.delete(url, headers=ada.headers)).status_code == 204
    assert (await ada.get(url)).status_code == 404
    assert not cluster.schedules


async def test_schedules_of_others_look_like_none(ada: User, bob: User, admin: User) -> None:
    id_ = (await ada.post("/v1/schedules", json=NIGHTLY)).json()["id"]
    url = f"/v1/schedules/{id_}"
    assert (await bob.get("/v1/schedules")).json()["data"] == []
    for answer in (
        await bob.get(url),
        await bob.http.patch(url, headers=bob.headers, json={"suspend": True}),
        await bob.http.delete(url, headers=bob.headers),
        await bob.post(f"{url}/run"),
    ):
        assert answer.status_code == 404
    assert (await admin.get(url)).status_code == 200
    run = (await admin.post(f"{url}/run")).json()
    assert run["owner"] == (await ada.get(url)).json()["owner"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"task": {"outputs": []}}, "#/task/source"),
        ({"task": {**NIGHTLY["task"], "suspend": True}}, "#/task/suspend"),
        ({"task": {**NIGHTLY["task"], "source": {"key": "uploads/x"}}}, "#/task/source/key"),
        (
            {"task": {**NIGHTLY["task"], "source": {"url": "http://10.0.0.1/a.jpg"}}},
            "#/task/source/url",
        ),
        ({"task": {**NIGHTLY["task"], "recipe": "no", "outputs": []}}, "#/task"),
        ({"schedule": "@daily"}, "#/schedule"),
        ({"name": "a\0b"}, "#/name"),
        ({"more": 1}, "#/more"),
    ],
)
async def test_mistakes_are_pointed_at(
    ada: User, cluster: FakeCluster, change: dict[str, Any], pointer: str
) -> None:
    refused = await ada.post("/v1/schedules", json={**NIGHTLY, **change})
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"].startswith(pointer)
    assert not cluster.schedules


async def test_the_tasks_that_a_schedule_makes_are_its_owners(
    ada: User, bob: User, db: psycopg.Connection
) -> None:
    owner = (await ada.post("/v1/schedules", json=NIGHTLY)).json()["owner"]
    for number, (label, is_adas) in enumerate(
        [(owner, True), (str(uuid.uuid4()), False), ("team-a", False), ("", False), (None, False)]
    ):
        name = f"schedule-{number}"
        uid = str(uuid.uuid4())
        seen = {"namespace": "media", "name": name, "uid": uid, "owner": label}
        db.execute("SELECT darkroom_record(%s)", [Jsonb(seen)])
        path = f"/v1/tasks/task-{uid.replace('-', '')}"
        assert (await ada.get(path)).status_code == (200 if is_adas else 404)
        assert (await bob.get(path)).status_code == 404


async def test_a_task_that_has_an_owner_keeps_it(
    ada: User, bob: User, db: psycopg.Connection
) -> None:
    task = (await ada.upload()).json()
    other = (await bob.upload()).json()["owner"]
    seen = {"namespace": "media", "name": task["id"], "uid": str(uuid.uuid4()), "owner": other}
    db.execute("UPDATE tasks SET uid = %s WHERE id = %s", [seen["uid"], task["id"]])
    db.execute("SELECT darkroom_record(%s)", [Jsonb(seen)])
    assert (await ada.get(task["urls"]["self"])).json()["owner"] == task["owner"]
    assert (await bob.get(task["urls"]["self"])).status_code == 404
