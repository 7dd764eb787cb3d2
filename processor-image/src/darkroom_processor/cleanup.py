"""Tasks of type Cleanup: storage is told to remove what is too old, until nothing of it is left.

Which files those are is decided where they are known; a processor only says "go on".
"""

import json
import time
from typing import Final, NamedTuple

from darkroom_processor import guard, wire
from darkroom_processor.documents import Assignment, Report, SignedRequest, Timings
from darkroom_processor.errors import Code, Rejected, TryAgain
from darkroom_processor.log import log
from darkroom_processor.steps import since
from darkroom_processor.tasks import Files

_MOST_CALLS: Final = 100_000
_LONGEST_ANSWER: Final = 65_536
_OK: Final = range(200, 300)


class Removed(NamedTuple):
    """What one call did."""

    removed: int
    remaining: bool


def process(assignment: Assignment, files: Files, folder: str) -> Report:  # noqa: ARG001  # as the others
    """Do a task; raises ProcessingError for an end that was foreseen."""
    request = assignment.cleanup
    if request is None:
        raise Rejected(
            Code.INVALID_ASSIGNMENT,
            "The assignment is of type Cleanup and does not say where to ask for it.",
        )
    start = time.monotonic()
    total = 0
    for call in range(1, _MOST_CALLS + 1):
        removed = wire.retried(lambda: _call(request))
        total += removed.removed
        # Nobody knows how much there is: it comes closer to the end with every call.
        files.progress(100 - 100 // (call + 1))
        if not removed.remaining:
            break
    else:
        raise TryAgain(
            Code.STORAGE_REFUSED,
            f"After {_MOST_CALLS:,} calls there were still files to remove. It is tried again.",
        )
    took = since("store", start)
    log("removed", files=total, milliseconds=took)
    return Report(timings=Timings(store=took))


def _call(request: SignedRequest) -> Removed:
    try:
        url = wire.split(request.url)
        addresses = guard.addresses_of(url.hostname or "", wire.port_of(url))
        connection = wire.Connection(url, addresses)
        headers = {"Content-Length": "0", **request.headers}
        with wire.answer(connection, "POST", url, headers) as response:
            status, body = response.status, response.read(_LONGEST_ANSWER)
    except (*wire.Failure, ValueError) as error:
        raise TryAgain(
            Code.STORAGE_UNREACHABLE,
            f"Whoever removes files could not be asked ({error or type(error).__name__}). It is "
            "tried again; if that does not help, check that the API is up and can be reached.",
        ) from error
    if status not in _OK:
        code = Code.STORAGE_UNREACHABLE if wire.may_pass(status) else Code.STORAGE_REFUSED
        raise TryAgain(
            code, f"The removal of files was answered with HTTP {status}. It is tried again."
        )
    return _read(body)


def _read(body: bytes) -> Removed:
    try:
        answer = json.loads(body)
        return Removed(int(answer["removed"]), bool(answer["remaining"]))
    except (ValueError, KeyError, TypeError) as error:
        raise TryAgain(
            Code.STORAGE_REFUSED,
            "The removal of files was answered with what is no number of removed files. It is "
            "tried again; if that does not help, check that API and processor are of one version.",
        ) from error
