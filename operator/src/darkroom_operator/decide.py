"""What to do about a task: a plan, made from what was observed and nothing else.

The same for a new task, a changed one, a child's event, a restart and a slow resync: a plan for
what has been carried out already contains nothing to do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from darkroom_core import names
from darkroom_core.conditions import Reason, State
from darkroom_core.pool import PoolSpec, PoolTemplate
from darkroom_core.task import TaskSpec, TaskStatus, UsedRecipe

from darkroom_operator.admission import Claim
from darkroom_operator.children import Hindrance, Job, Pod
from darkroom_operator.errors import StalledError
from darkroom_operator.outcome import Outcome, lacks_pods, outcome_of, patience_left
from darkroom_operator.pool import claim_of, gate_of
from darkroom_operator.recipe import Recipe, recipe_gate, used
from darkroom_operator.record import Observation, cancellation_of, observation_of
from darkroom_operator.status import held_back, stalled, status_of
from darkroom_operator.task import Task

ASK_AGAIN_SECONDS: Final = 10.0
_AT_ONCE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Start:
    """A try that is to be started."""

    number: int
    template: PoolTemplate
    seconds: int
    """How long it may take: what is left of the whole task's time."""


JobFor = Callable[[Task, TaskSpec, Start, datetime], dict[str, Any]]
"""Makes the Job of a try; raises StalledError where none can be made."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What is there beside the task itself."""

    jobs: Sequence[Job] = ()
    pods: Sequence[Pod] = ()
    pool: PoolSpec | None = None
    """None where there is no pool of that name."""
    pool_problem: str = ""
    """Why the pool cannot be read; empty where it can."""
    recipe: Recipe | None = None
    """What the task names and was not started with yet; None where there is no such recipe."""
    complaint: str = ""
    """What Kubernetes said about a Job that cannot make its pod."""
    is_recorded: bool = False
    """Whether the task's end is in Postgres."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a task is, and whether it claims a place in its pool."""

    outcome: Outcome | None
    """None where its spec cannot be read, or where it has ended."""
    claim: Claim | None = None
    gate: Hindrance | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order; the last two at the same time."""

    create_job: dict[str, Any] | None = None
    create_task: dict[str, Any] | None = None
    delete_task: bool = False
    status: TaskStatus | None = None
    """The status to write, where it differs from the one that is there."""
    record: Observation | None = None
    stop: bool = False
    """Whether Jobs or pods of a canceled task still do something."""
    asks_why: bool = False
    """Whether Kubernetes' Events should tell why its Job makes no pod."""
    requeue_after: float | None = None
    """Seconds after which to look again although nothing may have happened."""
    forget: bool = False
    """Whether nothing more will ever be done about this task."""


def assess(task: Task, observed: Observed, now: datetime) -> Standing:
    """Read where a task is, and what it needs from its pool; `now` in whole seconds."""
    if task.spec is None or task.is_finished:
        return Standing(None)
    outcome = outcome_of(
        task.uid,
        task.spec,
        task.status,
        observed.jobs,
        observed.pods,
        now=now,
        complaint=observed.complaint,
    )
    if outcome.state.is_final:
        return Standing(outcome)
    if outcome.starts is None:
        return Standing(outcome, claim_of(task, task.spec, holds=True))
    gate = gate_of(task.spec, observed.pool, observed.pool_problem)
    gate = gate or recipe_gate(task.spec, observed.recipe)
    is_early = outcome.next_try_at is not None and now < outcome.next_try_at
    if task.is_leaving or gate or is_early:
        return Standing(outcome, None, gate)
    return Standing(outcome, claim_of(task, task.spec, holds=False))


def decide(  # noqa: PLR0913  # what is known, whose turn it is, and the time
    task: Task,
    observed: Observed,
    standing: Standing,
    now: datetime,
    *,
    has_place: bool,
    job_for: JobFor,
) -> Plan:
    """Plan what brings the task nearer to what was wished for."""
    if task.is_finished:
        return _tidy(task, observed, now)
    if task.is_leaving:
        return _let_go(task, observed, standing, now)
    if task.spec is None or standing.outcome is None:
        return _write(task, stalled(task, Reason.INVALID, task.problem, now))
    if standing.outcome.starts is None:
        return _follow(task, observed, standing.outcome, now)
    gate = standing.gate
    if gate is None and standing.claim is not None and not has_place:
        gate = Hindrance(Reason.WAITING, f"It waits for its turn in the pool {task.spec.pool}.")
    if gate or _seconds_until(standing.outcome.next_try_at, now):
        return _hold_back(task, standing.outcome, gate, now)
    return _start(task, task.spec, standing.outcome, observed, now, job_for=job_for)


def _keep_recipe(task: Task, outcome: Outcome, recipe: UsedRecipe, now: datetime) -> Plan:
    """Write down what is made before anything is started: all tries make the same."""
    status = status_of(task, outcome, now).model_copy(update={"recipe": recipe})
    return Plan(status=status, record=observation_of(task, status), requeue_after=_AT_ONCE)


def _follow(task: Task, observed: Observed, outcome: Outcome, now: datetime) -> Plan:
    """Tell what a try that is under way, or the end of the last one, looks like."""
    stuck = None if outcome.state.is_final else lacks_pods(observed.jobs, observed.pods, now)
    requeue = ASK_AGAIN_SECONDS if stuck else patience_left(observed.jobs, observed.pods, now)
    status = status_of(task, outcome, now)
    return _write(task, status, asks_why=stuck is not None, requeue_after=requeue)


def _start(  # noqa: PLR0913  # what a Job is made from
    task: Task,
    spec: TaskSpec,
    outcome: Outcome,
    observed: Observed,
    now: datetime,
    *,
    job_for: JobFor,
) -> Plan:
    if spec.recipe and observed.recipe and observed.recipe.spec:
        return _keep_recipe(task, outcome, used(observed.recipe, observed.recipe.spec), now)
    number = outcome.starts or 1
    left = outcome.gives_up_at - now if outcome.gives_up_at else None
    seconds = max(1, int(left.total_seconds())) if left else spec.deadline_seconds
    template = observed.pool.template if observed.pool else PoolTemplate()
    try:
        manifest = job_for(task, spec, Start(number, template, seconds), now)
    except StalledError as error:
        return _write(task, stalled(task, error.reason, str(error), now))
    job = names.job_name(task.metadata.name, task.uid, number)
    return _write(task, status_of(task, outcome, now, job=job), create_job=manifest)


def _hold_back(task: Task, outcome: Outcome, gate: Hindrance | None, now: datetime) -> Plan:
    """Wait: for the time of the next try, for a turn, or until what is in the way is gone."""
    waits = [_seconds_until(outcome.next_try_at, now)]
    if outcome.next_try_at:
        waits.append(_seconds_until(outcome.gives_up_at, now))
    soonest = min((wait for wait in waits if wait), default=None)
    status = held_back(task, outcome, gate, now) if gate else status_of(task, outcome, now)
    return _write(task, status, requeue_after=soonest)


def _write(
    task: Task,
    status: TaskStatus,
    *,
    create_job: dict[str, Any] | None = None,
    asks_why: bool = False,
    requeue_after: float | None = None,
) -> Plan:
    is_news = status != task.status and not _is_said_already(task.status, status)
    return Plan(
        create_job=create_job,
        status=status if is_news else None,
        record=observation_of(task, status),
        asks_why=asks_why,
        requeue_after=requeue_after,
    )


def _is_said_already(before: TaskStatus, after: TaskStatus) -> bool:
    """Whether the definition's default status says it: that a new task waits for its start."""
    return (
        before.observed_generation is None
        and before.state in {None, State.QUEUED}
        and after.state is State.QUEUED
        and after.conditions[0].reason in {Reason.PENDING, Reason.WAITING}
    )


def _let_go(task: Task, observed: Observed, standing: Standing, now: datetime) -> Plan:
    """Record how a task ended that was deleted before its status said so, and stop its children.

    Kubernetes' garbage collector would stop them too, through the owner reference, and does where
    this operator is away; of hundreds at once it stops a few in a second.
    """
    if standing.outcome and standing.outcome.state.is_final:
        status = status_of(task, standing.outcome, now)
        return Plan(record=observation_of(task, status), forget=task.is_gone)
    works = any(not (pod.end or pod.has_failed or pod.is_leaving) for pod in observed.pods)
    works |= any(not (job.failure or job.completion or job.is_leaving) for job in observed.jobs)
    return Plan(record=cancellation_of(task, now), stop=works, forget=task.is_gone)


def _tidy(task: Task, observed: Observed, now: datetime) -> Plan:
    """Record the end, replay it if that is wished, then delete it when its time is over."""
    record = None if observed.is_recorded else observation_of(task, task.status)
    if task.is_leaving or task.spec is None:
        return Plan(record=record, forget=task.is_gone)
    token = task.metadata.annotations.get(names.REPLAY_ANNOTATION, "")
    if token and task.status.state is State.FAILED and token != task.status.replayed:
        replayed = task.status.model_copy(update={"replayed": token[:253]})
        return Plan(record=record, create_task=_replay(task, token), status=replayed)
    ended_at = task.status.finished_at or task.metadata.creation_timestamp
    due_at = ended_at + timedelta(seconds=task.spec.ttl_seconds_after_finished)
    if now < due_at:
        return Plan(record=record, requeue_after=(due_at - now).total_seconds())
    return Plan(record=record, delete_task=observed.is_recorded)


def _replay(task: Task, token: str) -> dict[str, Any]:
    labels = {
        name: value
        for name, value in task.metadata.labels.items()
        if name in {names.USER_LABEL, names.SCHEDULE_LABEL}
    }
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.TASK.kind,
        "metadata": {
            "name": names.replay_name(task.metadata.name, token),
            "namespace": task.metadata.namespace,
            "labels": labels,
        },
        "spec": {**task.written_spec, "origin": task.metadata.name},
    }


def _seconds_until(moment: datetime | None, now: datetime) -> float | None:
    """Return the seconds until then; None where there is no such moment, or it is past."""
    if moment is None or moment <= now:
        return None
    return (moment - now).total_seconds()
