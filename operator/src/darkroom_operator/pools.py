"""The pools: what a change of one sets going, and what their statuses say.

The counts change with each task; they are written at most every few seconds, and not at all while
nothing changes.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from darkroom_operator.admission import Admission, Terms
from darkroom_operator.cluster import Cluster
from darkroom_operator.errors import ClusterError
from darkroom_operator.informer import Informer
from darkroom_operator.metrics import pools as metrics
from darkroom_operator.pool import (
    Pool,
    implied_pool,
    pool_key,
    read_pool,
    status_of_pool,
    terms_of,
)
from darkroom_operator.store import Tasks
from darkroom_operator.workqueue import WorkQueue

_LOG: Final = logging.getLogger(__name__)
_PAUSE_SECONDS: Final = 2.0
_NO_GATE: Final = object()


class Pools:
    """Keeps the pools."""

    def __init__(
        self, cluster: Cluster, tasks: Tasks, queue: WorkQueue, clock: Callable[[], datetime]
    ) -> None:
        self._cluster = cluster
        self._tasks = tasks
        self._queue = queue
        self._clock = clock
        self._gates: dict[str, object] = {}
        self.informer: Informer[Pool] = Informer(cluster, "pools", read_pool, self._changed)
        self.admission = Admission(self._terms, queue.add)

    async def run(self) -> None:
        """Keep the pools' statuses true, for ever; to be started once all tasks are known."""
        while True:
            await self.tell_all()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def tell_all(self) -> None:
        """Write the statuses that are not true any more, and measure."""
        self._measure()
        for pool in list(self.informer.all()):
            try:
                await self._tell(pool)
            except ClusterError as error:
                _LOG.warning("the status of pool %s is not written: %s", pool.key, error)

    async def _tell(self, pool: Pool) -> None:
        running, waiting = self.admission.counts(pool.key)
        status = status_of_pool(pool, running, waiting, self._clock())
        if status != pool.status:
            await self._cluster.write_status(
                "pools", pool.namespace, pool.name, pool.uid, status.document()
            )

    def _measure(self) -> None:
        """Measure the pools that there are, and those that tasks hope for."""
        now = self._clock()
        # A pool may be one that nobody made.
        keys = {pool.key for pool in self.informer.all()} | self.admission.pools()
        metrics.show({key: self._use(key, now) for key in keys})

    def _use(self, key: str, now: datetime) -> metrics.Use:
        found = self.informer.one(key)
        spec = found.spec if found else implied_pool(key.rpartition("/")[2])
        running, waiting = self.admission.counts(key)
        oldest = self.admission.oldest(key)
        age = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
        return metrics.Use(spec.replicas if spec else 0, running, waiting, age)

    def _terms(self, key: str) -> Terms:
        found = self.informer.one(key)
        return terms_of(found.spec if found else implied_pool(key.rpartition("/")[2]))

    def _changed(self, key: str) -> None:
        """Fill the places that there are now, and let tasks look again if a gate was moved."""
        self.admission.fill(key, self._clock())
        gate = _gate(self.informer.one(key))
        if self._gates.get(key, _NO_GATE) == gate:
            return
        self._gates[key] = gate
        for task in self._tasks.all():
            if task.spec and not task.is_finished and pool_key(task, task.spec) == key:
                self._queue.add(task.uid)


def _gate(pool: Pool | None) -> object:
    """Return what of a pool decides whether any of its tasks may start."""
    if pool is None or pool.spec is None:
        return pool and pool.problem
    return pool.spec.suspend, pool.spec.replicas == 0
