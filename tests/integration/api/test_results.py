"""What tasks made: whole, in part, zipped, shared, and not to be had by others."""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest
from darkroom_api.testing import RECIPE, User, uid_of
from psycopg.types.json import Jsonb

THUMB, FULL = b"0123456789" * 100, b"full" * 50_000


@pytest.fixture
async def done(ada: User, db: psycopg.Connection, objects: Path) -> dict[str, Any]:
    """A task that has made two files."""
    return await succeeded(ada, db, objects, {"thumb": THUMB, "full": FULL})


async def succeeded(
    user: User, db: psycopg.Connection, objects: Path, bodies: dict[str, bytes]
) -> dict[str, Any]:
    task: dict[str, Any] = (await user.upload(recipe=RECIPE)).json()
    uid, formats = uid_of(task["id"]), {"thumb": "webp", "full": "jpeg"}
    outputs = []
    for name, body in bodies.items():
        sha256 = hashlib.sha256(body).hexdigest()
        size = {"width": 5, "height": 5, "bytes": len(body), "sha256": sha256}
        outputs.append({"name": name, "format": formats[name], **size})
        extension = {"webp": "webp", "jpeg": "jpg"}[formats[name]]
        path = objects / "outputs" / uid / f"{name}.{extension}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    seen = {"namespace": "media", "name": task["id"], "uid": uid, "status": "succeeded"}
    db.execute("SELECT darkroom_record(%s)", [Jsonb({**seen, "outputs": outputs})])
    return task


async def test_a_part_of_an_output_can_be_had(ada: User, done: dict[str, Any]) -> None:
    url = done["urls"]["outputs"]["thumb"]
    part = await ada.get(url, {"Range": "bytes=5-14"})
    assert (part.status_code, part.content) == (206, b"5678901234")
    assert part.headers["content-range"] == f"bytes 5-14/{len(THUMB)}"
    assert part.headers["content-length"] == "10"
    end = await ada.get(url, {"Range": "bytes=-3", "If-Range": part.headers["etag"]})
    assert (end.status_code, end.content) == (206, b"789")
    other = await ada.get(url, {"Range": "bytes=-3", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, THUMB)
    many = await ada.get(url, {"Range": "bytes=0-1,5-6"})
    assert (many.status_code, many.content) == (200, THUMB)
    beyond = await ada.get(url, {"Range": "bytes=1000-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */1000")
    assert beyond.json()["code"] == "range_not_satisfiable"


async def test_nothing_is_sent_twice_that_did_not_change(ada: User, done: dict[str, Any]) -> None:
    url = done["urls"]["outputs"]["thumb"]
    first = await ada.get(url)
    assert (first.status_code, first.content) == (200, THUMB)
    assert first.headers["accept-ranges"] == "bytes"
    assert first.headers["x-content-type-options"] == "nosniff"
    for header, value in (
        ("If-None-Match", first.headers["etag"]),
        ("If-Modified-Since", first.headers["last-modified"]),
    ):
        again = await ada.get(url, {header: value})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    head = await ada.http.head(url, headers=ada.headers)
    assert (head.status_code, head.headers["content-length"]) == (200, "1000")
    saved = await ada.get(f"{url}?download=true")
    name = f"{done['id']}-thumb.webp"
    assert saved.headers["content-disposition"] == f'attachment; filename="{name}"'


async def test_all_outputs_come_as_a_zip_of_known_length(ada: User, done: dict[str, Any]) -> None:
    url = f"/v1/tasks/{done['id']}/outputs.zip"
    answer = await ada.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert int(answer.headers["content-length"]) == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "thumb.webp": THUMB,
            "full.jpg": FULL,
        }
    assert (await ada.get(f"/v1/tasks/{done['id']}/result")).content == answer.content
    known = await ada.get(url, {"If-None-Match": answer.headers["etag"]})
    assert known.status_code == 304
    head = await ada.http.head(url, headers=ada.headers)
    assert head.headers["content-length"] == answer.headers["content-length"]


async def test_the_result_of_one_output_is_that_file(
    ada: User, db: psycopg.Connection, objects: Path
) -> None:
    task = await succeeded(ada, db, objects, {"thumb": THUMB})
    answer = await ada.get(f"/v1/tasks/{task['id']}/result", {"Range": "bytes=0-1"})
    assert (answer.status_code, answer.content) == (206, b"01")


async def test_a_shared_url_reads_that_output_and_nothing_else(
    client: httpx2.AsyncClient, ada: User, done: dict[str, Any]
) -> None:
    shared = await ada.post(f"/v1/tasks/{done['id']}/share", json={"outputs": ["thumb"]})
    assert shared.status_code == 201, shared.text
    assert list(shared.json()["urls"]) == ["thumb"]
    url = shared.json()["urls"]["thumb"]
    assert (await client.get(url)).content == THUMB
    assert (await client.head(url)).status_code == 200
    assert (await client.get(url, headers={"Range": "bytes=0-0"})).content == b"0"
    for wrong in (
        url.replace("/thumb?", "/full?"),
        url.replace("/thumb?", "/thumb.webp?"),
        url.replace("expires=", "expires=9"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.split("&", 1)[0] + "&signature=",
        url.split("?", 1)[0] + "?signature=%00",
    ):
        assert (await client.get(wrong)).status_code == 403, wrong
    assert (await client.get(url.split("?", 1)[0])).status_code == 401
    query = urlsplit(url).query
    assert (await client.get(f"/v1/tasks/{done['id']}?{query}")).status_code == 401


async def test_a_shared_url_ends_with_its_time_and_with_the_outputs(
    client: httpx2.AsyncClient, ada: User, done: dict[str, Any], db: psycopg.Connection
) -> None:
    path = f"/v1/tasks/{done['id']}/share"
    wrong: dict[str, Any]
    for wrong in ({"expires_in": 59}, {"expires_in": 604_801}, {"outputs": []}, {"more": 1}):
        assert (await ada.post(path, json=wrong)).status_code == 422
    assert (await ada.post(path, json={"outputs": ["other"]})).status_code == 404
    urls = (await ada.post(path, json={})).json()["urls"]
    db.execute("UPDATE tasks SET outputs_deleted_at = now() WHERE id = %s", [done["id"]])
    assert (await client.get(urls["thumb"])).status_code == 410
    assert (await ada.http.delete(done["urls"]["self"], headers=ada.headers)).status_code == 204
    assert (await client.get(urls["thumb"])).status_code == 404


async def test_results_of_others_look_like_none(
    bob: User, admin: User, ada: User, done: dict[str, Any]
) -> None:
    base = f"/v1/tasks/{done['id']}"
    for path in ("/result", "/outputs.zip", "/outputs/thumb"):
        assert (await bob.get(base + path)).status_code == 404
        assert (await admin.get(base + path)).status_code == 200
    assert (await bob.post(f"{base}/share", json={})).status_code == 404
    unfinished = (await ada.upload()).json()["id"]
    for path in ("/result", "/outputs.zip"):
        assert (await ada.get(f"/v1/tasks/{unfinished}{path}")).status_code == 409


async def test_a_zip_is_refused_while_a_file_is_missing(
    ada: User, done: dict[str, Any], objects: Path
) -> None:
    next(objects.rglob("full.jpg")).unlink()  # noqa: ASYNC240  # of a test
    gone = await ada.get(f"/v1/tasks/{done['id']}/outputs.zip")
    assert (gone.status_code, gone.json()["code"]) == (410, "output_gone")
