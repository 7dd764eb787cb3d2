"""Objects over signed URLs: what is written where, and until when."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx2
import psycopg
import pytest
from darkroom_core.storage.signing import signed_url
from psycopg.types.json import Jsonb

BODY = b"an output"


def url_of(method: str, key: str) -> str:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    path = f"/v1/objects/{key}"
    signed = signed_url("http://darkroom.test", method, path, expires=soon, key=b"s" * 32)
    return signed.replace(path, quote(path))


def record(db: psycopg.Connection, uid: str, status: str) -> None:
    observation = {"namespace": "media", "name": "by-hand", "uid": uid, "status": status}
    db.execute("SELECT darkroom_record(%s)", [Jsonb(observation)])


@pytest.mark.parametrize("status", ["succeeded", "failed", "canceled"])
async def test_an_output_cannot_be_written_once_its_task_has_ended(
    client: httpx2.AsyncClient, db: psycopg.Connection, objects: Path, status: str
) -> None:
    uid = str(uuid.uuid4())
    key = f"outputs/{uid}/thumb.webp"
    for known in (None, "queued", "running"):
        if known:
            record(db, uid, known)
        assert (await client.put(url_of("PUT", key), content=BODY)).status_code == 201
    record(db, uid, status)

    answer = await client.put(url_of("PUT", key), content=b"something else")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_finished")
    assert (objects / key).read_bytes() == BODY


@pytest.mark.parametrize("key", [".hidden", "a//b", "a\0b"])
async def test_a_key_that_is_none_is_not_found(client: httpx2.AsyncClient, key: str) -> None:
    for method in ("GET", "PUT"):
        answer = await client.request(method, url_of(method, key), content=BODY)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
