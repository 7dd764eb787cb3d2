"""Sends an object's bytes from storage, a part at a time, reading in threads."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import BinaryIO, Final

import anyio
from anyio.to_thread import run_sync
from starlette.responses import StreamingResponse

_CHUNK: Final = 256 * 1024


def streamed(
    body: BinaryIO, *, size: int, media_type: str, headers: dict[str, str]
) -> StreamingResponse:
    """Return a response of the `size` bytes in `body`, which is closed at the end."""
    return StreamingResponse(
        _parts(body), media_type=media_type, headers={**headers, "Content-Length": str(size)}
    )


async def _parts(body: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while part := await run_sync(body.read, _CHUNK):
            yield part
    finally:
        # A client that leaves cancels this; the file is closed all the same.
        with anyio.CancelScope(shield=True), suppress(OSError):
            await run_sync(body.close)
