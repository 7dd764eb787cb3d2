"""The ProcessingTask resource: the user's wish (spec) and what came of it (status)."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AwareDatetime, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from darkroom_core import names
from darkroom_core.conditions import CONDITIONS, Condition, Reason, State
from darkroom_core.laws import OUTPUT_LAWS, TASK_LAWS, checked, rules_of
from darkroom_core.recipe import MAX_FILES, MAX_OUTPUTS, Output
from darkroom_core.report import OutputReport, SourceReport, TaskError
from darkroom_core.schema import DNS_LABEL, Document, rule
from darkroom_core.source import MAX_SOURCES, PREFIX, NamedSource, Source
from darkroom_core.vocabulary import TaskType


class Priority(StrEnum):
    """Which tasks of a pool start first. Waiting raises a task, so that Low is never starved."""

    CRITICAL = "Critical"
    DEFAULT = "Default"
    LOW = "Low"


class Backoff(Document):
    """How long a failed task waits for its next try: twice as long each time, up to a limit."""

    initial_seconds: Annotated[int, Field(ge=0, le=3600)] = Field(
        10, description="Seconds between the first failure and the second try."
    )
    max_seconds: Annotated[int, Field(ge=0, le=86_400)] = Field(
        300, description="Longest wait between two tries, in seconds."
    )


class Cleanup(Document):
    """Which stored files a task of type Cleanup removes."""

    prefix: Annotated[str, Field(max_length=512, pattern=PREFIX)] = Field(
        "",
        description="Only files whose key begins so, for example uploads/; without it all that the "
        "task may touch.",
    )
    older_than_seconds: Annotated[int, Field(ge=3600, le=315_360_000)] = Field(
        description="Only files of tasks that ended longer ago than this.", examples=[604800]
    )


_IMMUTABLE: Final = (
    "type", "outputs", "pool", "priority", "retries", "backoff", "deadlineSeconds",
)  # fmt: skip
_IMMUTABLE_OPTIONAL: Final = ("source", "sources", "recipe", "cleanup", "queueName", "origin")


def _immutable(name: str, *, is_optional: bool = False) -> JsonDict:
    """Return the rule that a field keeps its value, absence included."""
    expression = f"self.{name} == oldSelf.{name}"
    if is_optional:
        both = f"has(self.{name}) == has(oldSelf.{name})"
        expression = f"{both} && (!has(self.{name}) || {expression})"
    return rule(expression, f"{name} cannot be changed once the task exists; make a new task")


class TaskSpec(Document):
    """What is wished for. Only suspend and ttlSecondsAfterFinished may be changed later."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                *rules_of(*TASK_LAWS, *OUTPUT_LAWS),
                *(_immutable(name) for name in _IMMUTABLE),
                *(_immutable(name, is_optional=True) for name in _IMMUTABLE_OPTIONAL),
            ]
        }
    )

    type: TaskType = Field(
        TaskType.IMAGE,
        description="The kind of work: Image, Inspect (tell the facts of a file), Video, Report (a "
        "PDF of many pictures), Export (tables or a ZIP) or Cleanup.",
    )
    source: Source | None = Field(None, description="Where the file comes from.")
    sources: Annotated[list[NamedSource], Field(min_length=1, max_length=MAX_SOURCES)] | None = (
        Field(
            None,
            description="Where the files of a Report, or of a ZIP, come from.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        )
    )
    outputs: Annotated[list[Output], Field(max_length=MAX_OUTPUTS)] = Field(
        default_factory=list,
        description="The files to make, up to 64, all from one decoding of the source.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            # The rules speak of the outputs of every task.
            "default": [],
        },
    )
    recipe: Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)] | None = Field(
        None,
        description="Instead of outputs: the ProcessingRecipe in the same namespace that has them.",
    )
    cleanup: Cleanup | None = Field(None, description="What a task of type Cleanup removes.")
    pool: Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)] = Field(
        names.DEFAULT_POOL,
        description="The ProcessorPool in whose turn and on whose terms it runs. There is always "
        "one called default.",
    )
    priority: Priority = Field(
        Priority.DEFAULT,
        description="Which tasks of the pool start first: Critical, Default or Low. A task that "
        "waits rises, so that Low is never starved.",
    )
    queue_name: Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)] | None = (
        Field(
            None,
            description="A Kueue LocalQueue. Its Job is created suspended and Kueue lets it start; "
            "the pool's replicas do not count it.",
        )
    )
    suspend: bool = Field(
        default=False,
        description="While true no try is started; one that is under way ends by itself.",
    )
    origin: Annotated[str, Field(min_length=1, max_length=253)] | None = Field(
        None, description="The failed task that this one replays."
    )
    retries: Annotated[int, Field(ge=0, le=10)] = Field(
        2,
        description="How often the task is tried again after a failure that may pass, 0 to 10. A "
        "source that can never succeed is not tried again.",
    )
    backoff: Backoff = Field(Backoff(), description="How long it waits between two tries.")
    deadline_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        600,
        description="Seconds from the first Job until the task is given up, all tries and the "
        "time between them included.",
    )
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=2_592_000)] = Field(
        600,
        description="Seconds after its end until this resource is deleted. Its history stays in "
        "Postgres, its outputs in storage.",
    )

    @model_validator(mode="after")
    def _keeps_the_laws(self) -> Self:
        checked(self, (*TASK_LAWS, *OUTPUT_LAWS))
        return self


class Try(Document):
    """One processor that was started for the task: a pod."""

    number: int = Field(description="1 for the first. Tries that a disruption ended share one.")
    pod: str = Field(description="The pod's name.", max_length=253)
    job: str = Field(description="The Job's name.", max_length=63)
    node: str | None = Field(None, description="The node it ran on.", max_length=253)
    started_at: AwareDatetime | None = Field(None, description="When the processor started.")
    finished_at: AwareDatetime | None = Field(None, description="When it ended.")
    exit_code: int | None = Field(None, description="How the processor ended; 0 is success.")
    disrupted: bool = Field(
        default=False, description="Whether its node's drain or loss ended it: it does not count."
    )
    error: TaskError | None = Field(None, description="Why it failed.")


MAX_TRIES: Final = 24
"""Most tries that a status lists; of more than that the oldest disrupted ones are left out."""


class UsedRecipe(Document):
    """The recipe that a task was started with: later changes of it do not concern the task."""

    name: str = Field(description="The ProcessingRecipe's name.", max_length=63)
    generation: int = Field(
        description="Which version of it.", json_schema_extra={"format": "int64"}
    )
    outputs: list[Output] = Field(
        max_length=MAX_OUTPUTS,
        description="Its outputs, as they were then.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


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
    tries: list[Try] = Field(
        default_factory=list,
        max_length=MAX_TRIES,
        description="Each processor that was started for it, the oldest first.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["pod"]},
    )
    next_try_at: AwareDatetime | None = Field(
        None, description="After a failure: when the next try may start."
    )
    job: str | None = Field(None, description="The name of its newest Job.", max_length=63)
    started_at: AwareDatetime | None = Field(None, description="When the first processor started.")
    finished_at: AwareDatetime | None = Field(None, description="When the task ended.")
    recipe: UsedRecipe | None = Field(
        None, description="Of a task that names a recipe: what it said when the task was started."
    )
    source: SourceReport | None = Field(
        None, description="What the source is, once the task succeeded."
    )
    outputs: list[OutputReport] = Field(
        default_factory=list,
        max_length=MAX_FILES,
        description="The files that were made, once the task succeeded.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    error: TaskError | None = Field(None, description="Why the task failed.")
    dead_lettered: bool = Field(
        default=False,
        description="Whether every try failed, or time ran out: a replay may succeed.",
    )
    replayed: str | None = Field(
        None,
        description="The value of the annotation darkroom.dev/replay that was carried out last.",
        max_length=253,
    )


DEFAULT_STATUS: Final[JsonDict] = {
    "state": State.QUEUED.value,
    "conditions": [
        {
            "type": type_,
            "status": status,
            "reason": Reason.PENDING.value,
            "message": "Nothing is known yet.",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
            "observedGeneration": 0,
        }
        for type_, status in CONDITIONS[State.QUEUED].items()
    ],
}
"""What the API server shows before the operator has written anything (as Gateway API does it).

A task that starts at once needs no write to say that it was queued.
"""


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
    annotations: dict[str, str] = Field(default_factory=dict)


class ProcessingTask(Document):
    """A task, as the API server has it."""

    model_config = ConfigDict(extra="ignore")

    metadata: Metadata
    spec: TaskSpec
    status: TaskStatus = TaskStatus()
