"""Quotas of users, also under many requests at once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.limits.settings import QuotaSettings
from darkroom_api.settings import Settings
from darkroom_api.testing import FakeCluster, User, client_of, jpeg, register
from psycopg.types.json import Jsonb


@pytest.fixture
async def client(settings: Settings, cluster: FakeCluster) -> AsyncIterator[httpx2.AsyncClient]:
    quotas = QuotaSettings(tasks_per_day=3)
    app = create_app(settings.model_copy(update={"quotas": quotas}), open_cluster=cluster.opened)
    async with client_of(app) as client:
        yield client


def allow(db: psycopg.Connection, **quota: Any) -> None:
    db.execute("UPDATE users SET quota = %s", [Jsonb(quota)])


def later(db: psycopg.Connection) -> None:
    """Let a minute go by, after which bytes are measured again."""
    db.execute("UPDATE quota_usage SET measured_at = measured_at - interval '1 minute'")


async def quota_of(user: User) -> dict[str, Any]:
    answer = await user.get("/v1/me/quota")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_of_many_tasks_at_once_exactly_as_many_are_made_as_the_quota_says(
    ada: User, db: psycopg.Connection
) -> None:
    answers = await asyncio.gather(*(ada.upload() for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202] * 3 + [429] * 5
    assert db.execute("SELECT count(*) FROM tasks").fetchone() == (3,)
    # What was refused is not counted: tomorrow's are not used up by tries.
    assert db.execute("SELECT tasks FROM quota_usage").fetchone() == (3,)
    shown = await quota_of(ada)
    assert shown["tasks_per_day"] == {"limit": 3, "used": 3, "remaining": 0}


async def test_a_refusal_says_which_quota_it_was_and_when_to_come_back(ada: User) -> None:
    for _ in range(3):
        await ada.upload()
    refused = await ada.upload()
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (429, "quota_exceeded")
    assert problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert problem["violated-policies"] == ["tasks_per_day"]
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    assert "your quota is 3" in problem["detail"]


async def test_the_next_day_begins_at_nought(ada: User, db: psycopg.Connection) -> None:
    for _ in range(3):
        await ada.upload()
    db.execute("UPDATE quota_usage SET day = day - 1")
    assert (await quota_of(ada))["tasks_per_day"]["used"] == 0
    assert (await ada.upload()).status_code == 202
    assert (await quota_of(ada))["tasks_per_day"]["used"] == 1


async def test_one_user_does_not_use_up_what_another_has(client: httpx2.AsyncClient) -> None:
    ada, bob = await register(client, "ada@example.com"), await register(client, "bob@example.com")
    for _ in range(4):
        await ada.upload()
    assert (await bob.upload()).status_code == 202


async def test_tasks_that_have_not_ended_are_limited_exactly(
    ada: User, db: psycopg.Connection
) -> None:
    allow(db, tasks_per_day=None, tasks_at_once=2)
    answers = await asyncio.gather(*(ada.upload() for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [202] * 2 + [429] * 4
    db.execute("UPDATE tasks SET status = 'succeeded', finished_at = now()")
    assert (await ada.upload()).status_code == 202
    shown = await quota_of(ada)
    assert shown["tasks_at_once"] == {"limit": 2, "used": 1, "remaining": 1}
    assert shown["tasks_per_day"] == {"limit": None, "used": 3, "remaining": None}


async def test_bytes_in_storage_are_limited(ada: User, db: psycopg.Connection) -> None:
    allow(db, tasks_per_day=None, bytes_stored=200)
    answers = [await ada.upload(jpeg(100)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[2].json()["violated-policies"] == ["bytes_stored"]
    assert (await quota_of(ada))["bytes_stored"] == {"limit": 200, "used": 200, "remaining": 0}


async def test_bytes_that_are_stored_once_count_once(ada: User, db: psycopg.Connection) -> None:
    allow(db, tasks_per_day=None, bytes_stored=100)
    body = jpeg(100)
    assert [(await ada.upload(body)).status_code for _ in range(3)] == [202] * 3
    put = await ada.http.put("/v1/uploads", headers=ada.headers, content=jpeg(100))
    assert (put.status_code, put.json()["violated-policies"]) == (429, ["bytes_stored"])


async def test_outputs_count_too(ada: User, db: psycopg.Connection) -> None:
    allow(db, tasks_per_day=None, bytes_stored=1000)
    task = (await ada.upload(jpeg(100))).json()
    made = {"name": "a", "format": "webp", "width": 1, "height": 1, "sha256": "0" * 64}
    db.execute("UPDATE tasks SET outputs = %s", [Jsonb([{**made, "bytes": 900}])])
    later(db)
    assert (await quota_of(ada))["bytes_stored"]["used"] == 1000
    assert (await ada.upload(jpeg(100))).status_code == 429
    db.execute("UPDATE tasks SET status = 'succeeded', finished_at = now()")
    deleted = await ada.http.delete(task["urls"]["self"], headers=ada.headers)
    assert deleted.status_code == 204
    later(db)
    assert (await ada.upload(jpeg(100))).status_code == 202


async def test_an_upload_without_a_task_counts_from_when_it_is_asked_for(
    ada: User, db: psycopg.Connection
) -> None:
    allow(db, bytes_stored=200)
    larger = await ada.post("/v1/uploads", json={"size": 201})
    assert (larger.status_code, larger.json()["code"]) == (429, "quota_exceeded")
    asked = await ada.post("/v1/uploads", json={"size": 150})
    assert asked.status_code == 201, asked.text
    for method, path in (("PUT", "/v1/uploads"), ("POST", "/v1/tus")):
        refused = await ada.http.request(
            method,
            path,
            headers=ada.headers | {"Tus-Resumable": "1.0.0", "Upload-Length": "100"},
            content=jpeg(100) if method == "PUT" else None,
        )
        assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded"), path
    canceled = await ada.post(f"/v1/uploads/{asked.json()['id']}/cancel")
    assert canceled.status_code == 200, canceled.text
    later(db)
    kept = await ada.http.put("/v1/uploads", headers=ada.headers, content=jpeg(200))
    assert kept.status_code == 201, kept.text
    later(db)
    assert (await quota_of(ada))["bytes_stored"]["used"] == 200


async def test_rate_limits_are_shown_beside_quotas(
    settings: Settings, cluster: FakeCluster, db: psycopg.Connection
) -> None:
    limits = settings.limits.model_copy(update={"enabled": True, "patience_ms": 10_000})
    limits = limits.model_copy(update={"auth_burst": 100})
    app = create_app(settings.model_copy(update={"limits": limits}), open_cluster=cluster.opened)
    async with client_of(app) as client:
        ada = await register(client, "ada@example.com")
        allow(db, limits={"stream": "none"})
        assert (await quota_of(ada))["rate_limits"] == {
            "read": {"burst": 100, "per_second": 50},
            "write": {"burst": 20, "per_second": 10},
            "upload": {"burst": 20, "per_second": 10},
            "stream": None,
        }
