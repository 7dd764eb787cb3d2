"""A task's status, folded from what came of it and what was said before."""

from datetime import datetime
from typing import Final

from darkroom_core.conditions import Reason, State, conditions_for
from darkroom_core.report import TaskError
from darkroom_core.task import TaskStatus

from darkroom_operator.outcome import Outcome
from darkroom_operator.task import Task

_LONGEST_MESSAGE: Final = 2048
_LONGEST_ERROR: Final = 1024


def status_of(task: Task, outcome: Outcome, job: str | None, now: datetime) -> TaskStatus:
    """Fold the outcome into the status that the task should have.

    A task never goes back: attempts do not fall, and what has run is not queued again.
    """
    before = task.status
    state, reason = outcome.state, outcome.reason
    if state is State.QUEUED and before.state is State.RUNNING:
        state, reason = State.RUNNING, Reason.RETRYING
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
        attempts=max(before.attempts, outcome.attempts),
        job=job or before.job,
        started_at=before.started_at or outcome.started_at,
        finished_at=outcome.finished_at,
        outputs=list(outcome.outputs),
        error=outcome.error,
    )


def stalled(task: Task, reason: Reason, message: str, now: datetime) -> TaskStatus:
    """Return the status of a task that cannot be turned into a Job."""
    error = TaskError(code="invalid", message=message[:_LONGEST_ERROR], retryable=False)
    outcome = Outcome(State.FAILED, reason, message, finished_at=now, error=error)
    return status_of(task, outcome, None, now)


def refused(task: Task, message: str, now: datetime) -> TaskStatus:
    """Return the status of a task whose Job the API server does not take now."""
    sentence = f"The Job cannot be created yet: {message}"
    return status_of(task, Outcome(State.QUEUED, Reason.PENDING, sentence), None, now)
