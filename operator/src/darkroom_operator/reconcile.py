"""Reconciling one task: observe, decide, carry out. Every way into the operator leads here."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Final

from darkroom_core.task import TaskStatus

from darkroom_operator import metrics
from darkroom_operator.children import Job, Pod
from darkroom_operator.cluster import Cluster
from darkroom_operator.decide import JobFor, Plan, decide
from darkroom_operator.errors import ClusterError, RefusedError
from darkroom_operator.informer import Informer
from darkroom_operator.mirror import Mirror
from darkroom_operator.observe import observe
from darkroom_operator.status import refused
from darkroom_operator.store import Tasks
from darkroom_operator.task import Task
from darkroom_operator.workqueue import WorkQueue

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reconciler:
    """What is needed to bring tasks nearer to what was wished for."""

    tasks: Tasks
    jobs: Informer[Job]
    pods: Informer[Pod]
    cluster: Cluster
    mirror: Mirror
    queue: WorkQueue
    job_for: JobFor
    clock: Callable[[], datetime]

    async def work(self) -> None:
        """Reconcile one key after the other, for ever; several of these run at a time."""
        await self.jobs.is_synced.wait()
        await self.pods.is_synced.wait()
        while True:
            uid = await self.queue.get()
            started = perf_counter()
            metrics.ACTIVE_WORKERS.inc()
            try:
                await self.reconcile(uid)
                self.queue.succeeded(uid)
                metrics.reconciled("success")
            except Exception as error:  # noqa: BLE001  # the edge: one task must not stop the others
                self._put_back(uid, error)
            finally:
                metrics.ACTIVE_WORKERS.dec()
                metrics.RECONCILE_SECONDS.observe(perf_counter() - started)
                self.queue.done(uid)

    async def reconcile(self, uid: str) -> None:
        """Do what is to be done about one task now."""
        task = self.tasks.get(uid)
        if task is None:
            self.mirror.forget(uid)
            return
        now = self.clock()
        observed = observe(task, self.jobs, self.pods, self.mirror)
        plan = decide(task, observed, now, job_for=self.job_for)
        await self._carry_out(plan, task, now)

    async def _carry_out(self, plan: Plan, task: Task, now: datetime) -> None:
        """Do it. Each step may be repeated, and the next reconciliation repeats what failed."""
        if plan.create_job:
            try:
                await self.cluster.create_job(plan.create_job)
            except RefusedError as error:
                await self._write_status(task, refused(task, str(error), now))
                raise
        if plan.record:
            self.mirror.submit(plan.record)
        if plan.status:
            await self._write_status(task, plan.status)
        if plan.delete_task:
            await self.cluster.delete_task(task)
        if plan.forget:
            self._forget(task.uid)
        elif plan.requeue_after is not None:
            self.queue.add_after(task.uid, plan.requeue_after)

    async def _write_status(self, task: Task, status: TaskStatus) -> None:
        if status == task.status:
            return
        version = await self.cluster.write_status(task, status)
        if version is not None:
            self.tasks.wrote(task.uid, status, version)
            _tell(task, status)

    def _forget(self, uid: str) -> None:
        self.tasks.forget(uid)
        self.queue.forget(uid)
        self.mirror.forget(uid)

    def _put_back(self, uid: str, error: Exception) -> None:
        seconds = self.queue.add_failed(uid)
        metrics.reconciled("error")
        metrics.RECONCILE_ERRORS.inc()
        if isinstance(error, ClusterError):
            _LOG.warning("task %s: %s; again in %.1f s", uid, error, seconds)
        else:
            _LOG.error("task %s: again in %.1f s", uid, seconds, exc_info=error)


def _tell(task: Task, status: TaskStatus) -> None:
    """Count and log a change of state."""
    state = status.state
    if state is None or state == task.status.state:
        return
    reason = status.conditions[0].reason
    metrics.TRANSITIONS.labels(state.value, reason.value).inc()
    _LOG.info("%s is %s (%s)", task.metadata.name, state.value, reason.value)
    created = task.metadata.creation_timestamp
    if status.started_at and not task.status.started_at:
        metrics.WAIT_SECONDS.observe((status.started_at - created).total_seconds())
    if state.is_final and status.finished_at:
        seconds = (status.finished_at - created).total_seconds()
        metrics.TASK_SECONDS.labels(state.value).observe(seconds)
