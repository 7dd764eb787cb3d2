"""Tasks, from the upload to the download."""

import hashlib
import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from darkroom_api.testing import RECIPE, FakeCluster, User, uid_of, until
from darkroom_core.storage.signing import signed_url
from psycopg.types.json import Jsonb

PICTURE = b"\xff\xd8\xff not really a picture, but it begins like one"


def files_in(directory: Path, name: str = "*") -> list[Path]:
    return [path for path in directory.rglob(name) if path.is_file()]


def record(db: psycopg.Connection, task: dict[str, Any], **observation: object) -> str:
    """As the operator does; returns the uid."""
    uid = uid_of(task["id"])
    name = {"namespace": "media", "name": task["id"], "uid": uid}
    db.execute("SELECT darkroom_record(%s)", [Jsonb(name | observation)])
    return uid


def finish(db: psycopg.Connection, objects: Path, task: dict[str, Any], body: bytes) -> str:
    """Let the task succeed with `body` as its output thumb."""
    sha256 = hashlib.sha256(body).hexdigest()
    size = {"width": 512, "height": 341, "bytes": len(body), "sha256": sha256}
    outputs = [{"name": "thumb", "format": "webp", **size}]
    uid = record(db, task, status="succeeded", attempts=1, job="a-job", outputs=outputs)
    path = objects / "outputs" / uid / "thumb.webp"
    path.parent.mkdir(parents=True)
    path.write_bytes(body)
    return sha256


async def submitted(user: User, task_id: str) -> dict[str, Any]:
    """Wait until the task's resource exists."""

    async def with_uid() -> dict[str, Any] | None:
        task: dict[str, Any] = (await user.get(f"/v1/tasks/{task_id}")).json()
        return task if task["kubernetes"]["uid"] else None

    found: dict[str, Any] = await until(with_uid)
    return found


async def test_an_upload_is_accepted_stored_and_becomes_a_resource(
    ada: User, cluster: FakeCluster, objects: Path
) -> None:
    answer = await ada.upload(PICTURE)
    task = answer.json()

    assert answer.status_code == 202
    assert answer.headers["location"] == f"http://darkroom.test/v1/tasks/{task['id']}"
    assert answer.headers["retry-after"] == "1"
    assert (task["object"], task["status"], task["progress"]) == ("task", "queued", 0)
    known = {name: value for name, value in task["source"].items() if value is not None}
    key = f"uploads/{task['id']}"
    assert known == {"filename": "photo.jpg", "bytes": len(PICTURE), "key": key}
    assert task["urls"]["self"] == answer.headers["location"]
    assert task["urls"]["outputs"]["thumb"] == task["urls"]["self"] + "/outputs/thumb"
    assert [output["name"] for output in task["outputs"]] == ["thumb", "full"]
    assert (objects / "uploads" / task["id"]).read_bytes() == PICTURE

    later = await submitted(ada, task["id"])
    resource = cluster.resources["media", task["id"]]
    me = (await ada.get("/v1/me")).json()
    assert resource["metadata"]["uid"] == later["kubernetes"]["uid"]
    assert resource["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "darkroom-api",
        "darkroom.dev/user": me["id"],
    }
    assert resource["spec"]["source"] == {"key": f"uploads/{task['id']}"}
    assert later["submitted_at"]
    assert later["owner"] == me["id"]


async def test_the_recipe_may_come_before_the_file(ada: User) -> None:
    answer = await ada.post(
        "/v1/tasks",
        files=[
            ("task", (None, json.dumps(RECIPE), "application/json")),
            ("file", ("photo.jpg", PICTURE)),
        ],
    )
    assert answer.status_code == 202


FRONT, BACK = PICTURE + b"1", PICTURE + b"2"


async def test_a_report_may_come_with_many_files(
    ada: User, cluster: FakeCluster, objects: Path
) -> None:
    recipe = {"type": "Report", "outputs": [{"name": "a", "format": "pdf"}]}
    parts = [
        ("file", ("front.jpg", FRONT)),
        ("task", (None, json.dumps(recipe))),
        ("file", ("back.jpg", BACK)),
    ]
    task = (await ada.post("/v1/tasks", files=parts)).json()
    keys = [f"uploads/{task['id']}/{n}" for n in (1, 2)]
    assert [(source["key"], source["caption"]) for source in task["sources"]] == [
        (keys[0], "front.jpg"),
        (keys[1], "back.jpg"),
    ]
    assert [(objects / key).read_bytes() for key in keys] == [FRONT, BACK]
    await submitted(ada, task["id"])
    assert cluster.resources["media", task["id"]]["spec"]["sources"][1]["key"] == keys[1]
    one = await ada.upload(recipe=recipe)
    assert [source["caption"] for source in one.json()["sources"]] == ["photo.jpg"]


async def test_a_task_from_a_url_needs_no_upload(ada: User, cluster: FakeCluster) -> None:
    url = "https://example.com/photo.jpg"
    answer = await ada.post("/v1/tasks", json={"source": {"url": url}, "retries": 0, **RECIPE})
    task = answer.json()

    assert answer.status_code == 202
    assert {name: value for name, value in task["source"].items() if value} == {"url": url}
    await submitted(ada, task["id"])
    assert cluster.resources["media", task["id"]]["spec"]["retries"] == 0


@pytest.mark.parametrize(
    ("task", "pointer"),
    [
        ({}, "#/source"),
        ({"source": {"key": "uploads/of-somebody-else"}, **RECIPE}, "#/source/key"),
        ({"source": {"url": "https://a.b/", "key": "x"}, **RECIPE}, "#/source"),
        ({"type": "Report", **RECIPE}, "#"),
        ({"source": {"url": "file:///etc/passwd"}, **RECIPE}, "#/source/url"),
        ({"source": {"url": "https://a.b/\0"}, **RECIPE}, "#/source/url"),
        ({"source": {"url": "https://a.b/\x1b"}, **RECIPE}, "#/source/url"),
        ({"source": {"url": "https://a.b/\x7f"}, **RECIPE}, "#/source/url"),
        ({"source": {"url": "https://a.b/\ud800"}, **RECIPE}, "#/source/url"),
        ({"source": {"url": "https://a.b/"}, "\0": 1, **RECIPE}, "#/\0"),
        ({"source": {"url": "https://a.b/"}}, "#"),
        ([], "#"),
    ],
)
async def test_a_bad_task_in_json_says_where(ada: User, task: object, pointer: str) -> None:
    headers = ada.headers | {"Content-Type": "application/json"}
    answer = await ada.http.post("/v1/tasks", content=json.dumps(task), headers=headers)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("recipe", "pointer"),
    [
        ({"outputs": []}, "#"),
        ({"outputs": [{"name": "a", "format": "psd"}]}, "#/outputs/0/format"),
        ({"outputs": [{"name": "a", "format": "png"}] * 2}, "#"),
        ({"outputs": [{"name": "A b", "format": "png"}]}, "#/outputs/0/name"),
        (
            {"outputs": [{"name": "a", "format": "png", "operations": [{"resize": {}}]}]},
            "#/outputs/0/operations/0/resize",
        ),
        ({**RECIPE, "retries": 11}, "#/retries"),
        ({**RECIPE, "speed": "fast"}, "#/speed"),
        ({**RECIPE, "source": {"key": "uploads/of-somebody-else"}}, "#/source"),
    ],
)
async def test_a_bad_recipe_says_where_and_leaves_nothing(
    ada: User, db: psycopg.Connection, objects: Path, recipe: object, pointer: str
) -> None:
    answer = await ada.upload(PICTURE, recipe)

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert files_in(objects) == []
    assert db.execute("SELECT count(*) FROM tasks").fetchone() == (0,)


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([("file", ("a.jpg", PICTURE))], 422),
        ([("task", (None, json.dumps(RECIPE)))], 422),
        ([("file", ("a.jpg", b"")), ("task", (None, json.dumps(RECIPE)))], 422),
        ([("file", ("a.jpg", PICTURE)), ("file", ("b.jpg", PICTURE))], 422),
        ([("picture", ("a.jpg", PICTURE))], 422),
        ([("file", ("a.jpg", PICTURE)), ("task", (None, "{"))], 400),
        ([("file", ("a.jpg", PICTURE)), ("task", (None, "x" * 300_000))], 413),
    ],
)
async def test_an_upload_of_other_parts_is_refused(
    ada: User, objects: Path, files: list[Any], status: int
) -> None:
    answer = await ada.post("/v1/tasks", files=files)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert files_in(objects) == []


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("text/plain", 415), ("", 415), ("multipart/form-data", 400), ("application/json", 400)],
)
async def test_a_body_of_another_kind_is_refused(ada: User, content_type: str, status: int) -> None:
    headers = ada.headers | {"Content-Type": content_type}
    answer = await ada.http.post("/v1/tasks", content=b"{", headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("content_type", "longest"),
    [
        ("application/json", 256 * 1024),
        ("Application/JSON; charset=utf-8", 256 * 1024),
        ("multipart/form-data; boundary=b", 3_000_000 + 1024 * 1024),
    ],
)
async def test_only_an_upload_may_be_long(ada: User, content_type: str, longest: int) -> None:
    for length, status in ((longest, 400), (longest + 1, 413)):
        headers = ada.headers | {"Content-Type": content_type}
        answer = await ada.http.post("/v1/tasks", content=b"[" * length, headers=headers)
        assert answer.status_code == status


async def test_an_upload_that_ends_early_is_refused(ada: User, objects: Path) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf of it'
    headers = ada.headers | {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await ada.http.post("/v1/tasks", content=body, headers=headers)

    assert answer.status_code == 400
    assert files_in(objects) == []


async def test_the_file_name_is_made_harmless(ada: User) -> None:
    for sent, kept in (
        ("../../etc/passwd", "passwd"),
        ("C:\\a\\b.jpg", "b.jpg"),
        ("ü.jpg", "ü.jpg"),
    ):
        files = {"file": (sent, PICTURE), "task": (None, json.dumps(RECIPE))}
        assert (await ada.post("/v1/tasks", files=files)).json()["source"]["filename"] == kept


async def test_a_file_name_with_control_characters_is_kept_without_them(ada: User) -> None:
    parts = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a\0\x7f.jpg"\r\n\r\n',
        PICTURE + b"\r\n",
        b'--b\r\nContent-Disposition: form-data; name="task"\r\n\r\n',
        json.dumps(RECIPE).encode() + b"\r\n--b--\r\n",
    )
    headers = ada.headers | {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await ada.http.post("/v1/tasks", content=b"".join(parts), headers=headers)
    assert (answer.status_code, answer.json()["source"]["filename"]) == (202, "a.jpg")


async def test_an_output_is_downloaded_with_its_type_length_and_etag(
    ada: User, db: psycopg.Connection, objects: Path
) -> None:
    task = await submitted(ada, (await ada.upload()).json()["id"])
    body = b"RIFF" + bytes(700_000)
    sha256 = finish(db, objects, task, body)

    shown = (await ada.get(f"/v1/tasks/{task['id']}")).json()
    output = shown["outputs"][0]
    assert (shown["status"], shown["progress"], shown["attempts"]) == ("succeeded", 100, 1)
    assert (output["width"], output["bytes"], output["sha256"]) == (512, len(body), sha256)

    answer = await ada.get(output["url"])
    assert answer.content == body
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["content-length"] == str(len(body))
    assert answer.headers["etag"] == f'"{sha256}"'
    assert answer.headers["content-disposition"] == f'inline; filename="{task["id"]}-thumb.webp"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]

    known = await ada.get(output["url"], {"If-None-Match": f'"other", W/"{sha256}"'})
    assert (known.status_code, known.content) == (304, b"")
    named = await ada.get(f"{output['url']}.webp")
    assert (named.status_code, named.headers["etag"]) == (200, f'"{sha256}"')
    assert (await ada.get(f"{output['url']}.png")).status_code == 404
    head = await ada.http.head(output["url"], headers=ada.headers)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(body))


async def test_an_output_that_is_not_there_says_why(
    ada: User, db: psycopg.Connection, objects: Path
) -> None:
    task = await submitted(ada, (await ada.upload()).json()["id"])
    url = f"/v1/tasks/{task['id']}/outputs"

    early = await ada.get(f"{url}/thumb")
    assert (early.status_code, early.json()["code"]) == (409, "not_ready")
    assert early.headers["retry-after"] == "1"
    assert early.json()["retryable"] is True
    assert (await ada.get(f"{url}/other")).status_code == 404

    finish(db, objects, task, b"x")
    files_in(objects, "thumb.webp")[0].unlink()
    gone = await ada.get(f"{url}/thumb")
    assert (gone.status_code, gone.json()["code"]) == (410, "output_gone")


async def test_an_output_that_was_overwritten_is_gone(
    ada: User, db: psycopg.Connection, objects: Path
) -> None:
    task = await submitted(ada, (await ada.upload()).json()["id"])
    finish(db, objects, task, b"what was made")
    files_in(objects, "thumb.webp")[0].write_bytes(b"what somebody wrote later")

    answer = await ada.get(f"/v1/tasks/{task['id']}/outputs/thumb")
    assert (answer.status_code, answer.json()["code"]) == (410, "output_gone")


async def test_a_failed_task_tells_its_error_and_has_no_outputs(
    ada: User, db: psycopg.Connection
) -> None:
    task = await submitted(ada, (await ada.upload()).json()["id"])
    error = {"code": "corrupt_image", "message": "The file ends early.", "retryable": False}
    record(db, task, status="failed", error=error)

    assert (await ada.get(f"/v1/tasks/{task['id']}")).json()["error"] == error
    none = await ada.get(f"/v1/tasks/{task['id']}/outputs/thumb")
    assert (none.status_code, none.json()["code"]) == (409, "no_output")


async def test_a_task_written_by_hand_is_the_admins_to_see_and_cancel(
    ada: User, admin: User, db: psycopg.Connection, cluster: FakeCluster
) -> None:
    uid = str(uuid.uuid4())
    spec = {"source": {"key": "samples/a.jpg"}, **RECIPE}
    observation = {"namespace": "media", "name": "by-hand", "uid": uid, "spec": spec}
    db.execute("SELECT darkroom_record(%s)", [Jsonb(observation)])
    cluster.resources["media", "by-hand"] = {"metadata": {"uid": uid}}

    task = (await admin.get("/v1/tasks")).json()["data"][0]
    assert task["id"] == "task-" + uid.replace("-", "")
    assert task["kubernetes"]["name"] == "by-hand"
    assert (task["owner"], task["source"]["key"]) == (None, "samples/a.jpg")
    assert (await ada.get("/v1/tasks")).json()["data"] == []

    assert (await admin.post(f"/v1/tasks/{task['id']}/cancel")).status_code == 202
    await until(lambda: not cluster.resources)


async def test_a_list_is_paged_newest_first_without_gaps_or_repeats(
    ada: User, db: psycopg.Connection
) -> None:
    made = [(await ada.upload()).json()["id"] for _ in range(7)]
    # Ties are broken by the id.
    db.execute("UPDATE tasks SET created_at = '2026-01-01T00:00:00.123456Z'")

    seen: list[str] = []
    url: str | None = "http://darkroom.test/v1/tasks?limit=3"
    while url:
        page = await ada.get(url)
        seen += [task["id"] for task in page.json()["data"]]
        url = page.links.get("next", {}).get("url")
        assert page.json()["has_more"] == (url is not None)
        assert (page.json()["next_cursor"] is None) == (url is None)

    assert seen == sorted(made, reverse=True)


async def test_a_list_is_narrowed_by_status(ada: User, db: psycopg.Connection) -> None:
    tasks = [await submitted(ada, (await ada.upload()).json()["id"]) for _ in range(2)]
    record(db, tasks[0], status="running")

    found = (await ada.get("/v1/tasks?status=running")).json()["data"]
    assert [task["id"] for task in found] == [tasks[0]["id"]]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "status=done", "cursor=x", "cursor=%00", "cursor=MSB0YXNr"]
)
async def test_a_bad_list_is_refused(ada: User, query: str) -> None:
    answer = await ada.get(f"/v1/tasks?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_a_task_that_is_asked_for_again_is_the_newest_and_nobody_elses(
    ada: User, bob: User, db: psycopg.Connection
) -> None:
    url = (await ada.upload()).json()["urls"]["self"]

    async def is_submitted() -> bool:
        return bool((await ada.get(url)).json()["submitted_at"])

    # After that nobody but this test changes it.
    await until(is_submitted)
    first = await ada.get(url)
    again = await ada.get(url)
    assert (again.json(), again.headers["etag"]) == (first.json(), first.headers["etag"])
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    elsewhere = await ada.get(url, {"Host": "photos.example.com"})
    assert elsewhere.json()["urls"]["self"].startswith("http://photos.example.com/v1/tasks/")
    assert (await bob.get(url)).status_code == 404

    db.execute("UPDATE tasks SET progress = 40, status = 'running'")
    newer = await ada.get(url)
    assert newer.json()["progress"] == 40
    assert newer.headers["etag"] != first.headers["etag"]
    assert (await ada.get(url, {"If-None-Match": first.headers["etag"]})).status_code == 200
    assert (await ada.get(url, {"If-None-Match": newer.headers["etag"]})).status_code == 304


async def test_a_task_that_does_not_exist_is_not_found(ada: User) -> None:
    for task_id in ("task-0", "%00", "a" * 5000):
        answer = await ada.get(f"/v1/tasks/{task_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_progress_is_posted_over_a_signed_url_and_never_goes_back(
    ada: User, db: psycopg.Connection, client: httpx2.AsyncClient
) -> None:
    task = await submitted(ada, (await ada.upload()).json()["id"])
    uid = task["kubernetes"]["uid"]
    path = f"/v1/progress/{uid}"
    soon = datetime.now(UTC) + timedelta(minutes=1)
    url = signed_url("http://darkroom.test", "POST", path, expires=soon, key=b"s" * 32)

    for percent, shown in ((40, 40), (20, 40), (60, 60)):
        assert (await client.post(url, json={"percent": percent})).status_code == 204
        assert (await ada.get(f"/v1/tasks/{task['id']}")).json()["progress"] == shown
    assert (await client.post(url, json={"percent": 101})).status_code == 422
    assert (await client.post(url.replace(uid, str(uuid.uuid4())))).status_code == 403
    assert (await client.post(path, json={"percent": 1})).status_code == 403

    record(db, task, status="failed")
    await client.post(url, json={"percent": 90})
    assert (await ada.get(f"/v1/tasks/{task['id']}")).json()["progress"] == 60
