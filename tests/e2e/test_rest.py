"""The whole way by REST: upload, ProcessingTask, Job, result."""

import hashlib
import io
import json
import secrets
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from darkroom_cluster.client import Client, RefusedError
from darkroom_cluster.release import Release
from PIL import Image

WEB = {"name": "web", "operations": [{"resize": {"width": 1280}}], "format": "jpeg"}
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def owner(anonymous: Client) -> Client:
    email, password = f"{secrets.token_hex(8)}@example.com", secrets.token_urlsafe(16)
    anonymous.register(email, password)
    return anonymous.login(email, password)


@pytest.fixture(scope="module")
def finished(owner: Client) -> Any:
    """Return one finished task with two outputs, for all tests that only look at it."""
    resize = {"width": 512, "height": 512, "fit": "cover"}
    thumb = {"name": "thumb", "format": "webp", "operations": [{"resize": resize}]}
    content = (ROOT / "samples/earth.jpg").read_bytes()
    task = owner.submit(content, {"outputs": [thumb, WEB]}, filename="earth.jpg")
    return owner.wait(task["id"])


def test_an_upload_is_accepted_with_its_task(
    user: Client, photograph: bytes, thumb: dict[str, Any]
) -> None:
    boundary = "b"
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        + photograph
        + b'\r\n--b\r\nContent-Disposition: form-data; name="task"\r\n\r\n'
        + json.dumps({"outputs": [thumb]}).encode()
        + b"\r\n--b--\r\n"
    )
    content_type = f"multipart/form-data; boundary={boundary}"
    answer = user.request("POST", "/v1/tasks", body, {"Content-Type": content_type})
    task = answer.json()
    assert answer.status == 202
    assert answer.headers["Location"].endswith(f"/v1/tasks/{task['id']}")
    assert task["status"] in {"queued", "running"}
    assert {"self", "cancel"} <= task["urls"].keys()
    assert [output["name"] for output in task["outputs"]] == ["thumb"]
    assert task["kubernetes"]["namespace"] == "darkroom"
    assert task["kubernetes"]["name"] == task["id"]


def test_a_photograph_comes_back_in_both_formats(owner: Client, finished: Any) -> None:
    assert finished["status"] == "succeeded"
    found = {}
    for output in finished["outputs"]:
        answer = owner.output(finished["id"], output["name"])
        with Image.open(io.BytesIO(answer.body)) as picture:
            picture.load()
            found[output["name"]] = (picture.format, picture.size)
        assert answer.headers["Content-Type"] == f"image/{output['format']}"
        assert int(answer.headers["Content-Length"]) == len(answer.body) == output["bytes"]
        assert answer.headers["ETag"] == f'"{output["sha256"]}"'
        assert hashlib.sha256(answer.body).hexdigest() == output["sha256"]
    # The photograph lies on its side in the file: 1280 x 640 only if it was held upright.
    assert found == {"thumb": ("WEBP", (512, 512)), "web": ("JPEG", (1280, 640))}


def test_the_picture_is_upright_and_carries_no_metadata(owner: Client, finished: Any) -> None:
    with (
        Image.open(ROOT / "samples/earth.jpg") as source,
        Image.open(io.BytesIO(owner.output(finished["id"], "web").body)) as picture,
    ):
        upright = source.transpose(Image.Transpose.ROTATE_270).resize((64, 32))
        small = picture.resize((64, 32))
        pairs = zip(upright.tobytes(), small.tobytes(), strict=True)
        assert sum(abs(a - b) for a, b in pairs) / (64 * 32 * 3) < 8
        assert not dict(picture.getexif())


def test_a_finished_task_leads_to_its_log_all_its_files_and_urls_for_others(
    anonymous: Client, owner: Client, finished: Any
) -> None:
    urls = finished["urls"]
    log = owner.request("GET", urls["logs"])
    assert (log.status, log.headers["Darkroom-Log-Source"]) == (200, "pod")
    assert finished["id"].encode() in log.body
    archive = zipfile.ZipFile(io.BytesIO(owner.request("GET", urls["result"]).body))
    assert sorted(archive.namelist()) == ["thumb.webp", "web.jpg"]
    shared = owner.call("POST", urls["share"], {"outputs": ["thumb"]})["urls"]["thumb"]
    assert anonymous.request("GET", shared).body == archive.read("thumb.webp")
    assert anonymous.request("GET", urls["archive"]).status == 401


def test_an_output_that_the_client_has_is_not_sent_again(owner: Client, finished: Any) -> None:
    path = f"/v1/tasks/{finished['id']}/outputs/thumb"
    etag = owner.request("GET", path).headers["ETag"]
    answer = owner.request("GET", path, headers={"If-None-Match": etag})
    assert (answer.status, answer.body) == (304, b"")


def test_mine_are_listed_page_by_page(user: Client, photograph: bytes) -> None:
    recipe = {"outputs": [{"name": "a", "format": "png", "operations": [{"resize": {"width": 8}}]}]}
    made = [user.submit(photograph, recipe)["id"] for _ in range(3)]
    first = user.call("GET", "/v1/tasks?limit=2")
    second = user.call("GET", f"/v1/tasks?limit=2&cursor={first['next_cursor']}")
    assert [task["id"] for task in first["data"] + second["data"]] == made[::-1]
    assert first["has_more"]
    assert not second["has_more"]
    for task_id in made:
        assert user.wait(task_id)["status"] == "succeeded"


def test_two_users_do_not_see_each_others_tasks(
    finished: Any, other_user: Client, admin: Client
) -> None:
    task_id = finished["id"]
    for method, path in [
        ("GET", f"/v1/tasks/{task_id}"),
        ("GET", f"/v1/tasks/{task_id}/outputs/thumb"),
        ("POST", f"/v1/tasks/{task_id}/cancel"),
    ]:
        assert other_user.request(method, path).status == 404
    assert other_user.call("GET", "/v1/tasks")["data"] == []
    assert admin.task(task_id)["status"] == "succeeded"


def test_nobody_gets_in_without_a_token(anonymous: Client, finished: Any) -> None:
    for path in ("/v1/tasks", f"/v1/tasks/{finished['id']}", "/v1/me"):
        assert anonymous.request("GET", path).status == 401


def test_a_corrupt_picture_fails_once_with_a_code_and_a_sentence(
    user: Client, thumb: dict[str, Any], photograph: bytes, release: Release
) -> None:
    broken = photograph[:4000] + b"\x00" * 4000
    task = user.wait(user.submit(broken, {"outputs": [thumb]})["id"])
    assert task["status"] == "failed"
    assert task["attempts"] == 1
    assert task["error"]["code"] == "corrupt_image"
    assert task["error"]["retryable"] is False
    assert task["error"]["message"].endswith(".")
    name = f"job/{task['kubernetes']['job']}"
    # The task's end is seen in its pod, a moment before the Job's controller says so.
    release.kubectl("wait", "--for=condition=Failed", name, "--timeout=30s")
    job = json.loads(release.kubectl("get", name, "-o", "json"))
    assert job["status"]["failed"] == 1
    answer = user.request("GET", f"/v1/tasks/{task['id']}/outputs/thumb")
    assert answer.status in {404, 409}


def test_a_bad_recipe_is_refused_with_a_pointer_to_the_place(
    user: Client, photograph: bytes
) -> None:
    recipe = {"outputs": [{"name": "a", "format": "webp", "operations": [{"resize": {}}]}]}
    with pytest.raises(RefusedError) as refusal:
        user.submit(photograph, recipe)
    problem = refusal.value.answer.json()
    assert refusal.value.answer.status == 422
    assert "a width, a height or a scale" in problem["errors"][0]["detail"]
    assert "/outputs/0/operations/0" in problem["errors"][0]["pointer"]
    assert user.call("GET", "/v1/tasks")["data"] == []


def test_the_lines_that_make_up_prints_work_in_a_plain_shell(
    release: Release, anonymous: Client
) -> None:
    email, password = f"{secrets.token_hex(8)}@example.com", secrets.token_urlsafe(16)
    anonymous.register(email, password)
    script = """
    set -euo pipefail
    TOKEN=$(curl -sf $DARKROOM_URL/v1/auth/token -H 'Content-Type: application/json' \
      -d "{\\"email\\":\\"$DARKROOM_EMAIL\\",\\"password\\":\\"$DARKROOM_PASSWORD\\"}" \
      | python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')
    curl -sf -H "Authorization: Bearer $TOKEN" -F file=@samples/earth.jpg \
      -F 'task={"outputs":[{"name":"thumb","operations":[{"resize":{"width":512,"height":512,"fit":"cover"}}],"format":"webp"}]}' \
      $DARKROOM_URL/v1/tasks
    """  # noqa: E501  # the README's line
    done = subprocess.run(
        ["bash", "-c", script],
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "DARKROOM_URL": release.cluster.url,
            "DARKROOM_EMAIL": email,
            "DARKROOM_PASSWORD": password,
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "queued"
