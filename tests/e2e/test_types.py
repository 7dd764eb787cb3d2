"""One task of each type, with the files of earlier ones, the whole way."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import av
import pytest
from darkroom_cluster.client import Client, RefusedError
from darkroom_cluster.release import Release
from PIL import Image

# Nobody waits an hour for a file to be old enough.
BACKDATE = """
import os, sys, psycopg
with psycopg.connect(os.environ["DARKROOM_DATABASE_URL"]) as connection:
    connection.execute(
        "UPDATE tasks SET finished_at = finished_at - interval '1 day' WHERE id = %s", [sys.argv[1]]
    )
"""


def picture(color: str, size: tuple[int, int] = (640, 480)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "png")
    return file.getvalue()


def clip() -> bytes:
    """Return two seconds of video, ten pictures a second."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(20):
            picture = Image.new("RGB", (320, 240), (12 * number, 90, 60))
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def done(user: Client, task: Any) -> Any:
    ended = user.wait(task["id"], seconds=90)
    assert ended["status"] == "succeeded", ended["error"]
    return ended


def create(user: Client, **task: Any) -> Any:
    return done(user, user.call("POST", "/v1/tasks", task))


def submit(user: Client, content: bytes, **task: Any) -> Any:
    return done(user, user.submit(content, task))


def test_inspect_tells_the_facts(user: Client, photograph: bytes) -> None:
    task = submit(user, photograph, type="Inspect")
    size = Image.open(io.BytesIO(photograph)).size
    assert (task["source"]["width"], task["source"]["height"]) == size
    assert (task["source"]["format"], task["outputs"]) == ("jpeg", [])
    (source,) = user.call("GET", f"/v1/tasks/{task['id']}/facts")["sources"]
    assert source["sha256"] == task["source"]["sha256"]
    assert source["palette"]
    assert source["blurHash"]


def test_a_responsive_set_with_a_watermark_of_ones_own(
    user: Client, other_user: Client, photograph: bytes
) -> None:
    mark = submit(user, picture("#ff0000", (64, 64)), type="Inspect")["source"]["key"]
    sets = {"widths": [320, 640], "formats": ["webp", "jpeg"], "urlPrefix": "/media/"}
    overlay = {"overlay": {"source": {"key": mark}, "size": 0.5, "gravity": "center"}}
    hero = {"name": "hero", "format": "html", "responsive": sets, "operations": [overlay]}
    task = submit(user, photograph, outputs=[hero])
    names = [output["name"] for output in task["outputs"]]
    assert names == ["hero", "hero-320-webp", "hero-640-webp", "hero-320-jpeg", "hero-640-jpeg"]
    html = user.output(task["id"], "hero").body.decode()
    assert "<picture>" in html
    assert "/media/hero-320-webp.webp 320w" in html
    small = Image.open(io.BytesIO(user.output(task["id"], "hero-320-jpeg").body))
    assert small.width == 320
    red, green, _ = small.convert("RGB").getpixel((160, small.height // 2))  # type: ignore[misc]
    assert red > 180
    assert green < 90
    with pytest.raises(RefusedError, match="no such file of yours"):
        other_user.submit(photograph, {"outputs": [hero]})


def test_a_recipe_by_name_over_rest_and_by_kubectl(
    release: Release,
    user: Client,
    photograph: bytes,
    source_url: str,
    apply: Callable[..., Any],
    apply_any: Callable[[dict[str, Any]], None],
    name: str,
) -> None:
    assert {"avatar", "thumbnail", "web"} <= {
        recipe["name"] for recipe in user.call("GET", "/v1/recipes")["data"]
    }
    task = submit(user, photograph, recipe="avatar")
    assert Image.open(io.BytesIO(user.output(task["id"], "avatar").body)).size == (256, 256)

    apply(name, {"source": {"url": f"{source_url}/earth.jpg"}, "recipe": name})
    told = 'jsonpath={.status.conditions[?(@.type=="Succeeded")].reason}=RecipeNotFound'
    release.kubectl("wait", f"--for={told}", f"ptask/{name}", "--timeout=30s")
    recipe = {
        "apiVersion": "darkroom.dev/v1alpha1",
        "kind": "ProcessingRecipe",
        "metadata": {"name": name, "namespace": release.namespace},
        "spec": {"outputs": [{"name": "small", "format": "png"}]},
    }
    apply_any(recipe)
    release.kubectl("wait", "--for=condition=Succeeded", f"ptask/{name}", "--timeout=60s")
    status = json.loads(release.kubectl("get", "ptask", name, "-o", "json"))["status"]
    assert status["recipe"]["name"] == name
    assert [output["name"] for output in status["outputs"]] == ["small"]
    release.kubectl("delete", "precipe", name)


def test_a_video_gives_a_poster_thumbnails_and_a_smaller_one(user: Client) -> None:
    outputs = [
        {"name": "poster", "format": "webp", "video": {"poster": {"at": 1}}},
        {"name": "every", "format": "jpeg", "video": {"thumbnails": {"every": 1, "frames": 9}}},
        {"name": "small", "format": "mp4", "video": {"transcode": {"width": 160}}},
    ]
    task = submit(user, clip(), type="Video", outputs=outputs)
    made = {output["name"]: output for output in task["outputs"]}
    assert (made["poster"]["width"], made["small"]["width"]) == (320, 160)
    assert {"every-1", "every-2"} <= made.keys()
    assert "every-9" not in made
    assert task["source"]["duration_seconds"] == pytest.approx(2, abs=0.2)
    with av.open(io.BytesIO(user.output(task["id"], "small").body)) as container:
        assert container.streams.video[0].width == 160


def test_a_report_and_a_zip_of_files_of_ones_own(user: Client) -> None:
    keys = [
        submit(user, picture(color), type="Inspect")["source"]["key"] for color in ("red", "blue")
    ]
    sources = [{"key": key, "caption": f"number {n}"} for n, key in enumerate(keys)]
    report = create(
        user, type="Report", sources=sources, outputs=[{"name": "sheet", "format": "pdf"}]
    )
    assert user.output(report["id"], "sheet").body.startswith(b"%PDF")
    assert [source["caption"] for source in report["sources"]] == ["number 0", "number 1"]
    export = create(
        user, type="Export", sources=sources, outputs=[{"name": "all", "format": "zip"}]
    )
    with zipfile.ZipFile(io.BytesIO(user.output(export["id"], "all").body)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) >= 3


def test_an_export_makes_a_table_of_lines(user: Client) -> None:
    lines = b'{"id": "a", "source": {"bytes": 3}}\n{"id": "b", "source": {"bytes": 4}}\n'
    columns = [{"field": "id"}, {"field": "source.bytes", "title": "Bytes"}]
    outputs = [{"name": "tasks", "format": "csv", "table": {"columns": columns}}]
    task = submit(user, lines, type="Export", outputs=outputs)
    table = user.output(task["id"], "tasks").body.decode()
    assert [row.split(",") for row in table.splitlines()] == [
        ["id", "Bytes"],
        ["a", "3"],
        ["b", "4"],
    ]


def test_cleanup_removes_ones_own_old_files(
    release: Release, user: Client, other_user: Client, photograph: bytes, thumb: dict[str, Any]
) -> None:
    old, young = (submit(user, photograph, outputs=[thumb]) for _ in range(2))
    others = submit(other_user, photograph, outputs=[thumb])
    for task in (old, others):
        container = ("deployment/darkroom-api", "--container=api")
        release.kubectl("exec", *container, "--", "python", "-c", BACKDATE, task["id"])
    create(user, type="Cleanup", cleanup={"olderThanSeconds": 3600})
    assert user.request("GET", f"/v1/tasks/{old['id']}/outputs/thumb").status == 410
    assert user.request("GET", f"/v1/tasks/{young['id']}/outputs/thumb").status == 200
    assert other_user.request("GET", f"/v1/tasks/{others['id']}/outputs/thumb").status == 200
