"""Files that come by uploads: raw, by signed URLs, and resumably, on both storages."""

import asyncio
import base64
import hashlib
import os
import struct
import zlib
from typing import Any

import httpx2
import pytest
from darkroom_api.testing import User

Environment = dict[str, str]
TASK = '{"outputs": [{"name": "thumb", "format": "webp"}]}'


@pytest.fixture(params=["local", "s3"])
def environment(environment: Environment, request: pytest.FixtureRequest) -> Environment:
    if request.param == "local":
        return environment
    s3: Any = request.getfixturevalue("s3")
    return environment | {
        "DARKROOM_STORAGE__BACKEND": "s3",
        "DARKROOM_STORAGE__BUCKET": s3.bucket,
        "DARKROOM_STORAGE__ENDPOINT": s3.endpoint,
        "DARKROOM_STORAGE__PATH_STYLE": "true",
    }


def png(length: int = 1000, *, width: int = 640, height: int = 480) -> bytes:
    """Return what begins as a PNG of this size does, and is unlike any other."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    return b"\x89PNG\r\n\x1a\n" + chunk + os.urandom(length)


def digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


async def asked(user: User, **wanted: Any) -> dict[str, Any]:
    answer = await user.post("/v1/uploads", json=wanted)
    assert answer.status_code == 201, answer.text
    upload: dict[str, Any] = answer.json()
    assert answer.headers["location"].endswith(f"/v1/uploads/{upload['id']}")
    return upload


async def sent(user: User, upload: dict[str, Any], body: bytes) -> httpx2.Response:
    """PUT as a stranger does: with nothing but what the upload says."""
    if "/v1/uploads/" in upload["url"]:
        return await user.http.put(upload["url"], content=body, headers=upload["headers"])
    async with httpx2.AsyncClient() as s3:
        return await s3.put(upload["url"], content=body, headers=upload["headers"])


async def put(user: User, body: bytes, **headers: str) -> httpx2.Response:
    return await user.http.put(
        "/v1/uploads", content=body, headers=user.headers | headers, params={"task": TASK}
    )


async def test_a_direct_upload_begins_its_task_once(ada: User) -> None:
    body = png()
    upload = await asked(
        ada,
        filename="a.png",
        content_type="image/png",
        task={"outputs": [{"name": "o", "format": "webp"}]},
    )
    assert (upload["status"], upload["method"]) == ("awaiting_upload", "PUT")
    assert (await sent(ada, upload, body)).status_code == 200

    answers = await asyncio.gather(
        *(ada.post(f"/v1/uploads/{upload['id']}/complete") for _ in range(2))
    )
    assert {answer.status_code for answer in answers} <= {200, 423}
    done = (await ada.post(f"/v1/uploads/{upload['id']}/complete")).json()
    assert done["status"] == "completed"
    assert (done["width"], done["height"]) == (640, 480)
    assert done["sha256"] == hashlib.sha256(body).hexdigest()
    assert len(done["tasks"]) == 1
    task = (await ada.get(f"/v1/tasks/{done['tasks'][0]}")).json()
    assert task["source"]["key"] == done["key"]
    assert len((await ada.get("/v1/tasks")).json()["data"]) == 1


async def test_nothing_is_completed_before_its_bytes_are_there(ada: User) -> None:
    upload = await asked(ada)
    early = await ada.post(f"/v1/uploads/{upload['id']}/complete")
    assert (early.status_code, early.json()["code"]) == (409, "upload_missing")


async def test_equal_files_of_one_user_are_stored_once(ada: User, bob: User) -> None:
    body = png()
    first, second = (await put(ada, body)).json(), (await put(ada, body)).json()
    assert first["status"] == second["status"] == "completed", (first, second)
    assert first["key"] == second["key"]
    assert first["tasks"] != second["tasks"]
    assert (await put(bob, body)).json()["key"] != first["key"]


async def test_a_file_is_not_what_it_was_declared_to_be(ada: User) -> None:
    refused = await put(ada, png(), **{"Content-Type": "image/jpeg"})
    assert (refused.status_code, refused.json()["code"]) == (422, "file_refused")
    unknown = await put(ada, b"MZ" + os.urandom(500))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "file_refused")
    vast = await put(ada, png(width=60_000, height=60_000))
    assert "60,000 x 60,000" in vast.json()["detail"]


async def test_a_digest_is_checked(ada: User) -> None:
    body = png()
    good = await put(ada, body, **{"Content-Digest": digest(body)})
    assert good.status_code == 201, good.text
    wrong = await put(ada, png(), **{"Repr-Digest": digest(body)})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "digest_mismatch")
    odd = await put(ada, body, **{"Content-Digest": "sha-256=:AAAA:"})
    assert odd.status_code == 400


async def test_uploads_of_others_are_not_there(ada: User, bob: User) -> None:
    upload = await asked(ada)
    assert (await bob.get(f"/v1/uploads/{upload['id']}")).status_code == 404
    for what in ("complete", "cancel"):
        assert (await bob.post(f"/v1/uploads/{upload['id']}/{what}")).status_code == 404
    assert (await ada.get("/v1/uploads/x%00y")).status_code == 404


async def test_a_canceled_upload_takes_nothing_more(ada: User) -> None:
    upload = await asked(ada)
    canceled = (await ada.post(f"/v1/uploads/{upload['id']}/cancel")).json()
    assert canceled["status"] == "canceled"
    assert (await ada.post(f"/v1/uploads/{upload['id']}/cancel")).status_code == 200
    late = await ada.post(f"/v1/uploads/{upload['id']}/complete")
    assert (late.status_code, late.json()["code"]) == (409, "upload_over")


TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = {"Content-Type": "application/offset+octet-stream"}


async def test_tus_goes_on_where_it_was_interrupted(ada: User) -> None:
    body = png(9_000_000)
    task = base64.b64encode(TASK.encode()).decode()
    metadata = f"filename {base64.b64encode(b'a.png').decode()},task {task}"
    begun = await ada.http.post(
        "/v1/tus",
        content=body[:1_000_000],
        headers=ada.headers
        | TUS
        | OCTETS
        | {"Upload-Length": str(len(body)), "Upload-Metadata": metadata},
    )
    assert begun.status_code == 201, begun.text
    assert begun.headers["upload-offset"] == "1000000"
    url = begun.headers["location"]

    wrong = await ada.http.patch(
        url, content=b"x", headers=ada.headers | TUS | OCTETS | {"Upload-Offset": "7"}
    )
    assert (wrong.status_code, wrong.json()["code"]) == (409, "wrong_offset")
    bad = {
        "Upload-Offset": "1000000",
        "Upload-Checksum": f"sha1 {base64.b64encode(bytes(20)).decode()}",
    }
    refused = await ada.http.patch(
        url, content=body[1_000_000:2_000_000], headers=ada.headers | TUS | OCTETS | bad
    )
    assert refused.status_code == 460

    head = await ada.http.head(url, headers=ada.headers | TUS)
    assert (head.headers["upload-offset"], head.headers["upload-length"]) == (
        "1000000",
        str(len(body)),
    )
    rest = await ada.http.patch(
        url,
        content=body[1_000_000:],
        headers=ada.headers | TUS | OCTETS | {"Upload-Offset": "1000000"},
    )
    assert rest.status_code == 204, rest.text
    done = (await ada.get(f"/v1/uploads/{url.rsplit('/', 1)[-1]}")).json()
    assert done["status"] == "completed"
    assert done["sha256"] == hashlib.sha256(body).hexdigest()
    assert len(done["tasks"]) == 1


async def test_tus_says_what_it_speaks_and_ends_uploads(ada: User) -> None:
    options = await ada.http.options("/v1/tus")
    assert options.headers["tus-version"] == "1.0.0"
    old = await ada.http.post(
        "/v1/tus", headers=ada.headers | {"Tus-Resumable": "0.2", "Upload-Length": "3"}
    )
    assert (old.status_code, old.headers["tus-version"]) == (412, "1.0.0")
    begun = await ada.http.post("/v1/tus", headers=ada.headers | TUS | {"Upload-Length": "300"})
    url = begun.headers["location"]
    assert (await ada.http.delete(url, headers=ada.headers | TUS)).status_code == 204
    assert (await ada.http.head(url, headers=ada.headers | TUS)).status_code == 410
