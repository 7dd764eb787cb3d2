"""Whether this process still does its work; asked by /livez.

Not whether the API server or Postgres answer: a restart would not bring those back.
"""

from collections.abc import Sequence
from typing import Final

from darkroom_operator.children import Job, Pod
from darkroom_operator.informer import Informer
from darkroom_operator.workqueue import WorkQueue

# Requests end after 30 s, watches tell something every minute.
_LONGEST_WORK: Final = 120.0
_LONGEST_SILENCE: Final = 180.0


class StuckError(Exception):
    """A part of this process has stopped moving; only a restart helps."""


class Health:
    """What /livez looks at."""

    def __init__(
        self, queue: WorkQueue, informers: Sequence[Informer[Job] | Informer[Pod]]
    ) -> None:
        self._queue = queue
        self._informers = informers

    def check(self) -> str:
        """Return "ok", or raise StuckError."""
        if (seconds := self._queue.longest_work()) > _LONGEST_WORK:
            raise StuckError(f"a reconciliation has been under way for {seconds:.0f} s")
        if (seconds := max(informer.silence() for informer in self._informers)) > _LONGEST_SILENCE:
            raise StuckError(f"a watch has been silent for {seconds:.0f} s")
        return "ok"
