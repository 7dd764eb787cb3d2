"""Files in multipart requests: they come through the same door as all others, and many at once."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.app import create_app
from darkroom_api.limits.settings import QuotaSettings
from darkroom_api.settings import Settings
from darkroom_api.testing import RECIPE, FakeCluster, User, client_of, jpeg, register

VAST = b"GIF89a\xff\xff\xff\xff" + bytes(50)


def files_in(directory: Path) -> list[str]:
    return sorted(
        str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()
    )


async def batch(user: User, *bodies: bytes, recipe: object = RECIPE, **headers: str) -> Any:
    parts: list[Any] = [("task", (None, json.dumps(recipe)))]
    parts += [("file", (f"{n}.jpg", body, "image/jpeg")) for n, body in enumerate(bodies)]
    return await user.http.post("/v1/batches", files=parts, headers=user.headers | headers)


async def sent(user: User, body: bytes, type_: str) -> httpx2.Response:
    parts = {"file": ("a", body, type_), "task": (None, json.dumps(RECIPE))}
    return await user.post("/v1/tasks", files=parts)


@pytest.mark.parametrize(
    ("body", "type_", "said"),
    [
        (b"MZ" + bytes(500), "image/jpeg", "of no format that is taken"),
        (jpeg(), "image/png", "declared as image/png and is image/jpeg"),
        (VAST, "image/gif", "65,535 x 65,535 pixels"),
    ],
    ids=["a program", "another format", "too many pixels"],
)
async def test_what_the_door_refuses_leaves_nothing(
    ada: User, objects: Path, db: psycopg.Connection, body: bytes, type_: str, said: str
) -> None:
    refused = await sent(ada, body, type_)
    assert (refused.status_code, refused.json()["code"]) == (422, "file_refused")
    assert said in refused.json()["detail"]
    assert files_in(objects) == []
    assert db.execute("SELECT count(*) FROM files").fetchone() == (0,)


async def test_a_file_is_refused_before_the_rest_of_it_is_read(ada: User) -> None:
    async def body() -> Any:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nMZ'
        for _ in range(40):
            yield bytes(100_000)

    headers = ada.headers | {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await ada.http.post("/v1/tasks", content=body(), headers=headers)
    # All of it would have been too large.
    assert (answer.status_code, answer.json()["code"]) == (422, "file_refused")


async def test_equal_files_are_stored_once_for_each_user(
    ada: User, bob: User, objects: Path
) -> None:
    body = jpeg()
    answers = await asyncio.gather(*(ada.upload(body) for _ in range(4)))
    keys = {answer.json()["source"]["key"] for answer in answers}
    raw = await ada.http.put("/v1/uploads", content=body, headers=ada.headers)
    assert keys == {raw.json()["key"]}
    assert (await bob.upload(body)).json()["source"]["key"] not in keys
    assert len(files_in(objects)) == 2


async def test_a_known_file_that_is_missing_in_storage_is_stored_again(
    ada: User, objects: Path
) -> None:
    body = jpeg()
    key = (await ada.upload(body)).json()["source"]["key"]
    (objects / key).unlink()
    assert (await ada.upload(body)).json()["source"]["key"] == key
    assert (objects / key).read_bytes() == body


async def test_what_a_quota_refuses_is_not_kept_and_what_was_there_is(
    settings: Settings, cluster: FakeCluster, objects: Path, db: psycopg.Connection
) -> None:
    quotas = QuotaSettings(bytes_stored=1000)
    app = create_app(settings.model_copy(update={"quotas": quotas}), open_cluster=cluster.opened)
    async with client_of(app) as client:
        ada = await register(client, "ada@example.com")
        body = jpeg(900)
        assert (await ada.upload(body)).status_code == 202
        kept = files_in(objects)
        assert (await ada.upload(jpeg(900))).json()["code"] == "quota_exceeded"
        assert (await batch(ada, body, jpeg(400))).status_code == 429
    assert files_in(objects) == kept
    assert db.execute("SELECT count(*) FROM files").fetchone() == (1,)


async def test_many_files_in_one_request_are_a_batch_with_one_progress(
    ada: User, objects: Path
) -> None:
    first, second = jpeg(), jpeg()
    answer = await batch(ada, first, second, first)
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert (made["progress"], made["counts"], len(made["tasks"])) == (0, {"queued": 3}, 3)
    shown = (await ada.get(f"/v1/batches/{made['id']}")).json()
    assert shown["tasks"] == made["tasks"]
    tasks = [(await ada.get(f"/v1/tasks/{task}")).json() for task in made["tasks"]]
    assert [task["source"]["filename"] for task in tasks] == ["0.jpg", "1.jpg", "2.jpg"]
    keys = [task["source"]["key"] for task in tasks]
    assert keys[0] == keys[2] != keys[1]
    assert [(objects / key).read_bytes() for key in keys] == [first, second, first]


async def test_a_batch_of_files_is_made_whole_or_not_at_all(
    ada: User, objects: Path, db: psycopg.Connection
) -> None:
    wrong = await batch(ada, jpeg(), b"MZ" + bytes(100))
    assert wrong.json()["code"] == "file_refused"
    unknown = await batch(ada, jpeg(), jpeg(), recipe={"outputs": []})
    assert unknown.status_code == 422
    none = await batch(ada)
    assert none.status_code == 422
    text = await ada.http.post("/v1/batches", content=b"x", headers=ada.headers)
    assert text.status_code == 415
    assert files_in(objects) == []
    assert db.execute("SELECT count(*) FROM tasks").fetchone() == (0,)


async def test_a_batch_of_more_files_than_are_taken_is_refused(ada: User) -> None:
    many = await batch(ada, *(jpeg() for _ in range(201)))
    assert many.status_code == 422, many.text
    assert (await batch(ada, *(jpeg() for _ in range(100)))).status_code == 202


async def test_a_batch_of_files_that_is_sent_twice_under_one_key_is_made_once(ada: User) -> None:
    body = jpeg()
    first = await batch(ada, body, **{"Idempotency-Key": "k"})
    again = await batch(ada, body, **{"Idempotency-Key": "k"})
    assert again.json() == first.json()
    other = await batch(ada, jpeg(), **{"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len((await ada.get("/v1/tasks")).json()["data"]) == 1
