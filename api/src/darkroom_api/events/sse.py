"""Server-sent events: how a stream goes out over HTTP."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Any, Final

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.types import Receive, Scope, Send

from darkroom_api.events.message import Sendable

_STUCK_SECONDS: Final = 10
_RETRY: Final = format_sse_event(retry=2000)
_HEADERS: Final = {"X-Accel-Buffering": "no"}

DOCUMENTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events, as they happen. `id` is a position; `data` is JSON.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'event: task.started\ndata: {"id":"814-37","type":"task.started",'
                '"task_id":"task-01","at":"2026-01-01T00:00:00+00:00","data":{"status":"running",'
                '"progress":0,"attempts":1,"version":3}}\nid: 814-37\n\n',
            }
        },
    },
}


class EventStream(EventSourceResponse):
    """Sends batches as they come, and keeps what `stack` holds open for as long."""

    def __init__(self, batches: AsyncGenerator[Sequence[Sendable]], stack: AsyncExitStack) -> None:
        super().__init__((), headers=_HEADERS)
        self._batches = batches
        self._stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the stream ends, or the client leaves."""
        async with self._stack:
            await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send each batch. A client that takes nothing for a while is given up."""
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        await send({"type": "http.response.body", "body": _RETRY, "more_body": True})
        async with aclosing(self._batches) as batches:
            async for batch in batches:
                body = b"".join([one.sse for one in batch]) or KEEPALIVE_COMMENT
                try:
                    async with asyncio.timeout(_STUCK_SECONDS):
                        await send({"type": "http.response.body", "body": body, "more_body": True})
                except TimeoutError:
                    # Without the end of the answer the server cuts the connection off.
                    return
        await send({"type": "http.response.body", "body": b"", "more_body": False})
