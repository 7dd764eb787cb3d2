"""Which of a schedule's finished tasks are too many in the cluster."""

from collections.abc import Sequence

from darkroom_core.conditions import State
from darkroom_core.schedule import ScheduleSpec

from darkroom_operator.task import Task


def surplus(spec: ScheduleSpec, tasks: Sequence[Task]) -> list[Task]:
    """Return the oldest finished tasks that are above the limits.

    A task's own TTL may have deleted it before; its row and its outputs stay in any case.
    """
    finished = sorted(
        (task for task in tasks if task.is_finished and not task.is_leaving),
        key=lambda task: (task.metadata.creation_timestamp, task.metadata.name),
        reverse=True,
    )
    succeeded = [task for task in finished if task.status.state is State.SUCCEEDED]
    others = [task for task in finished if task.status.state is not State.SUCCEEDED]
    return [*succeeded[spec.successful_history_limit :], *others[spec.failed_history_limit :]]
