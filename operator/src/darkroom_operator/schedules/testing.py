"""A sweeper in memory, and the JSON of schedules that a real API server would show."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from darkroom_core import names
from darkroom_core.schedule import Cleanup, Sweep

from darkroom_operator.schedules.sweep import SweepError

Raw = dict[str, Any]


def raw_schedule(
    name: str = "nightly",
    *,
    generation: int = 1,
    status: Raw | None = None,
    cleanup: Raw | None = None,
    **spec: Any,  # noqa: ANN401
) -> Raw:
    """Return a schedule of tasks at 03:30, or of a sweep; keywords change its spec."""
    task = {
        "labels": {names.USER_LABEL: "ada"},
        "spec": {
            "source": {"url": "https://example.com/a.jpg"},
            "outputs": [{"name": "thumb", "format": "webp"}],
        },
    }
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.SCHEDULE.kind,
        "metadata": {
            "name": name,
            "namespace": "media",
            "uid": f"uid-{name}",
            "generation": generation,
            "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {
            "schedule": "30 3 * * *",
            **({"task": task} if cleanup is None else {"cleanup": cleanup}),
            **spec,
        },
        **({"status": status} if status else {}),
    }


class FakeSweeper:
    """Sweeps nothing and counts how often; while it `is_away`, every sweep fails."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.sweeps: list[Cleanup] = []
        self.is_away = False
        self.at_once = 0
        """How many have been under way at the same time."""
        self._under_way = 0
        self._clock = clock

    async def sweep(self, cleanup: Cleanup) -> Sweep:
        """Take a moment, and say that seven objects went."""
        if self.is_away:
            raise SweepError("the API did not answer")
        self._under_way += 1
        self.at_once = max(self.at_once, self._under_way)
        await asyncio.sleep(0.01)
        self._under_way -= 1
        self.sweeps.append(cleanup)
        return Sweep(finished_at=self._clock(), objects=7, rows=2)
