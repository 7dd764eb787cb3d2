"""The ProcessingTask resource: the user's wish (spec) and what came of it (status)."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from darkroom_core.conditions import Condition, State
from darkroom_core.recipe import MAX_OUTPUTS, Output
from darkroom_core.report import OutputReport, TaskError
from darkroom_core.schema import Document, rule

_ONE_SOURCE: Final = "source names exactly one of key and url"
_UNIQUE_NAMES: Final = "two outputs have the same name"


class TaskType(StrEnum):
    """What kind of work a task is."""

    IMAGE = "Image"


class Source(Document):
    """Where the picture comes from: a key in Darkroom's storage, or a URL."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [rule("has(self.key) != has(self.url)", _ONE_SOURCE)]
        }
    )

    key: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=512,
                pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$",
            ),
        ]
        | None
    ) = Field(
        None,
        description="The key of an object in Darkroom's storage: parts of letters, digits, dots, "
        "hyphens and underscores with slashes between them; no part starts with a dot.",
        examples=["uploads/task-0193"],
    )
    url: (
        Annotated[str, Field(max_length=2048, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$")] | None
    ) = Field(
        None,
        description="An http or https URL. The processor fetches it, and reaches public addresses "
        "only, unless the operator allows more.",
        examples=["https://example.com/photo.jpg"],
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.key is None) == (self.url is None):
            raise ValueError(_ONE_SOURCE)
        return self


_IMMUTABLE: Final = ("type", "source", "outputs", "retries", "deadlineSeconds")


class TaskSpec(Document):
    """What is wished for. Only ttlSecondsAfterFinished may be changed later."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    f"self.{name} == oldSelf.{name}",
                    f"{name} cannot be changed once the task exists; make a new task",
                )
                for name in _IMMUTABLE
            ]
        }
    )

    type: TaskType = Field(TaskType.IMAGE, description="The kind of work. Image is the only one.")
    source: Source = Field(description="Where the picture comes from.")
    outputs: Annotated[list[Output], Field(min_length=1, max_length=MAX_OUTPUTS)] = Field(
        description="The files to make, 1 to 64, all from one decoding of the source.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    retries: Annotated[int, Field(ge=0, le=10)] = Field(
        2,
        description="How often the task is tried again after a failure that may pass, 0 to 10. A "
        "source that can never succeed is not tried again.",
    )
    deadline_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        600,
        description="Seconds from the start of the Job until the task is given up, tries included.",
    )
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=2_592_000)] = Field(
        600,
        description="Seconds after its end until this resource is deleted. Its history stays in "
        "Postgres, its outputs in storage.",
    )

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        if len({output.name for output in self.outputs}) != len(self.outputs):
            raise ValueError(_UNIQUE_NAMES)
        return self


class TaskStatus(Document):
    """What came of it. Written by the operator alone."""

    observed_generation: int | None = Field(
        None,
        description="The generation of the spec that this status is about.",
        json_schema_extra={"format": "int64"},
    )
    state: State | None = Field(
        None,
        description="A summary of the conditions, for columns and field selectors: queued, "
        "running, succeeded, failed, canceled or expired.",
    )
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=8,
        description="Ready, Reconciling, Stalled and Succeeded, each with a reason and a message.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    attempts: int = Field(0, description="How often a processor was started for this task.")
    job: str | None = Field(None, description="The name of the task's Job.", max_length=63)
    started_at: AwareDatetime | None = Field(None, description="When the first processor started.")
    finished_at: AwareDatetime | None = Field(None, description="When the task ended.")
    outputs: list[OutputReport] = Field(
        default_factory=list,
        max_length=MAX_OUTPUTS,
        description="The files that were made, once the task succeeded.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    error: TaskError | None = Field(None, description="Why the task failed.")


class Metadata(Document):
    """The part of the object's metadata that Darkroom reads."""

    model_config = ConfigDict(extra="ignore")

    name: str
    namespace: str
    uid: str
    generation: int = 1
    creation_timestamp: AwareDatetime
    deletion_timestamp: AwareDatetime | None = None
    labels: dict[str, str] = Field(default_factory=dict)


class ProcessingTask(Document):
    """A task, as the API server has it."""

    model_config = ConfigDict(extra="ignore")

    metadata: Metadata
    spec: TaskSpec
    status: TaskStatus = TaskStatus()
