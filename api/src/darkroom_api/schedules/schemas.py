"""What the endpoints of schedules take and give."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from darkroom_core.schedule import ConcurrencyPolicy
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
Line = Annotated[str, Field(min_length=9, max_length=128)]
Zone = Annotated[str, Field(min_length=1, max_length=64)]
Deadline = Annotated[int, Field(ge=10, le=604_800)]


class NewSchedule(BaseModel):
    """A schedule to make. The fields are those of the resource."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    name: Name = Field(description="For people.", examples=["front page, nightly"])
    schedule: Line = Field(
        description="A cron line of five fields, in the time zone.", examples=["30 3 * * *"]
    )
    time_zone: Zone = Field("Etc/UTC", description="An IANA name.", examples=["Europe/Berlin"])
    suspend: bool = Field(default=False, description="Whether nothing is started for now.")
    concurrency_policy: ConcurrencyPolicy = Field(
        ConcurrencyPolicy.ALLOW,
        description="What happens while tasks of earlier times have not ended.",
    )
    starting_deadline_seconds: Deadline | None = Field(
        None, description="How late a task may be started that was missed; if not said: any time."
    )
    task: dict[str, Any] = Field(
        description="The task to make each time, as POST /v1/tasks takes it as JSON, without "
        "metadata, webhook and cancelAfterSeconds.",
        examples=[
            {
                "source": {"url": "https://example.com/front.jpg"},
                "outputs": [{"name": "thumb", "format": "webp"}],
            }
        ],
    )


class ScheduleChange(BaseModel):
    """What may be changed; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    name: Name | None = None
    schedule: Line | None = None
    time_zone: Zone | None = None
    suspend: bool | None = Field(None, examples=[True])
    concurrency_policy: ConcurrencyPolicy | None = None
    starting_deadline_seconds: Deadline | None = None
    task: dict[str, Any] | None = None


class ScheduleView(BaseModel):
    """A schedule."""

    id: str = Field(examples=["schedule-019aac1be8f27a70b6b1c9a1f2d3e4f5"])
    object: Literal["schedule"] = "schedule"
    name: str
    schedule: str
    time_zone: str
    suspend: bool
    concurrency_policy: str
    starting_deadline_seconds: int | None
    task: dict[str, Any] = Field(description="The task that it makes each time.")
    created_at: datetime | None
    next_run_at: datetime | None = Field(description="Null while it is suspended, or not known.")
    last_run_at: datetime | None = Field(description="The last time that was dealt with.")
    last_task: str | None = Field(description="The name of the resource that it made last.")
    active: list[str] = Field(description="Names of its resources that have not ended.")
    ready: bool | None = Field(
        description="Whether it can be carried out; null until the operator has looked at it."
    )
    message: str | None = Field(description="What the last time came to, or what is wrong.")
    owner: UUID | None = Field(description="Whose it is; null if it was written by hand.")


class ScheduleList(BaseModel):
    """All schedules, the newest first."""

    object: Literal["list"] = "list"
    data: list[ScheduleView]
