"""Follow tasks by WebSocket: the same messages as by server-sent events, one in each frame."""

import asyncio
from contextlib import suppress
from typing import Final

from darkroom_core.background import ended
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from darkroom_api.auth.identity import Identity, Scope
from darkroom_api.database import AWAY
from darkroom_api.deps import identify
from darkroom_api.errors import ApiError, ForbiddenError
from darkroom_api.events.credentials import Credentials
from darkroom_api.events.handshake import PROTOCOL, is_origin_allowed, offered, read_hello
from darkroom_api.events.message import Ending, ending_of
from darkroom_api.events.stream import Stream, open_stream
from darkroom_api.resources import Resources

router = APIRouter()

_HELLO_SECONDS: Final = 10
_STUCK_SECONDS: Final = 10
_LONGEST_REASON: Final = 120  # RFC 6455 allows 123 bytes

_CODES: Final = {
    Ending.DONE: 1000,
    Ending.CLOSING: 1012,
    Ending.LAGGING: 1013,
    Ending.UNAUTHORIZED: 4401,
}
_TRY_AGAIN: Final = 1013
_POLICY: Final = 1008


@router.websocket("/v1/events")
async def follow_all(socket: WebSocket) -> None:
    """Send what happens to all tasks that may be seen."""
    await _serve(socket, None)


@router.websocket("/v1/tasks/{task_id}/events")
async def follow_task(socket: WebSocket, task_id: str) -> None:
    """Send what happens to a task, until it has ended."""
    await _serve(socket, task_id)


async def _serve(socket: WebSocket, task_id: str | None) -> None:
    resources: Resources = socket.state.resources
    if not is_origin_allowed(socket.headers, resources.settings.events.origins):
        # Not accepted: the answer is 403.
        await socket.close(_POLICY)
        return
    wishes = offered(socket)
    await socket.accept(subprotocol=PROTOCOL if wishes.speaks_protocol else None)
    try:
        async with asyncio.timeout(_HELLO_SECONDS):
            token, last = wishes.token, wishes.last
            if token is None:
                token, said = read_hello(await socket.receive_text())
                last = said or last
    except (TimeoutError, WebSocketDisconnect, KeyError):
        # A frame of bytes has no text.
        await _close(socket, 4401, "the first message has to carry a token")
        return
    try:
        identity = await _admitted(socket, resources, token)
        async with open_stream(resources, identity, task_id, last) as stream:
            with resources.metrics.http.live_websockets.track_inprogress():
                await _send_all(socket, stream, Credentials(resources, token or "", identity))
    except ApiError as error:
        code = _TRY_AGAIN if error.retryable else 4000 + error.status
        await _close(socket, code, error.detail)
    except AWAY:
        await _close(socket, _TRY_AGAIN, "Postgres does not answer")


async def _admitted(socket: WebSocket, resources: Resources, token: str | None) -> Identity:
    identity = await identify(resources, token)
    if Scope.TASKS_READ not in identity.scopes:
        raise ForbiddenError(f"this needs the scope {Scope.TASKS_READ.value}")
    await resources.limits.admit(socket, identity)
    return identity


async def _send_all(socket: WebSocket, stream: Stream, credentials: Credentials) -> None:
    """Send until the stream ends, or the client leaves."""
    sending = asyncio.create_task(_send(socket, stream, credentials))
    leaving = asyncio.create_task(_until_left(socket))
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await ended((sending, leaving))
    failure = None if sending.cancelled() else sending.exception()
    if isinstance(failure, Exception) and not isinstance(failure, _GONE):
        raise failure


async def _send(socket: WebSocket, stream: Stream, credentials: Credentials) -> None:
    # The protocol has pings of its own.
    async for batch in stream.batches(credentials, float("inf")):
        for one in batch:
            async with asyncio.timeout(_STUCK_SECONDS):
                await socket.send_text(one.text)
        if ending := ending_of(batch):
            await _close(socket, _CODES[ending], ending.value)


async def _until_left(socket: WebSocket) -> None:
    """Wait for the client to leave. Whatever else it says is not listened to."""
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return


# Of a client that is not there any more nobody has to hear.
_GONE: Final = (WebSocketDisconnect, RuntimeError, TimeoutError, OSError)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    with suppress(*_GONE):
        await socket.close(code, reason.encode()[:_LONGEST_REASON].decode(errors="ignore"))
