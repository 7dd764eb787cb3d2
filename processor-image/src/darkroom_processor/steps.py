"""When each step began and ended, for the report of this process, which does one task."""

import threading
import time
from typing import Final

from darkroom_processor.documents import Step

_STARTED: Final = time.monotonic()
STARTED_AT: Final = time.time()
"""When the processor started, in seconds since 1970: offsets are counted from here."""

_lock = threading.Lock()
_taken: dict[str, tuple[float, float]] = {}


def since(name: str, start: float) -> int:
    """Note that a step went on from `start` (of the monotonic clock) until now; return its ms.

    What is done several times, or side by side, is one step: from the first begin to the last end.
    """
    now = time.monotonic()
    with _lock:
        first, _ = _taken.get(name, (start, now))
        _taken[name] = (min(first, start), now)
    return round((now - start) * 1000)


def taken() -> tuple[Step, ...]:
    """Return the steps so far, in the order in which they began."""
    with _lock:
        steps = sorted(_taken.items(), key=lambda step: step[1][0])
    return tuple(
        Step(name, round(first - _STARTED, 3), round(last - first, 3))
        for name, (first, last) in steps
    )
