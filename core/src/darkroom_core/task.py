"""The ProcessingTask resource: the user's wish (spec) and what came of it (status)."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Final, NamedTuple, Self

from pydantic import AwareDatetime, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from darkroom_core import names
from darkroom_core.conditions import CONDITIONS, Condition, Reason, State
from darkroom_core.recipe import MAX_FILES, MAX_OUTPUTS, Output, all_files
from darkroom_core.report import OutputReport, SourceReport, TaskError
from darkroom_core.schema import DNS_LABEL, Document, rule
from darkroom_core.source import MAX_SOURCES, NamedSource, Source
from darkroom_core.vocabulary import TABLES, Format, TaskType

_UNIQUE_NAMES: Final = "two outputs make a file of the same name"
_TOO_MANY_FILES: Final = f"the outputs make more than {MAX_FILES} files together"


class _Law(NamedTuple):
    """What has to hold for a whole spec: in CEL, and in Python."""

    message: str
    expression: str
    holds: Callable[["TaskSpec"], bool]


_LAWS: Final = (
    _Law(
        "a task of type Image, Inspect or Video has a source, and no sources",
        "!(self.type in ['Image', 'Inspect', 'Video']) || "
        "(has(self.source) && !has(self.sources))",
        lambda spec: spec.type not in {TaskType.IMAGE, TaskType.INSPECT, TaskType.VIDEO}
        or (spec.source is not None and spec.sources is None),
    ),
    _Law(
        "a task of type Report has sources, and no source",
        "self.type != 'Report' || (has(self.sources) && !has(self.source))",
        lambda spec: spec.type is not TaskType.REPORT
        or (spec.sources is not None and spec.source is None),
    ),
    _Law(
        "a task of type Export has a source of JSON lines, or the sources of a ZIP",
        "self.type != 'Export' || has(self.source) != has(self.sources)",
        lambda spec: spec.type is not TaskType.EXPORT
        or (spec.source is None) != (spec.sources is None),
    ),
    _Law(
        "cleanup goes with type Cleanup, which has neither source nor sources",
        "(self.type == 'Cleanup') == has(self.cleanup) && "
        "(self.type != 'Cleanup' || !(has(self.source) || has(self.sources)))",
        lambda spec: (spec.type is TaskType.CLEANUP) == (spec.cleanup is not None)
        and (spec.type is not TaskType.CLEANUP or (spec.source is None and spec.sources is None)),
    ),
    _Law(
        "a task has outputs or a recipe; one of type Inspect or Cleanup has neither",
        "self.type in ['Inspect', 'Cleanup'] ? size(self.outputs) == 0 && !has(self.recipe) : "
        "(size(self.outputs) > 0) != has(self.recipe)",
        lambda spec: (
            not spec.outputs and spec.recipe is None
            if spec.type in {TaskType.INSPECT, TaskType.CLEANUP}
            else bool(spec.outputs) != (spec.recipe is not None)
        ),
    ),
    _Law(
        "each output of a task of type Video says by video what it is, and no other does",
        "self.outputs.all(o, has(o.video) == (self.type == 'Video'))",
        lambda spec: all(
            (o.video is not None) == (spec.type is TaskType.VIDEO) for o in spec.outputs
        ),
    ),
    _Law(
        "the outputs of a task of type Report are pdf, and only they have pages",
        "self.outputs.all(o, self.type == 'Report' ? o.format == 'pdf' : !has(o.pages))",
        lambda spec: all(
            o.format is Format.PDF if spec.type is TaskType.REPORT else o.pages is None
            for o in spec.outputs
        ),
    ),
    _Law(
        "csv, xlsx, parquet and zip are for tasks of type Export, zip for those with sources",
        "self.outputs.all(o, (o.format in ['csv', 'xlsx', 'parquet', 'zip']) == "
        "(self.type == 'Export') && (self.type == 'Export' ? "
        "(o.format == 'zip') == has(self.sources) : !has(o.table)))",
        lambda spec: all(_suits_export(spec, o) for o in spec.outputs),
    ),
    _Law(
        _TOO_MANY_FILES,
        "self.outputs.map(o, has(o.responsive) ? "
        "size(o.responsive.widths) * size(o.responsive.formats) + 1 : "
        "!has(o.video) ? 1 : has(o.video.thumbnails) ? o.video.thumbnails.frames : "
        f"has(o.video.storyboard) ? 2 : 1).sum() <= {MAX_FILES}",
        lambda spec: len(all_files(spec.outputs)) <= MAX_FILES,
    ),
)  # fmt: skip


def _suits_export(spec: "TaskSpec", output: Output) -> bool:
    if spec.type is not TaskType.EXPORT:
        return output.format not in TABLES and output.table is None
    return output.format in TABLES and (output.format is Format.ZIP) == (spec.sources is not None)


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

    prefix: Annotated[str, Field(max_length=512)] = Field(
        "", description="Only files whose key begins so; without it all that the task may touch."
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
                *(rule(law.expression, law.message) for law in _LAWS),
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
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
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
        for law in _LAWS:
            if not law.holds(self):
                raise ValueError(law.message)
        names_ = [file.name for file in all_files(self.outputs)]
        if len(set(names_)) != len(names_):
            raise ValueError(_UNIQUE_NAMES)
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
