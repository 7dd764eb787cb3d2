"""Storing whole with retries, and progress that is never in the way."""

import threading
import time
from typing import Any

import pytest
from darkroom_processor import progress, wire
from darkroom_processor.documents import SignedRequest
from darkroom_processor.errors import Code, TryAgain
from darkroom_processor.progress import Progress
from darkroom_processor.store import store


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_RETRY_AFTER", (0.0, 0.0))
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN", 0.0)


def failing(web: Any, path: str, status: int, times: int) -> str:
    """Answer so for the first `times` requests, then take what is sent."""

    def answer(handler: Any) -> None:
        if len(web.requests) >= times:
            del web.answers[path]
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.answers[path] = answer
    return str(web.url + path)


def test_bytes_are_put_whole_with_the_signed_headers(web: Any) -> None:
    store("thumb", SignedRequest(web.url + "/out?sig=1", {"X-Signed": "yes"}), b"abc" * 1000)
    assert web.stored["/out"] == b"abc" * 1000
    headers = web.headers["/out"]
    assert (headers["Content-Length"], headers["X-Signed"]) == ("3000", "yes")
    assert "Transfer-Encoding" not in headers


def test_a_moment_of_trouble_is_sat_out(web: Any) -> None:
    store("thumb", SignedRequest(failing(web, "/out", 503, 2)), b"abc")
    assert (web.stored["/out"], len(web.requests)) == (b"abc", 3)


@pytest.mark.parametrize(
    ("status", "code", "tries"),
    [(500, Code.STORAGE_UNREACHABLE, 3), (403, Code.STORAGE_REFUSED, 1)],
)
def test_storage_that_does_not_take_it_is_tried_again_later(
    web: Any, status: int, code: Code, tries: int
) -> None:
    with pytest.raises(TryAgain) as failed:
        store("thumb", SignedRequest(failing(web, "/out", status, 9)), b"abc")
    assert (failed.value.code, len(web.requests)) == (code, tries)


def test_storage_that_is_away_is_tried_again_later() -> None:
    with pytest.raises(TryAgain, match="storage_unreachable"):
        store("thumb", SignedRequest("http://127.0.0.1:1/out"), b"abc")


def until(condition: Any) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_progress_is_posted(web: Any) -> None:
    Progress(SignedRequest(web.url + "/progress"))(40)
    until(lambda: web.stored.get("/progress") == b'{"percent": 40}')


def test_progress_never_waits_and_skips_while_one_is_in_flight(web: Any) -> None:
    release = threading.Event()

    def hang(_: Any) -> None:
        release.wait(5)

    web.answers["/progress"] = hang
    report = Progress(SignedRequest(web.url + "/progress"))
    start = time.monotonic()
    for percent in range(50):
        report(percent)
    assert time.monotonic() - start < 0.5
    until(lambda: web.requests)
    release.set()
    assert len(web.requests) == 1


def test_progress_that_fails_is_nobodys_trouble() -> None:
    report = Progress(SignedRequest("http://127.0.0.1:1/"))
    report(1)
    Progress(SignedRequest("nonsense"))(1)
    Progress(None)(1)
    until(lambda: threading.active_count() < 4)
