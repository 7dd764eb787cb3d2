"""What to do about a task: a plan, made from what was observed and nothing else.

The same for a new task, a changed one, a child's event, a restart and a slow resync: a plan for
what has been carried out already contains nothing to do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from darkroom_core import names
from darkroom_core.conditions import Reason
from darkroom_core.task import TaskSpec, TaskStatus

from darkroom_operator.children import Job, Pod
from darkroom_operator.errors import StalledError
from darkroom_operator.outcome import outcome_of, patience_left
from darkroom_operator.record import Observation, cancellation_of, observation_of
from darkroom_operator.status import stalled, status_of
from darkroom_operator.task import Task

JobFor = Callable[[Task, TaskSpec, datetime], dict[str, Any]]
"""Makes the task's Job; raises StalledError where none can be made."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What is there beside the task itself."""

    job: Job | None = None
    pods: Sequence[Pod] = ()
    is_recorded: bool = False
    """Whether the task's end is in Postgres."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order; the last two at the same time."""

    create_job: dict[str, Any] | None = None
    delete_task: bool = False
    status: TaskStatus | None = None
    """The status to write, where it differs from the one that is there."""
    record: Observation | None = None
    requeue_after: float | None = None
    """Seconds after which to look again although nothing may have happened."""
    forget: bool = False
    """Whether nothing more will ever be done about this task."""


def decide(task: Task, observed: Observed, now: datetime, *, job_for: JobFor) -> Plan:
    """Plan what brings the task nearer to what was wished for; `now` in whole seconds."""
    if task.is_finished:
        return _tidy(task, observed, now)
    if task.is_leaving:
        return _let_go(task, observed, now)
    if task.spec is None:
        return _write(task, stalled(task, Reason.INVALID, task.problem, now))
    return _advance(task, task.spec, observed, now, job_for)


def _advance(
    task: Task, spec: TaskSpec, observed: Observed, now: datetime, job_for: JobFor
) -> Plan:
    outcome = outcome_of(spec, observed.job, observed.pods, now)
    manifest = None
    if observed.job is None and not outcome.state.is_final:
        try:
            manifest = job_for(task, spec, now)
        except StalledError as error:
            return _write(task, stalled(task, error.reason, str(error), now))
    job = names.job_name(task.metadata.name, task.uid)
    return _write(
        task,
        status_of(task, outcome, job, now),
        create_job=manifest,
        requeue_after=patience_left(observed.pods, now),
    )


def _write(
    task: Task,
    status: TaskStatus,
    *,
    create_job: dict[str, Any] | None = None,
    requeue_after: float | None = None,
) -> Plan:
    return Plan(
        create_job=create_job,
        status=None if status == task.status else status,
        record=observation_of(task, status),
        requeue_after=requeue_after,
    )


def _let_go(task: Task, observed: Observed, now: datetime) -> Plan:
    """Record how a task ended that was deleted before its status said so.

    Its Job and pods are killed by Kubernetes' garbage collector, through the owner reference.
    """
    if task.spec is not None:
        outcome = outcome_of(task.spec, observed.job, observed.pods, now)
        if outcome.state.is_final:
            status = status_of(task, outcome, None, now)
            return Plan(record=observation_of(task, status), forget=task.is_gone)
    return Plan(record=cancellation_of(task, now), forget=task.is_gone)


def _tidy(task: Task, observed: Observed, now: datetime) -> Plan:
    """Record the end, then delete the task when its time is over; never the other way round."""
    record = None if observed.is_recorded else observation_of(task, task.status)
    if task.is_leaving or task.spec is None:
        return Plan(record=record, forget=task.is_gone)
    ended_at = task.status.finished_at or task.metadata.creation_timestamp
    due_at = ended_at + timedelta(seconds=task.spec.ttl_seconds_after_finished)
    if now < due_at:
        return Plan(record=record, requeue_after=(due_at - now).total_seconds())
    return Plan(record=record, delete_task=observed.is_recorded)
