"""One HTTP request at a time, by the standard library alone: no proxy, no cookie, no redirect."""

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import BinaryIO, Final, TypeVar
from urllib.parse import SplitResult, quote, urlsplit

from darkroom_processor.errors import Code, TryAgain

CONNECT_SECONDS: Final = 10.0
IO_SECONDS: Final = 30.0
"""Longest wait for the next bytes; the whole try is bounded by `limits.seconds`."""
MAY_PASS: Final = frozenset({408, 425, 429})
"""Answers below 500 that may be another one in a moment."""

_BLOCK: Final = 256 * 1024
_RETRY_AFTER: Final = (0.2, 1.0)
_IN_A_URL: Final = "%/:=&?~#+!$,;'@()*[]|"

Failure = (OSError, http.client.HTTPException)
"""What goes wrong between here and there."""

T = TypeVar("T")


class Connection(http.client.HTTPConnection):
    """A connection to addresses that were looked up, and checked, before."""

    def __init__(
        self, url: SplitResult, addresses: list[str], io_seconds: float = IO_SECONDS
    ) -> None:
        """Connect later, to one of `addresses`; wait at most `io_seconds` for the next bytes."""
        self._secure = url.scheme == "https"
        self.default_port = 443 if self._secure else 80
        super().__init__(
            url.hostname or "", port_of(url), timeout=CONNECT_SECONDS, blocksize=_BLOCK
        )
        self._addresses = addresses
        self._io_seconds = io_seconds

    def connect(self) -> None:
        """Connect to the first address that answers; TLS is checked against the URL's own host."""
        self.sock = self._first_that_answers()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
        self.sock.settimeout(self._io_seconds)

    def _first_that_answers(self) -> socket.socket:
        problem = OSError("the host has no address")
        for address in self._addresses:
            try:
                return self._socket_to(address)
            except OSError as error:
                problem = error
        raise problem

    def _socket_to(self, address: str) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        new = socket.socket(family, socket.SOCK_STREAM)
        try:
            new.settimeout(min(CONNECT_SECONDS, self._io_seconds))
            new.connect((address, self.port))
        except OSError:
            new.close()
            raise
        return new


def split(url: str) -> SplitResult:
    """Return an http or https URL in its parts; raises ValueError for any other."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("it is not an http or https URL with a host")
    if parts.username is not None:
        raise ValueError("it carries a user name")
    port_of(parts)
    return parts


def port_of(url: SplitResult) -> int:
    """Return the URL's port; raises ValueError where it cannot be one."""
    return url.port or (443 if url.scheme == "https" else 80)


@contextmanager
def answer(
    connection: Connection,
    method: str,
    url: SplitResult,
    headers: Mapping[str, str],
    body: bytes | BinaryIO | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """Send a request and give its answer, unread; closes all. Raises one of Failure."""
    target = quote((url.path or "/") + (f"?{url.query}" if url.query else ""), safe=_IN_A_URL)
    with closing(connection):
        connection.request(method, target, body, {"User-Agent": "darkroom-processor", **headers})
        # An answer that ends with its connection has taken it over, and is closed by itself.
        with connection.getresponse() as response:
            yield response


def may_pass(status: int) -> bool:
    """Whether an answer is the server's trouble of the moment."""
    return status >= 500 or status in MAY_PASS  # noqa: PLR2004  # HTTP's own classes


def retried(attempt: Callable[[], T]) -> T:
    """Return what `attempt` returns, tried up to three times while it finds nobody there."""
    for seconds in _RETRY_AFTER:
        try:
            return attempt()
        except TryAgain as error:
            if error.code not in {Code.SOURCE_UNREACHABLE, Code.STORAGE_UNREACHABLE}:
                raise
            time.sleep(seconds)
    return attempt()
