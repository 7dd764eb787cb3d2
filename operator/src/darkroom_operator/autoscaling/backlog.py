"""How many unfinished tasks each pool has: asked of Postgres every few seconds, for everybody.

One question for all pools, whoever looks and however often. What is known goes stale: an old number
would be a wrong one, and no number makes an autoscaler keep what it has.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from darkroom_operator.metrics.pools import BACKLOG
from darkroom_operator.postgres import Postgres

_LOG: Final = logging.getLogger(__name__)

EVERY_SECONDS: Final = 5.0
STALE_SECONDS: Final = 20.0

PoolName = tuple[str, str]
"""A pool's namespace and name."""

_QUERY: Final = """
    SELECT namespace, pool, count(*) FROM tasks
    WHERE status IN ('queued', 'running') GROUP BY namespace, pool
"""


class AwayError(Exception):
    """There is no fresh number: Postgres does not answer."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What Postgres said, and when."""

    counts: Mapping[PoolName, int]
    at: datetime
    taken: float = field(default_factory=time.monotonic)


class Backlog:
    """The backlog of every pool.

    `pools` names those that exist: each has a number, also before its first task.
    """

    def __init__(self, postgres: Postgres, pools: Callable[[], Iterable[PoolName]]) -> None:
        self._postgres = postgres
        self._pools = pools
        self._seen: set[PoolName] = set()
        self._sample: Sample | None = None

    async def run(self, every: float = EVERY_SECONDS) -> None:
        """Ask Postgres again and again."""
        while True:
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001  # whatever it is, tasks go on
                _LOG.warning(
                    "the pools' backlog is not known: %s", str(error).strip() or "no answer"
                )
                if not self._is_fresh():
                    BACKLOG.clear()
            await asyncio.sleep(every)

    async def refresh(self) -> None:
        """Ask Postgres once."""
        rows = await self._postgres.fetch(_QUERY)
        found = {(namespace, pool): count for namespace, pool, count in rows}
        self._seen |= found.keys() | set(self._pools())
        counts = dict.fromkeys(self._seen, 0) | found
        self._sample = Sample(counts, datetime.now(UTC))
        for (namespace, pool), count in counts.items():
            BACKLOG.labels(namespace, pool).set(count)

    def of(self, namespace: str) -> tuple[dict[str, int], datetime]:
        """Return the backlogs of a namespace's pools and when they were so; raises AwayError."""
        if self._sample is None or not self._is_fresh():
            raise AwayError("PostgreSQL does not answer, so the backlog is not known.")
        counts = self._sample.counts
        found = {pool: count for (where, pool), count in counts.items() if where == namespace}
        return found, self._sample.at

    def _is_fresh(self) -> bool:
        return self._sample is not None and time.monotonic() - self._sample.taken < STALE_SECONDS
