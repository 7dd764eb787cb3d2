"""Files that come in at the same time share `DARKROOM_SPOOL_BYTES`."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from darkroom_api.testing import RECIPE, User

BODY = (
    b'--b\r\nContent-Disposition: form-data; name="task"\r\n\r\n'
    + json.dumps(RECIPE).encode()
    + b'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    + b"\xff\xd8\xff"
    + bytes(600_000)
    + b"\r\n--b--\r\n"
)
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"DARKROOM_SPOOL_BYTES": "1000000"}


@pytest.mark.parametrize("is_announced", [True, False])
async def test_an_upload_that_finds_no_room_is_told_to_come_back(
    ada: User, *, is_announced: bool
) -> None:
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield BODY[:1000]
        has_begun.set()
        await may_end.wait()
        yield BODY[1000:]

    headers = ada.headers | MULTIPART
    length = {"Content-Length": str(len(BODY))} if is_announced else {}
    first = asyncio.create_task(
        ada.http.post("/v1/tasks", content=slowly(), headers=headers | length)
    )
    await has_begun.wait()
    refused = await ada.http.post("/v1/tasks", content=BODY, headers=headers)
    may_end.set()

    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert refused.headers["retry-after"] == "2"
    assert (await first).status_code == 202
    assert (await ada.http.post("/v1/tasks", content=BODY, headers=headers)).status_code == 202
