"""Who sweeps: the seam between the API and the shipped fake."""

from typing import Protocol

from darkroom_core.schedule import Cleanup, Sweep


class SweepError(Exception):
    """The API did not do it; trying again may help. The message says what it answered."""


class Sweeper(Protocol):
    """Whatever deletes what is old enough."""

    async def sweep(self, cleanup: Cleanup) -> Sweep:
        """Sweep until nothing is left, or for an hour. Raises SweepError."""
