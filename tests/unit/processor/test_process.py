"""The whole process, as a container starts it: exit code, report, log."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from darkroom_core.exit_codes import ExitCode
from PIL import Image

Start = Callable[[Any], subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts the processor with an assignment."""
    started: list[subprocess.Popen[str]] = []

    def start_(assignment: Any) -> subprocess.Popen[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "DARKROOM_ASSIGNMENT": assignment
            if isinstance(assignment, str)
            else json.dumps(assignment),
            "DARKROOM_TERMINATION_LOG": str(tmp_path / "report"),
        }
        command = [sys.executable, "-m", "darkroom_processor"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start_
    for process in started:
        process.kill()
        process.communicate()


def finished(process: subprocess.Popen[str], tmp_path: Path) -> tuple[int, Any, list[Any]]:
    """Exit code, report, log lines."""
    out, _ = process.communicate(timeout=30)
    report = json.loads((tmp_path / "report").read_text())
    return process.returncode, report, [json.loads(line) for line in out.splitlines()]


def assigned(web: Any, recipe: dict[str, Any]) -> dict[str, Any]:
    name, format_ = recipe["name"], recipe["format"]
    request = {"url": f"{web.url}/{name}?sig=SECRET"}
    return {"output": recipe, "files": [{"name": name, "format": format_, "request": request}]}


def assignment(web: Any, data: bytes, **more: Any) -> dict[str, Any]:
    resize = {"resize": {"width": 64, "height": 64, "fit": "cover"}}
    recipes: list[dict[str, Any]] = [
        {"name": "thumb", "format": "webp", "operations": [resize]},
        {"name": "gray", "format": "png", "operations": [resize, {"grayscale": {}}]},
    ]
    return {
        "task": "a-task",
        "sources": [{"request": {"url": web.serve("/source", data)}}],
        "outputs": [assigned(web, recipe) for recipe in recipes],
        "progress": {"url": web.url + "/progress"},
        **more,
    }


def test_a_report_tells_what_was_read_and_how_long_encoding_took(
    web: Any, start: Start, tmp_path: Path, encoded: Any, photograph: Any
) -> None:
    data, mark = encoded(photograph(1200, 900), "JPEG"), encoded(photograph(64, 64), "PNG")
    key = "marks/a.png"
    overlay = {"overlay": {"source": {"key": key}}}
    recipe = {"name": "whole", "format": "png", "operations": [overlay]}
    sent = assignment(web, data) | {
        "outputs": [assigned(web, recipe)],
        "overlays": [{"name": key, "request": {"url": web.serve("/mark", mark)}}],
    }
    code, report, _ = finished(start(sent), tmp_path)
    assert code == ExitCode.DONE, report
    assert report["readBytes"] == len(data) + len(mark)
    assert report["timings"]["encode"] > 0
    steps = {step["name"]: step for step in report["steps"]}
    assert list(steps) == ["fetch", "decode", "render", "encode", "store"]
    assert 0 < steps["fetch"]["start"] <= steps["decode"]["start"] <= steps["store"]["start"]
    assert steps["encode"]["seconds"] > 0
    assert report["started"] > 1_700_000_000


def test_a_task_ends_with_its_files_stored_and_reported(
    web: Any, start: Start, tmp_path: Path, encoded: Any, photograph: Any
) -> None:
    data = encoded(photograph(640, 480), "JPEG")
    code, report, log = finished(start(assignment(web, data)), tmp_path)
    assert code == ExitCode.DONE
    assert [(o["name"], o["width"], o["height"]) for o in report["outputs"]] == [
        ("thumb", 64, 64),
        ("gray", 64, 64),
    ]
    assert len(web.stored["/thumb"]) == report["outputs"][0]["bytes"]
    assert Image.open(BytesIO(web.stored["/gray"])).mode == "L"
    assert report["peakMemoryBytes"] > 1_000_000
    assert [line["message"] for line in log] == [
        "started",
        "fetched",
        "decoded",
        "output",
        "output",
        "done",
    ]
    assert "SECRET" not in json.dumps([report, log])


def test_a_corrupt_source_is_rejected(
    web: Any, start: Start, tmp_path: Path, encoded: Any, photograph: Any
) -> None:
    data = encoded(photograph(640, 480), "JPEG")[:9000]
    code, report, log = finished(start(assignment(web, data)), tmp_path)
    assert code == ExitCode.REJECTED
    assert (report["error"]["code"], report["error"]["retryable"]) == ("corrupt_image", False)
    assert (log[-1]["level"], log[-1]["code"]) == ("error", "corrupt_image")
    assert log[-1]["message"] == report["error"]["message"]
    assert not web.stored


def test_storage_that_is_away_is_a_reason_to_try_again(
    web: Any, start: Start, tmp_path: Path, encoded: Any
) -> None:
    task = assignment(web, encoded(Image.new("RGB", (9, 9)), "PNG"))
    for output in task["outputs"]:
        output["files"][0]["request"]["url"] = "http://127.0.0.1:1/out"
    code, report, _ = finished(start(task), tmp_path)
    assert code == ExitCode.TRY_AGAIN
    assert (report["error"]["code"], report["error"]["retryable"]) == ("storage_unreachable", True)


@pytest.mark.parametrize("text", ["", "{", '{"task": 1}'])
def test_a_bad_assignment_is_rejected(start: Start, tmp_path: Path, text: str) -> None:
    code, report, _ = finished(start(text), tmp_path)
    assert (code, report["error"]["code"]) == (ExitCode.REJECTED, "invalid_assignment")


def test_sigterm_while_waiting_for_the_source_ends_it_at_once(
    web: Any, start: Start, tmp_path: Path
) -> None:
    task = assignment(web, b"")
    reached, release = threading.Event(), threading.Event()

    def hang(_: Any) -> None:
        reached.set()
        release.wait(20)

    web.answers["/source"] = hang
    process = start(task)
    assert reached.wait(10)
    ended_within_a_second(process, tmp_path)
    release.set()


def test_sigterm_in_the_middle_of_a_long_call_into_c_ends_it_at_once(
    web: Any, start: Start, tmp_path: Path, encoded: Any
) -> None:
    noise = Image.effect_noise((3000, 3000), 90).convert("RGB")
    task = assignment(web, encoded(noise, "JPEG"))
    # Lossless WebP of noise takes many seconds in one call.
    task["outputs"] = [assigned(web, {"name": "slow", "format": "webp", "lossless": True})]
    process = start(task)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["message"] == "decoded":
            break
    time.sleep(0.3)
    ended_within_a_second(process, tmp_path)


def ended_within_a_second(process: subprocess.Popen[str], tmp_path: Path) -> None:
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code, report, _ = finished(process, tmp_path)
    assert time.monotonic() - begun < 1
    assert (code, report["error"]["code"]) == (ExitCode.TERMINATED, "terminated")


def test_a_try_that_takes_too_long_is_ended(web: Any, start: Start, tmp_path: Path) -> None:
    task = assignment(web, b"", limits={"seconds": 1})
    release = threading.Event()
    web.answers["/source"] = lambda _: release.wait(20)
    code, report, _ = finished(start(task), tmp_path)
    release.set()
    assert (code, report["error"]["code"]) == (ExitCode.TRY_AGAIN, "out_of_time")


def test_a_report_that_cannot_be_written_does_not_hide_the_end(
    web: Any, start: Start, tmp_path: Path, encoded: Any
) -> None:
    (tmp_path / "report").mkdir()
    process = start(assignment(web, encoded(Image.new("RGB", (9, 9)), "PNG")))
    out, _ = process.communicate(timeout=30)
    assert process.returncode == ExitCode.DONE
    assert "no report" in out


def test_neither_pydantic_nor_an_http_library_is_imported() -> None:
    code = (
        "import sys, darkroom_processor.network, darkroom_processor.image.pipeline;"
        "import darkroom_processor.command;"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {"pydantic", "requests", "httpx", "urllib3", "dataclasses", "asyncio"} & loaded
