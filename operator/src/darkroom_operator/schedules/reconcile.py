"""Reconciling one schedule, when it is time and when something changes."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from darkroom_core.schedule import ScheduleStatus, Sweep

from darkroom_operator.cluster import Cluster
from darkroom_operator.errors import ClusterError, RefusedError
from darkroom_operator.informer import Informer
from darkroom_operator.metrics import controller
from darkroom_operator.metrics import schedules as metrics
from darkroom_operator.mirror import Mirror
from darkroom_operator.schedules.decide import Observed, Plan, decide
from darkroom_operator.schedules.schedule import Schedule, read
from darkroom_operator.schedules.status import unsuccessful
from darkroom_operator.schedules.sweep import Sweeper, SweepError
from darkroom_operator.schedules.turn import Turn
from darkroom_operator.store import Tasks
from darkroom_operator.task import Task
from darkroom_operator.workqueue import WorkQueue

_LOG: Final = logging.getLogger(__name__)

# A sweep may keep one of them for an hour.
_WORKERS: Final = 4


class Schedules:
    """Carries out the schedules. Its queue is also told by `Tasks` whose tasks have changed."""

    def __init__(  # noqa: PLR0913  # what it looks at and acts on, and a clock
        self,
        cluster: Cluster,
        tasks: Tasks,
        mirror: Mirror,
        sweeper: Sweeper,
        queue: WorkQueue,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self.informer = Informer(cluster, "schedules", read, queue.add)
        self._queue = queue
        self._cluster = cluster
        self._tasks = tasks
        self._mirror = mirror
        self._sweeper = sweeper
        self._clock = clock
        self._written: dict[str, Schedule] = {}

    async def run(self) -> None:
        """Watch and work, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.informer.run())
            for _ in range(_WORKERS):
                group.create_task(self.work())

    async def work(self) -> None:
        """Reconcile one key after the other, for ever; several of these run at a time."""
        await self.informer.is_synced.wait()
        await self._tasks.is_synced.wait()
        while True:
            key = await self._queue.get()
            try:
                await self.reconcile(key)
                self._queue.succeeded(key)
                controller.RECONCILES.labels("processingschedule", "success").inc()
            except Exception as error:  # noqa: BLE001  # the edge: one must not stop the others
                self._put_back(key, error)
            finally:
                self._queue.done(key)

    async def reconcile(self, key: str) -> None:
        """Do what is to be done about one schedule now."""
        schedule = self._newest(key)
        if schedule is None:
            self._queue.forget(key)
            return
        now = self._clock()
        tasks = self._tasks.of_schedule(key)
        recorded = {task.uid for task in tasks if self._mirror.is_recorded(task.uid)}
        plan = decide(schedule, Observed(tasks, recorded), now)
        await self._carry_out(plan, schedule, now)
        if plan.requeue_after is not None:
            self._queue.add_after(key, plan.requeue_after)

    def _newest(self, key: str) -> Schedule | None:
        """Return the schedule with the status that was written last, which no watch may show yet.

        On an older one, a time would be dealt with again.
        """
        shown = max(self.informer.of(key), key=_version, default=None)
        written = self._written.get(key)
        if shown is None or written is None or written.uid != shown.uid:
            self._written.pop(key, None)
            return shown
        if _version(shown) >= _version(written):
            return shown
        return replace(shown, status=written.status)

    async def _carry_out(self, plan: Plan, schedule: Schedule, now: datetime) -> None:
        """Do it. Each step may be repeated, and the next reconciliation repeats what failed."""
        for task in plan.delete:
            await self._delete(task)
        sweep = await self._take(plan.turn, plan, schedule, now) if plan.turn else None
        if plan.status:
            update = {"last_sweep": sweep} if sweep else {}
            await self._write(schedule, plan.status.model_copy(update=update))
        if plan.turn:
            metrics.TIMES.labels(plan.turn.result).inc()
            metrics.LAG_SECONDS.observe((now - plan.turn.time).total_seconds())
            _LOG.info("schedule %s: %s", schedule.metadata.name, plan.turn.message)

    async def _take(
        self, turn: Turn, plan: Plan, schedule: Schedule, now: datetime
    ) -> Sweep | None:
        """Do what the time comes to; where it cannot be done now, say so and raise."""
        try:
            for task in turn.cancel:
                await self._delete(task)
            if turn.create:
                await self._cluster.create("tasks", turn.create)
            return await self._sweeper.sweep(turn.sweep) if turn.sweep else None
        except (RefusedError, SweepError) as error:
            metrics.FAILURES.inc()
            status = unsuccessful(schedule, str(error), now, active=plan.active, due=turn.time)
            await self._write(schedule, status)
            raise

    async def _delete(self, task: Task) -> None:
        metadata = task.metadata
        await self._cluster.delete("tasks", metadata.namespace, metadata.name, metadata.uid)

    async def _write(self, schedule: Schedule, status: ScheduleStatus) -> None:
        if status == schedule.status:
            return
        metadata = schedule.metadata
        version = await self._cluster.write_status(
            "schedules", metadata.namespace, metadata.name, metadata.uid, status.document()
        )
        if version is not None:
            self._written[schedule.key] = replace(schedule, status=status, version=version)

    def _put_back(self, key: str, error: Exception) -> None:
        seconds = self._queue.add_failed(key)
        controller.RECONCILES.labels("processingschedule", "error").inc()
        if isinstance(error, ClusterError | SweepError):
            _LOG.warning("schedule %s: %s; again in %.1f s", key, error, seconds)
        else:
            _LOG.error("schedule %s: again in %.1f s", key, seconds, exc_info=error)


def _version(schedule: Schedule) -> int:
    return int(schedule.version)
