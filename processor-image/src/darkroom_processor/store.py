"""Writing an output: PUT whole, so that nobody sees half a file."""

import os
from typing import BinaryIO

from darkroom_processor import guard, wire
from darkroom_processor.documents import SignedRequest
from darkroom_processor.errors import Code, TryAgain


def store(name: str, request: SignedRequest, data: bytes) -> None:
    """Put the bytes of the output `name` where its request says; raises TryAgain."""
    wire.retried(lambda: _store_once(name, request, data))


def store_file(name: str, request: SignedRequest, path: str) -> None:
    """Put a file as the output `name`: no more than a piece of it is in memory."""

    def once() -> None:
        with open(path, "rb") as file:  # noqa: PTH123  # pathlib is slow to import
            length = os.fstat(file.fileno()).st_size
            # Without its length it would be sent in chunks, which signed requests do not take.
            headers = {"Content-Length": str(length), **request.headers}
            _store_once(name, request._replace(headers=headers), file)

    wire.retried(once)


def _store_once(name: str, request: SignedRequest, data: bytes | BinaryIO) -> None:
    try:
        url = wire.split(request.url)
        addresses = guard.addresses_of(url.hostname or "", wire.port_of(url))
        connection = wire.Connection(url, addresses)
        with wire.answer(connection, "PUT", url, request.headers, data) as response:
            response.read()
    except (*wire.Failure, ValueError) as error:
        raise TryAgain(
            Code.STORAGE_UNREACHABLE,
            f"Output {name} could not be written ({error or type(error).__name__}). It is tried "
            "again; if that does not help, check that storage is up and can be reached.",
        ) from error
    if wire.may_pass(response.status):
        raise TryAgain(
            Code.STORAGE_UNREACHABLE,
            f"Storage answered the writing of output {name} with HTTP {response.status}. It is "
            "tried again.",
        )
    if not 200 <= response.status < 300:  # noqa: PLR2004  # HTTP's own classes
        raise TryAgain(
            Code.STORAGE_REFUSED,
            f"Storage refused output {name} (HTTP {response.status}): its signature may have "
            "expired. It is tried again; if that does not help, make the task anew.",
        )
