"""What Postgres is told about a task: the observation that `darkroom_record` takes."""

from datetime import datetime
from typing import Any

from darkroom_core import names
from darkroom_core.conditions import State
from darkroom_core.task import TaskStatus

from darkroom_operator.task import Task

Observation = dict[str, Any]
"""snake_case keys, JSON values; a key that is absent is unknown."""


def observation_of(task: Task, status: TaskStatus) -> Observation:
    """Return all that is known of a task with this status."""
    document = status.document()
    told = next((c for c in status.conditions if c.type == "Succeeded"), None)
    known = {
        **_identity(task.metadata.namespace, task.metadata.name, task.uid),
        "owner": task.metadata.labels.get(names.USER_LABEL),
        "spec": task.written_spec,
        "status": document.get("state"),
        "attempts": status.attempts,
        "reason": told and told.reason.value,
        "message": told and told.message,
        "tries": document.get("tries") or None,
        "dead_lettered": status.dead_lettered or None,
        "job": status.job,
        "created_at": task.metadata.creation_timestamp.isoformat(),
        "started_at": document.get("startedAt"),
        "finished_at": document.get("finishedAt"),
        "recipe_outputs": document["recipe"]["outputs"] if status.recipe else None,
        "source": document.get("source"),
        "outputs": document.get("outputs") or None,
        "error": document.get("error"),
    }
    return {key: value for key, value in known.items() if value is not None}


def cancellation_of(task: Task, now: datetime) -> Observation:
    """Return the record of a task that was deleted before it ended."""
    before = observation_of(task, task.status)
    # Why it was queued or running is not why it ended.
    known = {key: value for key, value in before.items() if key not in {"reason", "message"}}
    return known | {"status": State.CANCELED.value, "finished_at": now.isoformat()}


def cancellation_of_row(namespace: str, name: str, uid: str, now: datetime) -> Observation:
    """Return the record of a task of which only its row is left."""
    return _identity(namespace, name, uid) | {
        "status": State.CANCELED.value,
        "finished_at": now.isoformat(),
    }


def is_final(observation: Observation) -> bool:
    """Whether nothing can follow this observation."""
    state = observation.get("status")
    return state is not None and State(state).is_final


def _identity(namespace: str, name: str, uid: str) -> Observation:
    return {"namespace": namespace, "name": name, "uid": uid}
