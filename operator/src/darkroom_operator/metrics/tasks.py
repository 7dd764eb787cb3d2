"""What happens to tasks: counted once, where a status was written or a task is gone."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from darkroom_core.conditions import Reason, State
from darkroom_core.task import TaskStatus
from prometheus_client import Counter, Histogram

from darkroom_operator.metrics.controller import SECONDS
from darkroom_operator.metrics.words import OTHER, Words
from darkroom_operator.record import Observation
from darkroom_operator.task import Task

_DELETED: Final = "Deleted"

TRANSITIONS: Final = Counter(
    "darkroom_task_transitions_total",
    "Changes of a task's state, with the reason of its conditions; Deleted where the task was "
    "canceled by its deletion.",
    ["to", "reason"],
)
QUEUE_SECONDS: Final = Histogram(
    "darkroom_task_queue_duration_seconds",
    "From a task's creation to the start of its first container.",
    ["pool", "priority"],
    buckets=SECONDS,
)
TASK_SECONDS: Final = Histogram(
    "darkroom_task_duration_seconds",
    "From a task's creation to its end, by its type and the state that it ended in.",
    ["type", "result"],
    buckets=SECONDS,
)
RETRIES: Final = Counter(
    "darkroom_task_retries_total",
    "Tries that failed and are followed by another, by the code of their error; disrupted where "
    "the node was lost or drained. After 64 different codes: other.",
    ["reason"],
)
CANCELS: Final = Counter(
    "darkroom_task_cancels_total", "Tasks that were deleted before they had ended."
)
DEAD_LETTERS: Final = Counter(
    "darkroom_dead_letters_total", "Tasks that failed for good and may be replayed.", ["reason"]
)
for _reason in (Reason.RETRIES_EXHAUSTED, Reason.DEADLINE_EXCEEDED):
    DEAD_LETTERS.labels(_reason.value)

_CODES: Final = Words()


def written(task: Task, status: TaskStatus) -> None:
    """Count what is new in a status that was written over the task's."""
    before, state = task.status, status.state
    if state is None:
        return
    reason = status.conditions[0].reason.value
    if state != before.state:
        TRANSITIONS.labels(state.value, reason).inc()
        if state.is_final:
            _ended(task, state, status.finished_at)
    if status.started_at and not before.started_at and task.spec:
        pool = f"{task.metadata.namespace}/{task.spec.pool}"
        waited = QUEUE_SECONDS.labels(pool, task.spec.priority.value)
        waited.observe(_seconds(task, status.started_at))
    if status.dead_lettered and not before.dead_lettered:
        DEAD_LETTERS.labels(reason).inc()
    if not state.is_final:
        for code in _new_failures(before, status):
            RETRIES.labels(_CODES.of(code)).inc()


def gone(task: Task, record: Observation | None, now: datetime) -> None:
    """Count the end of a task of which no status can tell any more."""
    if task.is_finished or record is None:
        return
    state = State(record["status"])
    if state is State.CANCELED:
        CANCELS.inc()
    TRANSITIONS.labels(state.value, record.get("reason", _DELETED)).inc()
    _ended(task, state, now)


def _ended(task: Task, state: State, at: datetime | None) -> None:
    if at is not None:
        kind = task.spec.type.value if task.spec else OTHER
        TASK_SECONDS.labels(kind, state.value).observe(_seconds(task, at))


def _seconds(task: Task, at: datetime) -> float:
    return max(0.0, (at - task.metadata.creation_timestamp).total_seconds())


def _new_failures(before: TaskStatus, after: TaskStatus) -> Iterator[str]:
    known = {entry.pod for entry in before.tries if entry.finished_at}
    for entry in after.tries:
        if entry.finished_at and entry.error and entry.pod not in known:
            yield "disrupted" if entry.disrupted else entry.error.code
