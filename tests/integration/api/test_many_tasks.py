"""Retries, bulk requests, batches, Cancel-After, metadata and deletion."""

import asyncio
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.settings import Settings
from darkroom_api.tasks.durations import seconds_in
from darkroom_api.testing import RECIPE, FakeCluster, User, client_of, register, uid_of, until
from psycopg.types.json import Jsonb

URL_TASK = {"source": {"url": "https://example.com/a.jpg"}, **RECIPE}


async def make(user: User, **more: object) -> str:
    answer = await user.post("/v1/tasks", json={**URL_TASK, **more})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def get(user: User, task_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await user.get(f"/v1/tasks/{task_id}")).json()
    return shown


def end(db: psycopg.Connection, *task_ids: str, status: str = "failed") -> None:
    for task_id in task_ids:
        name = {"namespace": "media", "name": task_id, "uid": uid_of(task_id)}
        db.execute("SELECT darkroom_record(%s)", [Jsonb({**name, "status": status})])


async def bulk(user: User, action: str, **request: object) -> dict[str, Any]:
    answer = await user.post(f"/v1/tasks/{action}", json=request)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


@pytest.fixture
def cluster() -> FakeCluster:
    """Away: so that every task stays where the test puts it."""
    cluster = FakeCluster()
    cluster.is_away = True
    return cluster


# --- retries --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["failed", "canceled"])
async def test_what_did_not_succeed_is_tried_again_as_a_new_task(
    ada: User, db: psycopg.Connection, status: str
) -> None:
    task_id = await make(ada, metadata={"order": "42"}, cancelAfterSeconds=3600, pool="large")
    end(db, task_id, status=status)
    answer = await ada.post(f"/v1/tasks/{task_id}/retry")
    again = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == again["urls"]["self"]
    assert (again["origin"], again["status"], again["pool"]) == (task_id, "queued", "large")
    assert again["metadata"] == {"order": "42"}
    assert again["cancel_at"]


@pytest.mark.parametrize("status", ["queued", "running", "succeeded"])
async def test_what_goes_on_or_succeeded_is_not_tried_again(
    ada: User, bob: User, db: psycopg.Connection, status: str
) -> None:
    task_id = await make(ada)
    end(db, task_id, status=status)
    answer = await ada.post(f"/v1/tasks/{task_id}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_failed")
    assert (await bob.post(f"/v1/tasks/{task_id}/retry")).status_code == 404
    assert (await ada.post("/v1/tasks/%00/retry")).status_code == 404


async def test_a_retry_keeps_the_webhook_of_its_origin(ada: User, db: psycopg.Connection) -> None:
    task_id = await make(ada, webhook={"url": "https://example.com/hook"})
    end(db, task_id)
    again = (await ada.post(f"/v1/tasks/{task_id}/retry")).json()["id"]
    hooks = db.execute("SELECT task_id, url FROM task_webhooks ORDER BY task_id").fetchall()
    assert hooks == [(task_id, "https://example.com/hook"), (again, "https://example.com/hook")]


# --- many at once ---------------------------------------------------------------------------------


async def test_named_tasks_are_canceled_and_the_others_are_told(
    ada: User, bob: User, db: psycopg.Connection
) -> None:
    going, ended, foreign = await make(ada), await make(ada), await make(bob)
    end(db, ended, status="succeeded")
    ids = [going, ended, foreign, "task-none", going]

    would = await bulk(ada, "cancel", ids=ids, dry_run=True)
    assert (await get(ada, going))["status"] == "queued"
    did = await bulk(ada, "cancel", ids=ids)

    assert did == {**would, "dry_run": False}
    assert (did["object"], did["action"], did["has_more"]) == ("bulk", "cancel", False)
    assert did["data"] == [{"id": going, "task": None}]
    assert [(skipped["id"], skipped["code"]) for skipped in did["skipped"]] == [
        (ended, "already_finished"),
        (foreign, "not_found"),
        ("task-none", "not_found"),
    ]
    assert (await get(ada, going))["status"] == "canceled"
    assert (await get(bob, foreign))["status"] == "queued"


async def test_a_filter_cancels_ones_own_alone(ada: User, bob: User, admin: User) -> None:
    mine = [await make(ada, metadata={"order": "42"}) for _ in range(2)]
    other = await make(ada)
    his = await make(bob, metadata={"order": "42"})
    wanted = {"label": {"order": "42"}}

    assert (await bulk(admin, "cancel", filter=wanted))["data"] == []
    would = await bulk(ada, "cancel", filter=wanted, dry_run=True)
    did = await bulk(ada, "cancel", filter=wanted)
    assert sorted(done["id"] for done in did["data"]) == sorted(mine)
    assert (would["data"], would["has_more"], did["has_more"]) == (did["data"], False, False)
    assert [(await get(ada, other))["status"], (await get(bob, his))["status"]] == ["queued"] * 2

    bobs = (await bob.get("/v1/me")).json()["id"]
    assert len((await bulk(admin, "cancel", filter={"owner": bobs}))["data"]) == 1
    refused = await ada.post("/v1/tasks/cancel", json={"filter": {"owner": bobs}})
    assert refused.status_code == 403


async def test_a_filter_tries_each_again_once(ada: User, db: psycopg.Connection) -> None:
    ids = [await make(ada) for _ in range(3)]
    end(db, *ids[:2])
    would = await bulk(ada, "retry", filter={"status": ["failed"]}, dry_run=True)
    did = await bulk(ada, "retry", filter={"status": ["failed"]})
    assert [done["id"] for done in would["data"]] == [done["id"] for done in did["data"]] == ids[:2]
    assert {done["task"] for done in would["data"]} == {None}
    for done in did["data"]:
        assert (await get(ada, done["task"]))["origin"] == done["id"]
    assert (await bulk(ada, "retry", filter={"status": ["failed"]}))["data"] == []
    named = await bulk(ada, "retry", ids=ids)
    assert [done["id"] for done in named["data"]] == ids[:2]
    assert [(skipped["id"], skipped["code"]) for skipped in named["skipped"]] == [
        (ids[2], "not_failed")
    ]


async def test_more_than_a_thousand_are_done_by_asking_again(
    ada: User, db: psycopg.Connection
) -> None:
    await make(ada)
    db.execute(
        "INSERT INTO tasks (id, name, owner, namespace, spec) SELECT id || n, id || n, owner,"
        " namespace, spec FROM tasks, generate_series(1, 1200) AS n"
    )
    wanted = {"status": ["queued"]}
    assert (await bulk(ada, "cancel", filter=wanted, dry_run=True))["has_more"] is True
    first = await bulk(ada, "cancel", filter=wanted)
    second = await bulk(ada, "cancel", filter=wanted)
    assert [len(first["data"]), first["has_more"]] == [1000, True]
    assert [len(second["data"]), second["has_more"]] == [201, False]


@pytest.mark.parametrize(
    "request_",
    [
        *({}, {"ids": []}, {"filter": {}}, {"ids": ["a"], "filter": {"pool": "a"}}, []),
        *({"ids": ["\0"]}, {"ids": ["a"] * 1001}, {"filter": {"colour": "red"}}, {"ids": "a"}),
        *({"filter": {"q": "--"}}, {"filter": {"label": {"a": "\0"}}}, {"filter": None}),
    ],
)
async def test_a_bulk_request_that_means_nothing_is_refused(ada: User, request_: object) -> None:
    for action in ("cancel", "retry"):
        answer = await ada.post(f"/v1/tasks/{action}", json=request_)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_two_who_cancel_the_same_at_once_do_not_wait_for_ever(ada: User) -> None:
    ids = [await make(ada) for _ in range(6)]
    answers = await asyncio.gather(
        *(bulk(ada, "cancel", ids=ids[::turn]) for turn in (1, -1, 1, -1))
    )
    assert sum(len(answer["data"]) for answer in answers) == len(ids)


# --- batches --------------------------------------------------------------------------------------


async def test_a_batch_is_made_whole_looked_at_as_one_and_canceled(
    ada: User, bob: User, admin: User, db: psycopg.Connection
) -> None:
    tasks = [{**URL_TASK, "metadata": {"n": str(n)}} for n in range(4)]
    answer = await ada.post("/v1/batches", json={"tasks": tasks, "metadata": {"order": "42"}})
    batch = answer.json()
    path = f"/v1/batches/{batch['id']}"

    assert answer.status_code == 202
    assert answer.headers["location"] == batch["urls"]["self"] == f"http://darkroom.test{path}"
    assert (batch["object"], batch["status"], batch["progress"]) == ("batch", "running", 0)
    assert (batch["counts"], batch["metadata"]) == ({"queued": 4}, {"order": "42"})
    shown = [await get(ada, task_id) for task_id in batch["tasks"]]
    assert [task["metadata"]["n"] for task in shown] == ["0", "1", "2", "3"]
    assert {task["batch"] for task in shown} == {batch["id"]}
    listed = (await ada.get(batch["urls"]["tasks"])).json()["data"]
    assert {task["id"] for task in listed} == set(batch["tasks"])

    ids = batch["tasks"]
    end(db, ids[0], status="succeeded")
    end(db, ids[1])
    db.execute("UPDATE tasks SET status = 'running', progress = 50 WHERE id = %s", [ids[2]])
    seen = (await ada.get(path)).json()
    assert seen["counts"] == {"queued": 1, "running": 1, "succeeded": 1, "failed": 1}
    assert (seen["progress"], seen["finished_at"]) == (62, None)

    # What was tried again counts as what it became.
    again = (await ada.post(f"/v1/tasks/{ids[1]}/retry")).json()["id"]
    seen = (await ada.get(path)).json()
    assert (seen["counts"].get("failed"), seen["counts"]["queued"]) == (None, 2)
    assert again in seen["tasks"]
    assert ids[1] not in seen["tasks"]

    assert (await bob.get(path)).status_code == 404
    assert (await bob.post(f"{path}/cancel")).status_code == 404
    assert (await admin.get(path)).status_code == 200
    canceled = await ada.post(f"{path}/cancel")
    assert (canceled.status_code, canceled.json()["status"]) == (202, "finished")
    assert canceled.json()["counts"] == {"canceled": 3, "succeeded": 1}
    assert (canceled.json()["progress"], bool(canceled.json()["finished_at"])) == (100, True)
    assert [b["id"] for b in (await ada.get("/v1/batches")).json()["data"]] == [batch["id"]]
    assert (await bob.get("/v1/batches")).json()["data"] == []


async def test_one_bad_task_makes_none(ada: User, db: psycopg.Connection) -> None:
    bad = {**URL_TASK, "outputs": [{"name": "a", "format": "psd"}]}
    foreign = {**RECIPE, "source": {"key": "uploads/task-of-somebody"}}
    for task, pointer in (
        (bad, "#/tasks/1/outputs/0/format"),
        (foreign, "#/tasks/1/source/key"),
        (
            {"recipe": "none", "source": URL_TASK["source"], "metadata": {"a": 1}},
            "#/tasks/1/metadata/a",
        ),
    ):
        answer = await ada.post("/v1/batches", json={"tasks": [URL_TASK, task]})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert db.execute("SELECT count(*) FROM tasks").fetchone() == (0,)
    assert db.execute("SELECT count(*) FROM batches").fetchone() == (0,)


@pytest.mark.parametrize("tasks", [[], [URL_TASK] * 201, {}, None, [[]], ["a"]])
async def test_a_batch_has_from_one_to_two_hundred_tasks(ada: User, tasks: object) -> None:
    answer = await ada.post("/v1/batches", json={"tasks": tasks})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_batches_are_paged(ada: User) -> None:
    made = [
        (await ada.post("/v1/batches", json={"tasks": [URL_TASK]})).json()["id"] for _ in range(3)
    ]
    first = await ada.get("/v1/batches?limit=2")
    rest = await ada.http.get(first.links["next"]["url"], headers=ada.headers)
    pages = [first.json()["data"], rest.json()["data"]]
    assert [[batch["id"] for batch in page] for page in pages] == [made[:0:-1], made[:1]]
    for cursor in ("x", "%00", "MSB0YXNr"):
        assert (await ada.get(f"/v1/batches?cursor={cursor}")).status_code == 422
    assert (await ada.get("/v1/batches/%00")).status_code == 404


# --- Cancel-After ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("1d", 86_400), (" 2h ", 7200)]
    + [(text, None) for text in ("", "5", "m", "5 m", "-5m", "5m5", "1.5h", "5M", "\u0665m")],
)
def test_lengths_of_time_are_read(text: str, seconds: int | None) -> None:
    assert seconds_in(text) == seconds


async def test_a_task_that_has_not_ended_by_then_is_canceled(
    ada: User, db: psycopg.Connection
) -> None:
    headers = ada.headers | {"Cancel-After": "5m"}
    by_header = (await ada.http.post("/v1/tasks", json=URL_TASK, headers=headers)).json()
    by_field = await make(ada, cancelAfterSeconds=60)
    ended, without = await make(ada, cancelAfterSeconds=60), await make(ada)
    end(db, ended, status="succeeded")
    rows = db.execute(
        "SELECT extract(epoch FROM cancel_at - created_at)::integer FROM tasks ORDER BY created_at"
    ).fetchall()
    assert rows == [(300,), (60,), (60,), (None,)]
    assert by_header["cancel_at"]

    db.execute("UPDATE tasks SET cancel_at = now() WHERE cancel_at IS NOT NULL")

    async def is_canceled() -> bool:
        shown = [await get(ada, task_id) for task_id in (by_header["id"], by_field)]
        return all(task["status"] == "canceled" for task in shown)

    await until(is_canceled)
    assert (await get(ada, ended))["status"] == "succeeded"
    assert (await get(ada, without))["status"] == "queued"
    assert "Cancel-After" in (await get(ada, by_field))["message"]


@pytest.mark.parametrize("text", ["soon", "0s", "31d", "5", "999999999d"])
async def test_what_is_no_length_of_time_is_refused(ada: User, text: str) -> None:
    headers = ada.headers | {"Cancel-After": text}
    answer = await ada.http.post("/v1/tasks", json=URL_TASK, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/header/cancel-after"


# --- metadata -------------------------------------------------------------------------------------


async def test_metadata_is_given_by_json_and_by_multipart_and_changed_later(
    ada: User, bob: User
) -> None:
    by_json = await get(ada, await make(ada, metadata={"a": "1", "b": "ü"}))
    by_upload = (await ada.upload(recipe={**RECIPE, "metadata": {"a": "1"}})).json()
    assert [by_json["metadata"], by_upload["metadata"]] == [{"a": "1", "b": "ü"}, {"a": "1"}]

    path = f"/v1/tasks/{by_json['id']}"
    change = {"metadata": {"a": None, "b": "2", "c": ""}}
    answer = await ada.http.patch(path, json=change, headers=ada.headers)
    assert (answer.status_code, answer.json()["metadata"]) == (200, {"b": "2", "c": ""})
    assert answer.headers["etag"] != '"1"'
    assert (await bob.http.patch(path, json=change, headers=bob.headers)).status_code == 404


@pytest.mark.parametrize(
    "metadata",
    [
        *({"": "a"}, {"a b": "1"}, {"a": 1}, {"a": "\0"}, {"a": "x" * 501}, {"a" * 64: "1"}),
        *(
            {"a": "\ud800"},
            {f"k{n}": "1" for n in range(51)},
            [],
            "a",
            None,
            {"a": None},
            {"=": ""},
        ),
    ],
)
async def test_metadata_that_is_none_is_refused(ada: User, metadata: object) -> None:
    # The client's own encoder refuses half of a pair of surrogates.
    headers = ada.headers | {"Content-Type": "application/json"}
    body = json.dumps({**URL_TASK, "metadata": metadata})
    answer = await ada.http.post("/v1/tasks", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("#/metadata")


async def test_a_task_never_has_more_than_fifty_entries(ada: User) -> None:
    task_id = await make(ada, metadata={f"k{n}": "1" for n in range(50)})
    for changes, status in (({"more": "1"}, 422), ({"more": "1", "k0": None}, 200), ({}, 200)):
        answer = await ada.http.patch(
            f"/v1/tasks/{task_id}", json={"metadata": changes}, headers=ada.headers
        )
        assert answer.status_code == status
    bodies: list[object] = [
        {},
        {"status": "failed"},
        {"metadata": {"a": 1}},
        [],
        {"metadata": None},
    ]
    for body in bodies:
        answer = await ada.http.patch(f"/v1/tasks/{task_id}", json=body, headers=ada.headers)
        assert answer.status_code == 422


# --- deletion, and when it happens by itself ------------------------------------------------------


def stored(objects: Path) -> list[str]:
    return sorted(str(p.relative_to(objects)) for p in objects.rglob("*") if p.is_file())


async def test_a_finished_task_is_deleted_with_all_that_is_its(
    ada: User, bob: User, db: psycopg.Connection, cluster: FakeCluster, objects: Path
) -> None:
    cluster.is_away = False
    task_id = (await ada.upload()).json()["id"]
    await until(lambda: ("media", task_id) in cluster.resources)
    path = f"/v1/tasks/{task_id}"
    busy = await ada.http.delete(path, headers=ada.headers)
    assert (busy.status_code, busy.json()["code"]) == (409, "not_finished")

    async def uid() -> str | None:
        found: str | None = (await get(ada, task_id))["kubernetes"]["uid"]
        return found

    made = objects / "outputs" / str(await until(uid)) / "thumb.webp"
    made.parent.mkdir(parents=True)
    made.write_bytes(b"made")
    end(db, task_id, status="succeeded")
    assert (await bob.http.delete(path, headers=bob.headers)).status_code == 404

    done = await ada.http.delete(path, headers=ada.headers)

    assert (done.status_code, done.content) == (204, b"")
    assert stored(objects) == []
    for answer in (
        await ada.get(path),
        await ada.http.delete(path, headers=ada.headers),
        await ada.post(f"{path}/retry"),
        await ada.post(f"{path}/cancel"),
        await ada.get(f"{path}/outputs/thumb"),
    ):
        assert answer.status_code == 404
    assert (await ada.get("/v1/tasks")).json()["data"] == []
    await until(lambda: not cluster.resources)


async def test_an_upload_that_another_task_needs_stays(
    ada: User, db: psycopg.Connection, objects: Path
) -> None:
    task_id = (await ada.upload()).json()["id"]
    end(db, task_id)
    again = (await ada.post(f"/v1/tasks/{task_id}/retry")).json()["id"]
    assert (await ada.http.delete(f"/v1/tasks/{task_id}", headers=ada.headers)).status_code == 204
    assert stored(objects) == [f"uploads/{task_id}"]
    end(db, again)
    assert (await ada.http.delete(f"/v1/tasks/{again}", headers=ada.headers)).status_code == 204
    assert stored(objects) == []


async def test_nothing_is_left_of_a_deleted_task_after_a_while(
    ada: User, db: psycopg.Connection, cluster: FakeCluster, settings: Settings
) -> None:
    cluster.is_away = False
    task_id = await make(ada, metadata={"secret": "of mine"})
    await until(lambda: ("media", task_id) in cluster.resources)
    await until(lambda: db.execute("SELECT 1 FROM tasks WHERE uid IS NOT NULL").fetchone())
    end(db, task_id, status="succeeded")
    await ada.http.delete(f"/v1/tasks/{task_id}", headers=ada.headers)
    assert db.execute("SELECT spec, metadata FROM tasks").fetchone() == (None, {})
    await until(lambda: db.execute("SELECT 1 FROM tasks WHERE withdrawn_at IS NOT NULL").fetchone())

    # The operator, which saw it, writes no other row.
    end(db, task_id, status="canceled")
    db.execute("UPDATE tasks SET deleted_at = now() - interval '2 hours'")
    async with client_of(create_app(settings, open_cluster=cluster.opened)):
        await until(lambda: db.execute("SELECT count(*) FROM tasks").fetchone() == (0,))


async def test_it_is_shown_when_files_and_history_go(
    settings: Settings, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    retention = {"outputs_seconds": 3600, "history_seconds": 86_400}
    kept = settings.model_copy(
        update={"retention": type(settings.retention).model_validate(retention)}
    )
    async with client_of(create_app(kept, open_cluster=cluster.opened)) as client:
        ada = await register(client, "ada@example.com")
        task_id = await make(ada)
        shown = await get(ada, task_id)
        assert (shown["outputs_expire_at"], shown["expires_at"]) == (None, None)
        db.execute(
            "UPDATE tasks SET status = 'succeeded', finished_at = '2026-01-01T00:00:00Z',"
            " progress = 100"
        )
        shown = await get(ada, task_id)
        assert shown["outputs_expire_at"] == "2026-01-01T01:00:00Z"
        assert shown["expires_at"] == "2026-01-02T00:00:00Z"
