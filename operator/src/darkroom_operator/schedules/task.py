"""The task that a schedule makes."""

from datetime import datetime
from typing import Any

from darkroom_core import names
from darkroom_core.schedule import TaskTemplate

from darkroom_operator.schedules.schedule import Schedule


def task_for(schedule: Schedule, template: TaskTemplate, time: datetime) -> dict[str, Any]:
    """Return the manifest. Its name follows from the time, so that a second try collides.

    It is of the same user as the schedule. As with a CronJob's Jobs, the schedule owns its tasks:
    deleting it cancels and deletes them.
    """
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.TASK.kind,
        "metadata": {
            "name": schedule.task_name(time),
            "namespace": schedule.metadata.namespace,
            "labels": {
                **template.labels,
                **_owner(schedule),
                names.SCHEDULE_LABEL: schedule.stem,
            },
            "ownerReferences": [
                {
                    "apiVersion": names.API_VERSION,
                    "kind": names.SCHEDULE.kind,
                    "name": schedule.metadata.name,
                    "uid": schedule.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": schedule.written_task,
    }


def _owner(schedule: Schedule) -> dict[str, str]:
    labels = schedule.metadata.labels
    return {label: labels[label] for label in (names.USER_LABEL,) if label in labels}
