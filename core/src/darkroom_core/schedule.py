"""The ProcessingSchedule resource: tasks, or the retention sweep, at the times of a cron line."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from darkroom_core.conditions import Condition
from darkroom_core.schema import Document, rule
from darkroom_core.task import TaskSpec

_ONE_WORK: Final = "a schedule has exactly one of task and cleanup"


class ConcurrencyPolicy(StrEnum):
    """What to do when it is time and tasks of earlier times have not ended (as CronJob)."""

    ALLOW = "Allow"
    FORBID = "Forbid"
    REPLACE = "Replace"


class TaskTemplate(Document):
    """The task to make each time."""

    labels: dict[str, Annotated[str, Field(max_length=63)]] = Field(
        default_factory=dict, description="Labels that each task gets."
    )
    spec: TaskSpec = Field(description="The spec of each task.")


class Cleanup(Document):
    """What the retention sweep deletes: objects and rows of tasks that ended long enough ago."""

    outputs_after_seconds: Annotated[int, Field(ge=60)] | None = Field(
        None,
        description="Age from the task's end at which its source and outputs leave storage. "
        "Absent: never.",
    )
    history_after_seconds: Annotated[int, Field(ge=60)] | None = Field(
        None,
        description="Age at which its row leaves Postgres, and its outputs with it. Absent: never.",
    )


class ScheduleSpec(Document):
    """When, and what."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [rule("has(self.task) != has(self.cleanup)", _ONE_WORK)]
        }
    )

    schedule: Annotated[str, Field(min_length=9, max_length=128)] = Field(
        description="A cron line of five fields, in the time zone.", examples=["30 3 * * *"]
    )
    time_zone: Annotated[str, Field(max_length=64)] = Field(
        "Etc/UTC", description="The IANA name of the time zone.", examples=["Europe/Berlin"]
    )
    suspend: bool = Field(
        default=False,
        description="While true nothing is started; what is missed meanwhile is not made up for.",
    )
    concurrency_policy: ConcurrencyPolicy = Field(
        ConcurrencyPolicy.ALLOW,
        description="What happens while tasks of earlier times have not ended: Allow starts one "
        "more, Forbid skips this time, Replace deletes the earlier ones.",
    )
    starting_deadline_seconds: Annotated[int, Field(ge=10, le=604_800)] | None = Field(
        None,
        description="How late a task may be started that was missed. Absent: the last missed time "
        "is always made up for.",
    )
    successful_history_limit: Annotated[int, Field(ge=0, le=100)] = Field(
        3, description="How many of its succeeded tasks stay in the cluster, at most."
    )
    failed_history_limit: Annotated[int, Field(ge=0, le=100)] = Field(
        1, description="How many of its failed tasks stay in the cluster, at most."
    )
    task: TaskTemplate | None = Field(None, description="The task to make each time.")
    cleanup: Cleanup | None = Field(
        None, description="The retention sweep, carried out by the API. No task is made for it."
    )

    @model_validator(mode="after")
    def _is_one_work(self) -> Self:
        if (self.task is None) == (self.cleanup is None):
            raise ValueError(_ONE_WORK)
        return self


class Sweep(Document):
    """What a retention sweep did."""

    finished_at: AwareDatetime = Field(description="When it ended.")
    objects: int = Field(0, description="Objects that were deleted from storage.")
    rows: int = Field(0, description="Rows that were deleted from Postgres.")


class ScheduleStatus(Document):
    """What came of it. Written by the operator alone."""

    observed_generation: int | None = Field(
        None,
        description="The generation of the spec that this status is about.",
        json_schema_extra={"format": "int64"},
    )
    last_schedule_time: AwareDatetime | None = Field(
        None, description="The last time of the schedule that was dealt with."
    )
    next_schedule_time: AwareDatetime | None = Field(None, description="The next one.")
    active: Annotated[list[str], Field(max_length=100)] = Field(
        default_factory=list, description="Its tasks that have not ended."
    )
    last_task: str | None = Field(None, description="The task that it made last.", max_length=253)
    last_sweep: Sweep | None = Field(None, description="What the last retention sweep did.")
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=8,
        description="Ready: whether the schedule can be carried out.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )


class ProcessingSchedule(Document):
    """A schedule, as the API server has it."""

    model_config = ConfigDict(extra="ignore")

    spec: ScheduleSpec
    status: ScheduleStatus = ScheduleStatus()
