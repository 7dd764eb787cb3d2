"""The processor's contract, put to an image: ours, the example, or the one that is named.

`DARKROOM_CONFORMANCE_IMAGE` names an image that the cluster can pull; `make conformance IMAGE=...`
sets it. It is given a PNG and asked for PNGs without operations, which is the least that any
processor of pictures can do.
"""

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from darkroom_cluster.client import Client, poll
from darkroom_cluster.providers import build_image, load_images
from darkroom_cluster.release import Release
from PIL import Image

EXAMPLE = Path(__file__).parents[2] / "examples/processor"
NAMED = os.environ.get("DARKROOM_CONFORMANCE_IMAGE")
IMAGES = [NAMED] if NAMED else ["shipped", "example"]
SIZE = (320, 200)


def png() -> bytes:
    file = io.BytesIO()
    Image.effect_noise(SIZE, 80).convert("RGB").save(file, "png")
    return file.getvalue()


def output(name: str = "same") -> dict[str, Any]:
    return {"name": name, "format": "png"}


@pytest.fixture(scope="module", params=IMAGES)
def pool(
    request: pytest.FixtureRequest,
    release: Release,
    worker_id: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Return a pool whose pods run the image."""
    name = f"conformance-{IMAGES.index(request.param)}-{worker_id}"
    template = {} if request.param == "shipped" else {"image": image_of(request.param, release)}
    manifest = {
        "apiVersion": "darkroom.dev/v1alpha1",
        "kind": "ProcessorPool",
        "metadata": {"name": name},
        "spec": {"replicas": 10, "template": template},
    }
    file = tmp_path_factory.mktemp("pool") / "pool.json"
    file.write_text(json.dumps(manifest))
    release.kubectl("apply", "-f", str(file))
    yield name
    release.kubectl("delete", "ppool", name)


def image_of(name: str, release: Release) -> str:
    if name != "example":
        return name
    content = b"".join(sorted(path.read_bytes() for path in EXAMPLE.iterdir()))
    tag = hashlib.sha256(content).hexdigest()[:12]
    image = build_image("darkroom-example", EXAMPLE / "Dockerfile", EXAMPLE, tag=tag)
    load_images(release.cluster, [image])
    return image


def pod_of(release: Release, task: str) -> Any:
    text = release.kubectl("get", "pods", "-l", f"darkroom.dev/task={task}", "-o", "json")
    return json.loads(text)["items"][0]


def test_a_good_picture_succeeds_and_the_report_is_true(user: Client, pool: str) -> None:
    task = user.wait(user.submit(png(), {"outputs": [output()], "pool": pool})["id"])
    assert task["status"] == "succeeded", task["error"]
    (made,) = task["outputs"]
    body = user.output(task["id"], "same").body
    assert (made["bytes"], made["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert (made["width"], made["height"]) == SIZE
    assert Image.open(io.BytesIO(body)).size == SIZE


def test_the_report_of_64_outputs_can_be_read(user: Client, pool: str) -> None:
    outputs = [output(f"same-{number}") for number in range(64)]
    task = user.wait(user.submit(png(), {"outputs": outputs, "pool": pool})["id"])
    assert task["status"] == "succeeded", task["error"]
    assert [made["name"] for made in task["outputs"]] == [wish["name"] for wish in outputs]
    assert all(made["bytes"] for made in task["outputs"])


# 2 GB are announced where a few bytes follow.
BOASTING = png()[:33] + b"\x7f\xff\xff\xffIDAT" + bytes(50)


@pytest.mark.parametrize(
    "source",
    [b"\x89PNG\r\n\x1a\nno picture at all", png()[:2000], BOASTING],
    ids=["signature", "torn", "boasting"],
)
def test_what_is_no_picture_is_rejected_once_with_a_code_and_a_sentence(
    user: Client, pool: str, source: bytes
) -> None:
    task = user.wait(user.submit(source, {"outputs": [output()], "pool": pool})["id"])
    assert (task["status"], task["reason"], task["attempts"]) == ("failed", "Rejected", 1)
    assert task["tries"][0]["exit_code"] == 65
    assert task["error"]["code"]
    assert task["error"]["message"]
    assert not task["error"]["retryable"]


def test_a_source_that_is_away_is_tried_again(user: Client, pool: str, source_url: str) -> None:
    body = {
        "source": {"url": f"{source_url}/down/a.png"},
        "outputs": [output()],
        "pool": pool,
        "retries": 1,
        "backoff": {"initialSeconds": 0},
    }
    task = user.wait(user.call("POST", "/v1/tasks", body)["id"], seconds=60)
    assert (task["status"], task["reason"]) == ("failed", "RetriesExhausted")
    assert [entry["exit_code"] for entry in task["tries"]] == [75, 75]
    assert task["error"]["retryable"]


def test_an_address_that_is_not_public_is_not_reached(user: Client, pool: str) -> None:
    body = {"source": {"url": "http://localhost:1/a.png"}, "outputs": [output()], "pool": pool}
    task = user.wait(user.call("POST", "/v1/tasks", body)["id"], seconds=60)
    assert (task["status"], task["attempts"]) == ("failed", 1)


def test_sigterm_ends_it_at_once(
    release: Release,
    user: Client,
    pool: str,
    source_url: str,
    until_running: Callable[[str], None],
) -> None:
    source = {"url": f"{source_url}/slow/60/a.png"}
    task = user.call("POST", "/v1/tasks", {"source": source, "outputs": [output()], "pool": pool})
    until_running(task["id"])
    pod = pod_of(release, task["id"])["metadata"]["name"]
    assert user.request("POST", task["urls"]["cancel"]).status == 202
    poll(
        lambda: release.kubectl("get", "pod", pod, "--ignore-not-found", "-o", "name"),
        lambda found: not found,
        seconds=5,
        what=f"end of {pod}",
    )


def test_it_runs_with_a_read_only_root_and_without_root(
    release: Release, user: Client, pool: str
) -> None:
    task = user.wait(user.submit(png(), {"outputs": [output()], "pool": pool})["id"])
    pod = pod_of(release, task["id"])
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 0
