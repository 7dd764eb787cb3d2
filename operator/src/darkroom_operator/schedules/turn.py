"""What the time that has come comes to: a task, a sweep, or nothing and why.

Of the times that were missed only the last is made up for, as with a CronJob. Unlike a CronJob's,
a time that Forbid skips stays skipped when the earlier task ends; and a spec that was changed does
not make up for times that it would have had before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from darkroom_core.schedule import Cleanup, ConcurrencyPolicy, ScheduleSpec

from darkroom_operator.schedules.schedule import Schedule
from darkroom_operator.schedules.status import said
from darkroom_operator.schedules.task import task_for
from darkroom_operator.schedules.times import Times
from darkroom_operator.task import Task

_MANY: Final = 100


@dataclass(frozen=True, slots=True)
class Turn:
    """What a time comes to."""

    time: datetime
    message: str
    result: str = "skipped"
    """Or made, or swept."""
    cancel: tuple[Task, ...] = ()
    task: str | None = None
    create: dict[str, Any] | None = None
    """The task's manifest, unless it was made before."""
    sweep: Cleanup | None = None


def turn_of(
    schedule: Schedule, spec: ScheduleSpec, times: Times, tasks: Sequence[Task], now: datetime
) -> Turn | None:
    """Return what the last missed time comes to; earlier ones are not made up for."""
    since = dealt_with(schedule)
    time = times.last(since, now)
    if time is None:
        return None
    name = schedule.task_name(time)
    earlier = [task for task in tasks if is_unfinished(task) and task.metadata.name != name]
    if objection := _objection(schedule, spec, time, earlier, now):
        return Turn(time, objection)
    missed = _missed(times.count(since, now, most=_MANY + 1))
    if spec.task is None:
        return Turn(time, f"Swept for {said(time)}.{missed}", "swept", sweep=spec.cleanup)
    is_made = any(task.metadata.name == name for task in tasks)
    return Turn(
        time,
        f"Made {name} for {said(time)}.{missed}",
        "made",
        cancel=tuple(earlier) if spec.concurrency_policy is ConcurrencyPolicy.REPLACE else (),
        task=name,
        create=None if is_made else task_for(schedule, spec.task, time),
    )


def _objection(
    schedule: Schedule, spec: ScheduleSpec, time: datetime, earlier: list[Task], now: datetime
) -> str:
    """Return why nothing is done for this time, empty where nothing is in the way."""
    if _is_another_spec(schedule, now):
        return f"Nothing was done for {said(time)}: the spec was changed after that."
    deadline = spec.starting_deadline_seconds
    if deadline is not None and now - time > timedelta(seconds=deadline):
        return f"Missed {said(time)}: nothing could be started within {deadline} s."
    if spec.task and spec.concurrency_policy is ConcurrencyPolicy.FORBID and earlier:
        return f"Skipped {said(time)}: {earlier[0].metadata.name} had not ended."
    return ""


def _is_another_spec(schedule: Schedule, now: datetime) -> bool:
    """Whether the times up to now are those of a spec that nobody had announced yet.

    So it is after suspend or an error was taken away, and after the line was changed: what the new
    spec would have done in the past is not made up for. A time that the old one had announced is.
    """
    status = schedule.status
    if status.observed_generation in {None, schedule.metadata.generation}:
        return False
    return status.next_schedule_time is None or status.next_schedule_time > now


def dealt_with(schedule: Schedule) -> datetime:
    """Return the moment up to which everything is dealt with."""
    return schedule.status.last_schedule_time or schedule.metadata.creation_timestamp


def _missed(count: int) -> str:
    if count > _MANY:
        return (
            f" More than {_MANY} times were missed and only the last was made up for: was the "
            "operator away, or a clock wrong?"
        )
    return f" {count - 1} earlier missed and not made up for." if count > 1 else ""


def is_unfinished(task: Task) -> bool:
    """Whether something may still be done for it."""
    return not task.is_finished and not task.is_leaving
