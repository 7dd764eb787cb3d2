"""Getting the source: streamed to a file, cut off at the limit, kept to the addresses allowed."""

import http.client
import ssl
from typing import Final
from urllib.parse import SplitResult, urljoin

from darkroom_processor import guard, wire
from darkroom_processor.documents import AssignedSource
from darkroom_processor.errors import Code, ProcessingError, Rejected, TryAgain
from darkroom_processor.limits import check_source_bytes

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_GONE: Final = frozenset({404, 410})
_CHUNK: Final = 256 * 1024
_OK: Final = 200


def fetch(source: AssignedSource, path: str, limit: int) -> int:
    """Write the source's bytes to `path` and return their number, at most `limit`."""
    return wire.retried(lambda: _fetch_once(source, path, limit))


def _fetch_once(source: AssignedSource, path: str, limit: int) -> int:
    url, headers = _split(source.request.url), source.request.headers
    for _ in range(_MOST_REDIRECTS + 1):
        try:
            connection = wire.Connection(url, _addresses(source, url))
            with wire.answer(connection, "GET", url, headers) as response:
                if response.status not in _REDIRECTS:
                    return _read(response, source, path, limit)
                target = _split(urljoin(url.geturl(), response.getheader("Location", "")))
        except ssl.SSLCertVerificationError as error:
            raise _untrusted(source, url) from error
        except wire.Failure as error:
            raise _unreachable(url, str(error) or type(error).__name__) from error
        # What was signed for one server is no other's business.
        headers = headers if target.netloc == url.netloc else {}
        url = target
    raise Rejected(
        Code.SOURCE_URL_INVALID,
        f"The source's URL redirects more than {_MOST_REDIRECTS} times. Give the URL of the file "
        "itself.",
    )


def _addresses(source: AssignedSource, url: SplitResult) -> list[str]:
    host, port = url.hostname or "", wire.port_of(url)
    if source.guarded:
        return guard.public_addresses_of(host, port, source.allowed_networks)
    return guard.addresses_of(host, port)


def _read(response: http.client.HTTPResponse, source: AssignedSource, path: str, limit: int) -> int:
    if response.status != _OK:
        raise _refusal(response.status, source)
    announced = response.length
    check_source_bytes(announced or 0, limit)
    count = 0
    with open(path, "wb") as file:  # noqa: PTH123  # pathlib is slow to import
        while chunk := response.read(_CHUNK):
            count += len(chunk)
            check_source_bytes(count, limit)
            file.write(chunk)
    if announced is not None and count != announced:
        raise http.client.IncompleteRead(b"", announced - count)
    return count


def _split(url: str) -> SplitResult:
    try:
        return wire.split(url)
    except ValueError as error:
        raise Rejected(
            Code.SOURCE_URL_INVALID,
            f"The source's URL cannot be used: {error}. Give the http or https URL of the file "
            "itself.",
        ) from error


def _refusal(status: int, source: AssignedSource) -> ProcessingError:
    if status in _GONE:
        return Rejected(
            Code.SOURCE_NOT_FOUND,
            f"There is no source at its URL or key (HTTP {status}). Check it, or upload the file "
            "again.",
        )
    if wire.may_pass(status):
        return TryAgain(
            Code.SOURCE_UNREACHABLE,
            f"The source's server answered with HTTP {status}. It is tried again.",
        )
    if source.guarded:
        return Rejected(
            Code.SOURCE_REFUSED,
            f"The source's server refused it (HTTP {status}). Give a URL that can be fetched "
            "without signing in.",
        )
    return TryAgain(
        Code.SOURCE_REFUSED,
        f"Storage refused to give the source (HTTP {status}): its signature may have expired. "
        "It is tried again; if that does not help, make the task anew.",
    )


def _untrusted(source: AssignedSource, url: SplitResult) -> ProcessingError:
    kind = Rejected if source.guarded else TryAgain
    return kind(
        Code.SOURCE_UNTRUSTED,
        f"The certificate of {url.hostname} is not valid. Renew it, or use another URL.",
    )


def _unreachable(url: SplitResult, why: str) -> TryAgain:
    return TryAgain(
        Code.SOURCE_UNREACHABLE,
        f"The source could not be fetched from {url.hostname} ({why}). It is tried again; if that "
        "does not help, check the URL's host and the network.",
    )
