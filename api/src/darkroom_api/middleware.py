"""What is done for every request: its id, headers, the access log, metrics and the body's limit."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from darkroom_core.logs import ABOUT
from darkroom_core.trace_context import CURRENT
from darkroom_core.tracing import Tracing
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from darkroom_api.errors import TooLargeError
from darkroom_api.limits.route_class import RouteClass, class_of
from darkroom_api.metrics import Metrics
from darkroom_api.problem_handlers import internal_problem
from darkroom_api.request_id import give_request_id
from darkroom_api.request_tracing import RequestSpan

_log = logging.getLogger("darkroom_api.access")

SMALL_BODY: Final = 1024 * 1024
"""Longest body, in bytes, of everything that is no file."""

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_ENCRYPTED: Final = (b"strict-transport-security", b"max-age=31536000")
"""For this host; whether a domain's other hosts are encrypted too, its owner knows."""
_METHODS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
_QUIET: Final = {"/livez", "/readyz", "/metrics"}
_LINGER_SECONDS: Final = 5


class Observed:
    """Gives each request its id, and says afterwards what became of it."""

    def __init__(self, app: ASGIApp, metrics: Metrics, tracing: Tracing | None) -> None:
        self._app = app
        self._requests = metrics.http.requests
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = give_request_id(scope)
        about = {"request": request_id}
        span = None
        if self._tracing is not None and scope["path"] not in _QUIET:
            span = RequestSpan(self._tracing, scope)
            about["trace"] = span.context.trace_id
            traced = CURRENT.set(span.context)
        told = ABOUT.set(about)
        started = time.perf_counter()
        status = 500
        sent = 0
        begun: float | None = None

        async def send_on(message: Message) -> None:
            nonlocal status, sent, begun
            if message["type"] == "http.response.start":
                begun = time.perf_counter()
                status = message["status"]
                headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
                given = {name for name, _ in headers}
                headers.append((b"x-request-id", request_id.encode()))
                headers += [header for header in _HEADERS if header[0] not in given]
                if scope["scheme"] == "https":
                    headers.append(_ENCRYPTED)
                message = {**message, "headers": headers}
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception:  # noqa: BLE001  # whatever it is, the client gets an answer
            _log.exception("%s %s", scope["method"], _shown_path(scope))
            # What has begun is cut off by the server, since it does not end.
            if begun is None:
                await internal_problem(scope)(scope, receive, send_on)
        finally:
            seconds = time.perf_counter() - started
            # A stream that is open for an hour is no slow request.
            is_stream = begun and class_of(scope) is RouteClass.STREAM
            self._requests.labels(_method(scope), _template(scope), status).observe(
                begun - started if begun and is_stream else seconds
            )
            if scope["path"] not in _QUIET:
                _log.info(
                    "%s %s %d",
                    scope["method"],
                    _shown_path(scope),
                    status,
                    extra={"ms": round(seconds * 1000, 1), "bytes": sent},
                )
            if span:
                route = _template(scope)
                span.end(method=_method(scope), route=route, status=status, request_id=request_id)
                CURRENT.reset(traced)
            ABOUT.reset(told)


def _shown_path(scope: Scope) -> str:
    """Return the path as it may be read by whoever reads logs: a token in it is left out."""
    if "token" in scope.get("path_params", ()):
        return _template(scope)
    path: str = scope["path"]
    return path


def _template(scope: Scope) -> str:
    """Return the route's path with its parameters' names: a metric must not have a row per id."""
    return getattr(scope.get("route"), "path", "none")


def _method(scope: Scope) -> str:
    """Return the method if it is one: clients may send any word, and a metric keeps each."""
    return scope["method"] if scope["method"] in _METHODS else "other"


class BodyLimit:
    """Refuses bodies that are too long, and lets the client finish, so that it reads the answer."""

    def __init__(self, app: ASGIApp, limit_for: Callable[[Scope], int]) -> None:
        self._app = app
        self._limit_for = limit_for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what comes in."""
        # Without a body nothing is counted, and every wrapper costs.
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        limit = self._limit_for(scope)
        announced = content_length(scope)
        # Who asked first whether to send a body will not send it after a refusal.
        is_coming = not _asks_first(scope)
        received = 0
        is_read = False

        async def receive_on() -> Message:
            nonlocal received, is_read
            if announced > limit:
                raise TooLargeError(_sentence(limit))
            message = await receive()
            received += len(message.get("body", b""))
            is_read = not message.get("more_body", False)
            if received > limit:
                raise TooLargeError(_sentence(limit))
            return message

        async def send_on(message: Message) -> None:
            is_last = message["type"] == "http.response.body" and not message.get("more_body")
            # A connection that is closed with unread bytes is reset, and takes the answer with it.
            if is_last and (is_coming or received) and not is_read:
                await send({**message, "more_body": True})
                await _drain(receive)
                message = {"type": "http.response.body"}
            await send(message)

        await self._app(scope, receive_on, send_on)


async def _drain(receive: Receive) -> None:
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass
    except TimeoutError:
        return


def _header(scope: Scope, wanted: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name == wanted), b"")


def media_type(scope: Scope) -> str:
    """Return the body's, in lower case and without parameters."""
    return _header(scope, b"content-type").decode("latin-1").split(";")[0].strip().lower()


def content_length(scope: Scope) -> int:
    """Return what the client announced, in bytes; 0 if it did not."""
    value = _header(scope, b"content-length")
    return int(value) if value.isdigit() else 0


def _has_body(scope: Scope) -> bool:
    return content_length(scope) > 0 or bool(_header(scope, b"transfer-encoding"))


def _asks_first(scope: Scope) -> bool:
    return _header(scope, b"expect").lower() == b"100-continue"


def _sentence(limit: int) -> str:
    return f"the request's body may have {limit:,} bytes at most"
