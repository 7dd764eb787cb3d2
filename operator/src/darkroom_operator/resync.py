"""The slow look at everything: at the start, and every few minutes.

Watches can lose events, and nobody watches while the operator is down. Whatever was missed is
found here, and goes the same way as everything else.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

import psycopg

from darkroom_operator.cluster import Cluster
from darkroom_operator.errors import ClusterError
from darkroom_operator.metrics import controller
from darkroom_operator.metrics import tasks as task_metrics
from darkroom_operator.mirror import Mirror
from darkroom_operator.record import cancellation_of_row
from darkroom_operator.store import Tasks
from darkroom_operator.workqueue import WorkQueue

_LOG: Final = logging.getLogger(__name__)
_FIRST_BACKOFF: Final = 0.5
_LONGEST_BACKOFF: Final = 10.0

Rows = list[tuple[str, str, str]]


class Resync:
    """Compares the cluster, Postgres and what is known here."""

    def __init__(  # noqa: PLR0913  # what it compares, and a clock
        self,
        cluster: Cluster,
        mirror: Mirror,
        tasks: Tasks,
        queue: WorkQueue,
        *,
        namespace: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._mirror = mirror
        self._tasks = tasks
        self._queue = queue
        self._namespace = namespace
        self._clock = clock

    async def run(self, seconds: float) -> None:
        """Look now and every `seconds`; sooner while one of the two does not answer."""
        backoff = _FIRST_BACKOFF
        while True:
            if await self.once():
                controller.RESYNC_TIME.set_to_current_time()
                backoff = _FIRST_BACKOFF
                await asyncio.sleep(seconds)
            else:
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, _LONGEST_BACKOFF)

    async def once(self) -> bool:
        """Look once; return whether both the cluster and Postgres were there to look at."""
        known = self._tasks.uids()
        # The rows first: a task that is created in between is in the list, and not in the rows.
        rows = await self._rows()
        try:
            listed = await self._list()
            self._tasks.is_synced.set()
        except ClusterError as error:
            _LOG.warning("resync: %s", error)
            return False
        lost = known - listed
        self._tasks.lost(lost)
        for uid in lost | listed:
            self._queue.add(uid)
        if rows is None:
            return False
        # Tasks that are known are told by their own reconciliation.
        self._sweep([row for row in rows if row[0] not in listed | known])
        return True

    async def _rows(self) -> Rows | None:
        try:
            return await self._mirror.unfinished()
        except (psycopg.Error, TimeoutError) as error:
            _LOG.warning("resync: Postgres does not answer: %s", error)
            return None

    async def _list(self) -> set[str]:
        listed = set()
        async for page in self._cluster.pages("tasks"):
            for raw in page.items:
                self._tasks.remember(raw)
                listed.add(raw["metadata"]["uid"])
            # Thousands of tasks are read in a row: others may have their turn.
            await asyncio.sleep(0)
        return listed

    def _sweep(self, rows: Rows) -> None:
        for uid, namespace, name in rows:
            if self._namespace in {"", namespace} and self._tasks.get(uid) is None:
                now = self._clock()
                self._mirror.submit(cancellation_of_row(namespace, name, uid, now))
                task_metrics.CANCELS.inc()
