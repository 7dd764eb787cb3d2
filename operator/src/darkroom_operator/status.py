"""A task's status, folded from what came of it and what was said before."""

from datetime import datetime
from typing import Final

from darkroom_core.conditions import Reason, State, conditions_for
from darkroom_core.report import TaskError
from darkroom_core.task import TaskStatus

from darkroom_operator.children import Hindrance
from darkroom_operator.outcome import Outcome
from darkroom_operator.task import Task

_LONGEST_MESSAGE: Final = 2048
_LONGEST_ERROR: Final = 1024


def status_of(task: Task, outcome: Outcome, now: datetime, *, job: str | None = None) -> TaskStatus:
    """Fold the outcome into the status that the task should have.

    A task never goes back: attempts do not fall, and what has run is not queued again.
    """
    before = task.status
    state, reason = outcome.state, outcome.reason
    if state is State.QUEUED and before.state is State.RUNNING:
        state = State.RUNNING
        reason = Reason.RETRYING if reason is Reason.PENDING else reason
    started = [entry.started_at for entry in outcome.tries if entry.started_at]
    return TaskStatus(
        observed_generation=task.metadata.generation,
        state=state,
        conditions=conditions_for(
            state,
            reason,
            outcome.message[:_LONGEST_MESSAGE],
            generation=task.metadata.generation,
            previous=before.conditions,
            now=now,
        ),
        attempts=max(before.attempts, len(started)),
        tries=list(outcome.tries),
        next_try_at=outcome.next_try_at,
        job=job or outcome.job or before.job,
        started_at=before.started_at or min(started, default=None),
        finished_at=outcome.finished_at,
        recipe=before.recipe,
        source=outcome.source,
        outputs=list(outcome.outputs),
        error=outcome.error,
        dead_lettered=outcome.dead_lettered,
        replayed=before.replayed,
    )


def held_back(task: Task, outcome: Outcome, hindrance: Hindrance, now: datetime) -> TaskStatus:
    """Return the status of a task whose next try may not start; a failed try is told as well."""
    message = f"{outcome.message} {hindrance.message}" if outcome.tries else hindrance.message
    waiting = Outcome(
        outcome.state,
        hindrance.reason,
        message,
        tries=outcome.tries,
        job=outcome.job,
        next_try_at=outcome.next_try_at,
    )
    return status_of(task, waiting, now)


def stalled(task: Task, reason: Reason, message: str, now: datetime) -> TaskStatus:
    """Return the status of a task that cannot be turned into a Job."""
    error = TaskError(code="invalid", message=message[:_LONGEST_ERROR], retryable=False)
    tries = tuple(task.status.tries)
    outcome = Outcome(State.FAILED, reason, message, tries, finished_at=now, error=error)
    return status_of(task, outcome, now)
