"""Cleanup: whoever removes files is asked again and again until nothing is left."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from darkroom_core.exit_codes import ExitCode
from darkroom_core.vocabulary import TaskType
from darkroom_processor.documents import Assignment, SignedRequest
from darkroom_processor.errors import ProcessingError
from darkroom_processor.network import NetworkFiles
from darkroom_processor.tasks import process


def clean(url: str | None) -> Any:
    request = SignedRequest(url, {"X-Signed": "yes"}) if url else None
    assignment = Assignment("test", TaskType.CLEANUP, cleanup=request)
    return process(assignment, NetworkFiles(assignment))


def test_it_goes_on_until_nothing_is_left(web: Any) -> None:
    left = [70, 30, 0]

    def answer(handler: BaseHTTPRequestHandler) -> None:
        count = left.pop(0)
        body = json.dumps({"removed": 100, "remaining": count > 0}).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    web.answers["/cleanup"] = answer
    report = clean(f"{web.url}/cleanup?signature=1")
    assert report.error is None
    assert left == []
    assert web.requests == [("POST", "/cleanup?signature=1")] * 3
    assert web.headers["/cleanup"]["X-Signed"] == "yes"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(503, b"", "storage_unreachable"), (403, b"", "storage_refused"), (200, b"hello", "refused"),
     (200, b'{"removed": 1}', "refused"), (200, b"[]", "refused")],
)  # fmt: skip
def test_any_other_answer_is_tried_again(web: Any, status: int, body: bytes, code: str) -> None:
    with pytest.raises(ProcessingError, match=code) as error:
        clean(web.serve("/cleanup", body, status))
    assert error.value.exit_code is ExitCode.TRY_AGAIN


def test_nobody_there_is_tried_again() -> None:
    with pytest.raises(ProcessingError, match="storage_unreachable") as error:
        clean("http://127.0.0.1:9/cleanup")
    assert error.value.exit_code is ExitCode.TRY_AGAIN


def test_without_an_address_there_is_nothing_to_try() -> None:
    with pytest.raises(ProcessingError, match="invalid_assignment"):
        clean(None)
