"""Writing an output: PUT whole, so that nobody sees half a file."""

from darkroom_processor import guard, wire
from darkroom_processor.documents import SignedRequest
from darkroom_processor.errors import Code, TryAgain


def store(name: str, request: SignedRequest, data: bytes) -> None:
    """Put the bytes of the output `name` where its request says; raises TryAgain."""
    wire.retried(lambda: _store_once(name, request, data))


def _store_once(name: str, request: SignedRequest, data: bytes) -> None:
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
