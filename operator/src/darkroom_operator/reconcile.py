"""Reconciling one task: observe, decide, carry out. Every way into the operator leads here."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter, time
from typing import Any, Final

from darkroom_core.log_line import without_secrets
from darkroom_core.logs import about
from darkroom_core.task import TaskStatus
from darkroom_core.trace_context import TraceContext
from darkroom_core.tracing import Tracing

from darkroom_operator import spans
from darkroom_operator.admission import Admission
from darkroom_operator.children import hindrance_of
from darkroom_operator.cluster import Cluster
from darkroom_operator.decide import JobFor, Plan, Standing, assess, decide
from darkroom_operator.errors import ClusterError, RefusedError
from darkroom_operator.events import Events
from darkroom_operator.metrics import controller, processors
from darkroom_operator.metrics import tasks as task_metrics
from darkroom_operator.mirror import Mirror
from darkroom_operator.observe import Observer
from darkroom_operator.status import held_back
from darkroom_operator.stops import Stops
from darkroom_operator.store import Tasks
from darkroom_operator.task import Task
from darkroom_operator.workqueue import WorkQueue

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reconciler:
    """What is needed to bring tasks nearer to what was wished for."""

    tasks: Tasks
    observer: Observer
    admission: Admission
    cluster: Cluster
    mirror: Mirror
    stops: Stops
    events: Events
    queue: WorkQueue
    job_for: JobFor
    clock: Callable[[], datetime]
    tracing: Tracing | None = None

    async def synced(self) -> None:
        """Wait until all is known that decisions rest on, and who holds the pools' places."""
        for informer in self.observer.informers:
            await informer.is_synced.wait()
        await self.tasks.is_synced.wait()
        now = self.clock()
        for task in self.tasks.all():
            self.admission.put(task.uid, assess(task, self.observer.observe(task), now).claim)

    async def work(self) -> None:
        """Reconcile one key after the other, for ever; several of these run at a time."""
        while True:
            uid = await self.queue.get()
            started = perf_counter()
            controller.ACTIVE_WORKERS.inc()
            try:
                with about(**self._subject(uid)):
                    await self._try(uid)
            finally:
                controller.ACTIVE_WORKERS.dec()
                controller.RECONCILE_SECONDS.observe(perf_counter() - started)
                self.queue.done(uid)

    async def _try(self, uid: str) -> None:
        try:
            await self.reconcile(uid)
            self.queue.succeeded(uid)
            controller.reconciled("success")
        except Exception as error:  # noqa: BLE001  # the edge: one task must not stop the others
            self._put_back(uid, error)

    def _subject(self, uid: str) -> dict[str, str]:
        """Return what the log's lines are about meanwhile."""
        task = self.tasks.get(uid)
        if task is None:
            return {}
        traced = task.trace
        subject = {"task": task.metadata.name}
        return subject | {"trace": traced.trace_id} if traced else subject

    async def reconcile(self, uid: str) -> None:
        """Do what is to be done about one task now."""
        task = self.tasks.get(uid)
        if task is None:
            self.mirror.forget(uid)
            return
        now = self.clock()
        observed = self.observer.observe(task)
        standing = assess(task, observed, now)
        has_place = self.admission.note(uid, standing.claim, now)
        plan = decide(task, observed, standing, now, has_place=has_place, job_for=self.job_for)
        if self.tracing is not None and (parent := task.trace) and spans.acts(plan):
            await self._carry_out_traced(plan, task, standing, now, self.tracing, parent)
        else:
            await self._carry_out(plan, task, standing, now)
        if plan.asks_why:
            await self.observer.complaints.ask(task.metadata.namespace)
            if self.observer.observe(task).complaint != observed.complaint:
                self.queue.add(uid)

    async def _carry_out(self, plan: Plan, task: Task, standing: Standing, now: datetime) -> None:
        """Do it. Each step may be repeated, and the next reconciliation repeats what failed."""
        if plan.create_job:
            await self._create_job(plan.create_job, task, standing, now)
        if plan.create_task:
            await self.cluster.create("tasks", plan.create_task)
        if plan.record:
            self.mirror.submit(plan.record)
        if plan.status:
            await self._write_status(task, plan.status)
        if plan.delete_task:
            metadata = task.metadata
            await self.cluster.delete("tasks", metadata.namespace, metadata.name, metadata.uid)
            # Until a watch tells of it, whatever else happens would have it deleted again.
            self.tasks.lost([metadata.uid])
        if plan.stop:
            self.stops.submit(task.metadata.namespace, task.uid)
        if plan.forget:
            task_metrics.gone(task, plan.record, now)
            self._forget(task.uid, now)
        elif plan.requeue_after is not None:
            self.queue.add_after(task.uid, plan.requeue_after)

    async def _carry_out_traced(  # noqa: PLR0913, PLR0917  # what is done, and what tells of it
        self,
        plan: Plan,
        task: Task,
        standing: Standing,
        now: datetime,
        tracing: Tracing,
        parent: TraceContext,
    ) -> None:
        start = time()
        context = spans.started_by(plan, task, parent) or tracing.below(parent)
        problem: str | None = None
        try:
            await self._carry_out(plan, task, standing, now)
        except Exception as error:
            # The next one that starts this try is the one that its processor is below.
            context, problem = tracing.below(parent), without_secrets(str(error))
            raise
        finally:
            times = {"start": start, "end": time()}
            tracing.tell(spans.reconciliation(task, plan, context, parent, **times, error=problem))

    async def _create_job(
        self, manifest: dict[str, Any], task: Task, standing: Standing, now: datetime
    ) -> None:
        try:
            await self.cluster.create("jobs", manifest)
        except RefusedError as error:
            # The next in turn may be one that is not refused.
            self.admission.give_back(task.uid)
            if standing.outcome:
                status = held_back(task, standing.outcome, hindrance_of(str(error)), now)
                await self._write_status(task, status)
            raise

    async def _write_status(self, task: Task, status: TaskStatus) -> None:
        if status == task.status:
            return
        metadata = task.metadata
        # On the version that was decided on: an operator that is not the active one any more, and
        # does not know it yet, writes nothing over what the new one has written. Whoever is refused
        # hears of the newer version by the watch, and looks again.
        version = await self.cluster.write_status(
            *("tasks", metadata.namespace, metadata.name, metadata.uid, status.document()),
            version=task.version,
        )
        if version is not None:
            self.tasks.wrote(task.uid, status, version)
            task_metrics.written(task, status)
            pods = self.observer.pods.of(task.uid)
            processors.ended(task, status, pods)
            if self.tracing is not None:
                for span in spans.ended(task, status, pods):
                    self.tracing.tell(span)
            _tell(task, status)
            await self.events.tell(task, status)

    def _forget(self, uid: str, now: datetime) -> None:
        self.admission.drop(uid, now)
        self.tasks.forget(uid)
        self.queue.forget(uid)
        self.mirror.forget(uid)

    def _put_back(self, uid: str, error: Exception) -> None:
        seconds = self.queue.add_failed(uid)
        controller.reconciled("error")
        controller.RECONCILE_ERRORS.inc()
        if isinstance(error, ClusterError):
            _LOG.warning("task %s: %s; again in %.1f s", uid, error, seconds)
        else:
            _LOG.error("task %s: again in %.1f s", uid, seconds, exc_info=error)


def _tell(task: Task, status: TaskStatus) -> None:
    """Log a change of state."""
    state = status.state
    if state is not None and state != task.status.state:
        _LOG.info("%s is %s (%s)", task.metadata.name, state.value, status.conditions[0].reason)
