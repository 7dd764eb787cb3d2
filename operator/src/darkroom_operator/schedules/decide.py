"""What to do about a schedule: a plan, made from what was observed and nothing else.

The memory is status.lastScheduleTime, written after the work was done. A crash in between repeats
a sweep, which finds nothing, or creates a task under a name that is taken. Only where the operator
stays away until that task has ended and its TTL is over would it be made a second time.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from darkroom_core.conditions import Reason
from darkroom_core.schedule import ScheduleSpec, ScheduleStatus

from darkroom_operator.schedules.history import surplus
from darkroom_operator.schedules.schedule import Schedule
from darkroom_operator.schedules.status import last_message, status_of
from darkroom_operator.schedules.times import BadTimesError, Times, read_times
from darkroom_operator.schedules.turn import Turn, dealt_with, is_unfinished, turn_of
from darkroom_operator.task import Task

_LONGEST_WAIT: Final = timedelta(minutes=5)

_VISIBLE: Final = timedelta(seconds=30)
"""How long after its time a task may be missing from what a watch shows."""

_RECORDING: Final = timedelta(seconds=10)
"""How long to wait for Postgres before a task is deleted."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What is there beside the schedule itself."""

    tasks: Sequence[Task] = ()
    """Its tasks."""
    recorded: Collection[str] = ()
    """The UIDs of those whose end is in Postgres."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: delete, then the turn, then write the status."""

    delete: tuple[Task, ...] = ()
    turn: Turn | None = None
    status: ScheduleStatus | None = None
    """The status to have when all of it is done."""
    active: list[str] = field(default_factory=list)
    """The tasks that have not ended, without the turn's own."""
    requeue_after: float | None = None
    """Seconds after which to look again although nothing may have happened."""


def decide(schedule: Schedule, observed: Observed, now: datetime) -> Plan:
    """Plan what the schedule says; `now` in whole seconds."""
    if schedule.is_leaving:
        return Plan()
    spec = schedule.spec
    if spec is None:
        return _rest(schedule, observed, Reason.INVALID, schedule.problem, now)
    try:
        times = read_times(spec.schedule, spec.time_zone)
    except BadTimesError as error:
        return _rest(schedule, observed, Reason.INVALID, str(error), now)
    if spec.suspend:
        message = "Nothing is started while spec.suspend is true."
        return _rest(schedule, observed, Reason.SUSPENDED, message, now)
    return _go_on(schedule, spec, times, observed, now)


def _rest(
    schedule: Schedule, observed: Observed, reason: Reason, message: str, now: datetime
) -> Plan:
    active = _active(schedule, observed.tasks, now)
    delete, again = _tidy(schedule.spec, observed)
    status = status_of(schedule, reason, message, now, active=active)
    return Plan(delete, status=status, active=active, requeue_after=_seconds(again))


def _go_on(
    schedule: Schedule, spec: ScheduleSpec, times: Times, observed: Observed, now: datetime
) -> Plan:
    turn = turn_of(schedule, spec, times, observed.tasks, now)
    delete, again = _tidy(spec, observed)
    done = turn.time if turn else dealt_with(schedule)
    next_time = times.after(max(now, done))
    canceled = {task.metadata.name for task in turn.cancel} if turn else set()
    active = [name for name in _active(schedule, observed.tasks, now) if name not in canceled]
    made = turn.task if turn else None
    status = status_of(
        schedule,
        Reason.ACTIVE,
        turn.message if turn else last_message(schedule),
        now,
        active=active if made is None or made in active else [*active, made],
        next_time=next_time,
        last_schedule_time=turn.time if turn else schedule.status.last_schedule_time,
        last_task=made or schedule.status.last_task,
    )
    waits = [again, _LONGEST_WAIT, next_time - now if next_time else None]
    return Plan(delete, turn, status, active, _seconds(*waits))


def _active(schedule: Schedule, tasks: Sequence[Task], now: datetime) -> list[str]:
    """Return the names of its tasks that have not ended, the oldest first."""
    unfinished = sorted(
        (task for task in tasks if is_unfinished(task)),
        key=lambda task: (task.metadata.creation_timestamp, task.metadata.name),
    )
    names = [task.metadata.name for task in unfinished]
    status = schedule.status
    is_unseen = status.last_task in status.active and not any(
        task.metadata.name == status.last_task for task in tasks
    )
    if is_unseen and status.last_task and now - dealt_with(schedule) < _VISIBLE:
        names.append(status.last_task)
    return names


def _tidy(
    spec: ScheduleSpec | None, observed: Observed
) -> tuple[tuple[Task, ...], timedelta | None]:
    """Return what to delete for the history limits, and when to look again at what must wait."""
    if spec is None:
        return (), None
    above = surplus(spec, observed.tasks)
    delete = tuple(task for task in above if task.uid in observed.recorded)
    return delete, _RECORDING if len(delete) < len(above) else None


def _seconds(*waits: timedelta | None) -> float | None:
    return min((wait.total_seconds() for wait in waits if wait is not None), default=None)
