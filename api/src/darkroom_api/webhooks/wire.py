"""One POST to a receiver, which may be anybody's server: guarded, bounded, never redirected.

An address is judged at the moment in which a socket is made for it, so no name can lead elsewhere
between the look and the leap. There is no proxy, no cookie and no second use of a connection.
"""

import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import Final

import aiohttp
from aiohttp.typedefs import LooseHeaders
from yarl import URL

from darkroom_api.webhooks.settings import WebhookSettings
from darkroom_api.webhooks.urls import address_refusal, refusal

_KEPT_BYTES: Final = 1000
_AGENT: Final = f"Darkroom-Webhooks/{version('darkroom-api')}"
_THROTTLED: Final = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.GATEWAY_TIMEOUT,
)


class RefusedAddressError(OSError):
    """The guard lets nobody connect to this address."""


@dataclass(frozen=True)
class Answer:
    """What came of one try."""

    latency_ms: int
    status: int | None = None
    retry_after: str | None = None
    response: str | None = None
    """The first bytes, as text."""
    error: str | None = None
    """Why there was no answer, or why it is no success; None for a success."""

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing more, ever."""
        return self.status == HTTPStatus.GONE

    @property
    def is_full(self) -> bool:
        """Whether the receiver asks for less, or cannot take what it gets."""
        return self.status in _THROTTLED


class Wire:
    """Sends; open while the application runs."""

    def __init__(self, session: aiohttp.ClientSession, settings: WebhookSettings) -> None:
        self._session = session
        self._settings = settings

    async def post(self, url: str, body: bytes, headers: LooseHeaders) -> Answer:
        """Send, and say what came of it; a failure is an answer too."""
        started = time.monotonic()
        if reason := refusal(url, self._settings):
            return Answer(0, error=reason)
        try:
            async with self._session.post(
                URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
            ) as response:
                status = response.status
                after = response.headers.get("Retry-After")
                first = await response.content.read(_KEPT_BYTES)
        # Of a host without addresses that can be used, aiohttp asserts that there is one.
        except (TimeoutError, aiohttp.ClientError, AssertionError, ValueError, OSError) as error:
            return Answer(_elapsed(started), error=self._reason(error)[:_KEPT_BYTES])
        return Answer(
            _elapsed(started),
            status=status,
            retry_after=after,
            response=first.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}"),
            error=_judgement(status),
        )

    def _reason(self, error: Exception) -> str:
        match error:
            case TimeoutError():
                return f"no answer in {self._settings.timeout_seconds} s"
            case aiohttp.ClientConnectorDNSError() | AssertionError():
                return "the host's name is not found"
            case aiohttp.ClientSSLError():
                return f"TLS: {error.__cause__ or error}"
            case aiohttp.ClientConnectorError():
                return str(error.os_error)
        return str(error) or type(error).__name__


@asynccontextmanager
async def open_wire(settings: WebhookSettings) -> AsyncIterator[Wire]:
    """Open what sends webhooks."""

    def guarded(info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        family, kind, protocol, _, address = info
        if reason := address_refusal(str(address[0]).split("%")[0], settings):
            raise RefusedAddressError(reason)
        return socket.socket(family, kind, protocol)

    connector = aiohttp.TCPConnector(
        limit=0, force_close=True, use_dns_cache=False, socket_factory=guarded
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=settings.timeout_seconds),
        headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"},
        # What is shown is what came; and nothing that came small grows large.
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield Wire(session, settings)


def _judgement(status: int) -> str | None:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"it answered {status}: redirects are not followed"
    return f"it answered {status}"


def _elapsed(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
