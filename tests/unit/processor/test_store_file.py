"""Storing from a file: it may be larger than the memory, and is sent whole all the same."""

from pathlib import Path
from typing import Any

import pytest
from darkroom_processor import wire
from darkroom_processor.documents import SignedRequest
from darkroom_processor.errors import TryAgain
from darkroom_processor.store import store_file


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_RETRY_AFTER", (0.0, 0.0))


def test_a_file_is_put_with_its_length_and_the_signed_headers(web: Any, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 5000)
    store_file("video", SignedRequest(web.url + "/out?sig=1", {"X-Signed": "yes"}), str(path))
    assert web.stored["/out"] == path.read_bytes()
    headers = web.headers["/out"]
    assert (headers["Content-Length"], headers["X-Signed"]) == ("1280000", "yes")
    assert "Transfer-Encoding" not in headers


def test_an_empty_file_is_put_as_well(web: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store_file("table", SignedRequest(web.url + "/out"), str(tmp_path / "file"))
    assert web.stored["/out"] == b""
    assert web.headers["/out"]["Content-Length"] == "0"


def test_after_trouble_it_is_sent_again_from_the_start(web: Any, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 1000)

    def busy(handler: Any) -> None:
        del web.answers["/out"]
        handler.send_response(503)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.answers["/out"] = busy
    store_file("video", SignedRequest(web.url + "/out"), str(path))
    assert web.stored["/out"] == path.read_bytes()


def test_storage_that_is_away_is_tried_again_later(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    with pytest.raises(TryAgain, match="storage_unreachable"):
        store_file("video", SignedRequest("http://127.0.0.1:9/out"), str(tmp_path / "file"))
