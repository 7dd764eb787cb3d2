"""A schedule's status, folded from what is done and what was said before."""

from datetime import datetime
from typing import Any, Final

from darkroom_core.conditions import Reason, conditions_of_owner
from darkroom_core.schedule import ScheduleStatus

from darkroom_operator.schedules.schedule import Schedule

_LONGEST_MESSAGE: Final = 2048
_LONGEST_LIST: Final = 100


def status_of(  # noqa: PLR0913  # a table row, not a sequence of steps
    schedule: Schedule,
    reason: Reason,
    message: str,
    now: datetime,
    *,
    active: list[str],
    next_time: datetime | None = None,
    **dealt: Any,  # noqa: ANN401  # fields of the status that change when a time is dealt with
) -> ScheduleStatus:
    """Fold this into the status that the schedule should have."""
    return schedule.status.model_copy(
        update={
            "observed_generation": schedule.metadata.generation,
            "next_schedule_time": next_time,
            "active": active[-_LONGEST_LIST:],
            "conditions": conditions_of_owner(
                reason,
                message[:_LONGEST_MESSAGE],
                generation=schedule.metadata.generation,
                previous=schedule.status.conditions,
                now=now,
            ),
            **dealt,
        }
    )


def unsuccessful(
    schedule: Schedule, error: str, now: datetime, *, active: list[str], due: datetime
) -> ScheduleStatus:
    """Return the status while a time cannot be dealt with: it is still the next one."""
    message = f"Nothing could be done for {said(due)} yet, and it is tried again: {error}"
    return status_of(schedule, Reason.ACTIVE, message, now, active=active, next_time=due)


def said(time: datetime) -> str:
    """Return a time as messages have it: in UTC, to the minute."""
    return time.strftime("%Y-%m-%dT%H:%MZ")


def last_message(schedule: Schedule) -> str:
    """Return what was said about the last time, if the spec has not changed since."""
    if schedule.status.observed_generation == schedule.metadata.generation:
        for condition in schedule.status.conditions:
            if condition.type == "Ready" and condition.reason is Reason.ACTIVE:
                return condition.message
    return "It waits for its next time."
