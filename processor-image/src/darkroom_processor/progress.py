"""Progress: best effort, never in the way of the work."""

import json
import threading
import time
from contextlib import suppress
from typing import Final

from darkroom_processor import guard, wire
from darkroom_processor.documents import SignedRequest

_SECONDS_BETWEEN: Final = 1.0
_TIMEOUT: Final = 2.0


class Progress:
    """Posts `{"percent": n}` from a thread of its own: at most one at a time, at most one a second.

    Nothing is posted within the first second: a task that short needs no bar.
    """

    def __init__(self, request: SignedRequest | None) -> None:
        """Without a request nothing is ever posted."""
        self._request = request
        self._last = time.monotonic()
        self._busy = threading.Lock()

    def __call__(self, percent: int) -> None:
        """Post where that is due; returns at once."""
        if self._request is None or time.monotonic() - self._last < _SECONDS_BETWEEN:
            return
        if self._busy.acquire(blocking=False):
            self._last = time.monotonic()
            threading.Thread(target=self._post, args=(self._request, percent), daemon=True).start()

    def _post(self, request: SignedRequest, percent: int) -> None:
        try:
            with suppress(*wire.Failure, ValueError):
                url = wire.split(request.url)
                addresses = guard.addresses_of(url.hostname or "", wire.port_of(url))
                body = json.dumps({"percent": percent}).encode()
                headers = {"Content-Type": "application/json", **request.headers}
                connection = wire.Connection(url, addresses, _TIMEOUT)
                with wire.answer(connection, "POST", url, headers, body) as response:
                    response.read()
        finally:
            self._busy.release()
