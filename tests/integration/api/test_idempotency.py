"""Idempotency-Key: a request that is sent twice is carried out once, whatever happens between."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.settings import Settings
from darkroom_api.testing import RECIPE, FakeCluster, User, client_of

URL_TASK = {"source": {"url": "https://example.com/a.jpg"}, **RECIPE}


async def post(
    user: User, body: object = URL_TASK, *, key: str = "k1", path: str = "/v1/tasks"
) -> httpx2.Response:
    headers = user.headers | {"Idempotency-Key": key}
    return await user.http.post(path, json=body, headers=headers)


PICTURE = b"\xff\xd8\xff a picture"


async def upload(user: User, body: bytes = PICTURE, *, key: str = "k1") -> httpx2.Response:
    headers = user.headers | {"Idempotency-Key": key}
    # Each time with another boundary between the parts.
    return await user.http.post(
        "/v1/tasks",
        files={"file": ("photo.jpg", body, "image/jpeg")},
        data={"task": json.dumps(RECIPE)},
        headers=headers,
    )


def files_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def tasks_in(db: psycopg.Connection) -> int:
    row = db.execute("SELECT count(*) FROM tasks").fetchone()
    assert row
    return int(row[0])


async def test_the_second_request_gets_the_first_ones_answer(
    ada: User, db: psycopg.Connection
) -> None:
    first, second = await post(ada), await post(ada, key='"k1"')

    assert (first.status_code, second.status_code) == (202, 202)
    assert second.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    for name in ("location", "retry-after", "content-type", "etag"):
        assert second.headers[name] == first.headers[name]
    assert tasks_in(db) == 1
    assert (await post(ada, key="k2")).json()["id"] != first.json()["id"]


async def test_an_upload_is_known_again_by_its_parts(
    ada: User, db: psycopg.Connection, objects: Path
) -> None:
    first, second = await upload(ada), await upload(ada)

    assert (first.status_code, second.content) == (202, first.content)
    assert second.headers["idempotent-replayed"] == "true"
    assert tasks_in(db) == 1
    assert len(files_in(objects)) == 1

    other = await upload(ada, PICTURE * 2)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_key_goes_with_one_payload_one_user_and_one_address(
    ada: User, bob: User, db: psycopg.Connection
) -> None:
    assert (await post(ada)).status_code == 202
    other = await post(ada, {**URL_TASK, "retries": 0})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await post(bob)).status_code == 202
    batch = await post(ada, {"tasks": [URL_TASK]}, path="/v1/batches")
    assert batch.status_code == 202
    assert tasks_in(db) == 3


@pytest.mark.parametrize("key", ["", '""', '"open', "a\tb", "ä", "x" * 256, 'a"b'])
async def test_what_is_no_key_is_refused(ada: User, key: str) -> None:
    headers = {**ada.headers, "Idempotency-Key": key}
    sent = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    answer = await ada.http.post("/v1/tasks", json=URL_TASK, headers=list(sent.items()))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_equal_requests_at_the_same_time_make_one_task(
    settings: Settings, cluster: FakeCluster, ada: User, db: psycopg.Connection
) -> None:
    # Two replicas, each asked by many at once.
    async with client_of(create_app(settings, open_cluster=cluster.opened)) as other:
        users = [ada, User(other, ada.headers)]
        answers = await asyncio.gather(*(upload(users[n % 2]) for n in range(12)))

    assert {answer.status_code for answer in answers} <= {202, 409}
    assert all(
        answer.json()["code"] == "idempotency_key_in_use" and answer.headers["retry-after"]
        for answer in answers
        if answer.status_code == 409
    )
    made = [answer for answer in answers if answer.status_code == 202]
    assert len({answer.json()["id"] for answer in made}) == 1
    assert len([a for a in made if "idempotent-replayed" not in a.headers]) == 1
    assert tasks_in(db) == 1
    assert (await upload(ada)).json()["id"] == made[0].json()["id"]


async def held(db: psycopg.Connection, ada: User, *, seconds: int) -> None:
    """Leave a hold as a replica has it that is in the middle of a request."""
    me = (await ada.get("/v1/me")).json()["id"]
    db.execute(
        """
        INSERT INTO idempotency_keys (principal, route, key, token, locked_until, expires_at)
        VALUES (
            %s, 'POST /v1/tasks', 'k1', gen_random_uuid(),
            now() + make_interval(secs => %s), now() + interval '1 day'
        )
        """,
        [me, seconds],
    )


async def test_a_request_that_is_under_way_is_not_begun_again(
    ada: User, db: psycopg.Connection
) -> None:
    await held(db, ada, seconds=60)
    answer = await post(ada)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_use")
    assert answer.json()["retryable"] is True
    assert answer.headers["retry-after"] == "1"
    assert tasks_in(db) == 0


async def test_what_a_dead_replica_held_is_taken_over_and_never_by_two(
    ada: User, db: psycopg.Connection
) -> None:
    await held(db, ada, seconds=-1)
    answers = await asyncio.gather(*(post(ada) for _ in range(6)))
    made = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert len(made) == 1
    assert tasks_in(db) == 1


async def test_who_lost_the_hold_meanwhile_makes_nothing(
    ada: User, db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from darkroom_api.tasks import creation  # noqa: PLC0415  # where the request is held up

    true_check = creation.refuse_unusable_recipes

    async def slow(*arguments: Any) -> None:
        # As long as this, and nobody said that the request is alive: another has the key now.
        db.execute("UPDATE idempotency_keys SET token = gen_random_uuid()")
        await true_check(*arguments)

    monkeypatch.setattr(creation, "refuse_unusable_recipes", slow)
    answer = await post(ada)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_use")
    assert tasks_in(db) == 0


async def test_final_errors_are_kept_and_passing_ones_are_not(
    ada: User, db: psycopg.Connection, cluster: FakeCluster
) -> None:
    wrong = {"source": URL_TASK["source"], "recipe": "none"}
    refused = await post(ada, wrong)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/recipe")
    cluster.recipes["media", "none"] = {"spec": {}}
    again = await post(ada, wrong)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (422, "true")
    assert again.json()["detail"] == refused.json()["detail"]
    assert (await post(ada, wrong, key="k2")).status_code == 202
    assert tasks_in(db) == 1

    gone = await ada.http.post(
        "/v1/tasks", content=b"x", headers=ada.headers | {"Idempotency-Key": "k3"}
    )
    assert gone.status_code == 415


async def test_a_request_that_failed_on_our_side_may_be_sent_again(
    ada: User, db: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from darkroom_api.tasks import queries  # noqa: PLC0415

    with monkeypatch.context() as patch:
        patch.setattr(queries, "_INSERT", b"SELECT 1 / 0")
        assert (await post(ada)).status_code == 500
    assert (await post(ada)).status_code == 202
    assert tasks_in(db) == 1


async def test_a_key_is_forgotten_after_a_day(ada: User, db: psycopg.Connection) -> None:
    first = await post(ada)
    row = db.execute(
        "SELECT extract(epoch FROM expires_at - now())::integer FROM idempotency_keys"
    ).fetchone()
    assert row
    assert 86_390 <= row[0] <= 86_400
    db.execute("UPDATE idempotency_keys SET expires_at = now()")
    second = await post(ada)
    assert second.json()["id"] != first.json()["id"]


async def test_retries_and_bulk_requests_are_carried_out_once(
    ada: User, db: psycopg.Connection, cluster: FakeCluster
) -> None:
    # What is not in the cluster yet is canceled at once.
    cluster.is_away = True
    task_id = (await post(ada)).json()["id"]
    await ada.post(f"/v1/tasks/{task_id}/cancel")
    first, second = [await post(ada, None, path=f"/v1/tasks/{task_id}/retry") for _ in range(2)]
    assert (first.status_code, second.content) == (202, first.content)
    assert tasks_in(db) == 2
    for path in ("/v1/tasks/cancel", "/v1/tasks/retry"):
        bulk = {"ids": [first.json()["id"]]}
        done, again = await post(ada, bulk, path=path), await post(ada, bulk, path=path)
        assert (done.status_code, len(done.json()["data"])) == (200, 1)
        assert again.content == done.content
    assert tasks_in(db) == 3
