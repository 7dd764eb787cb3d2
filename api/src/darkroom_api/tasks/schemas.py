"""What the task endpoints give. What they take is the resource's own spec (darkroom_core)."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from darkroom_core.conditions import State
from darkroom_core.task import Priority
from darkroom_core.vocabulary import TaskType
from pydantic import BaseModel, Field


class SourceView(BaseModel):
    """Where the file came from, and what it is: all its facts are at the task's urls.facts."""

    filename: str | None = Field(description="Of an upload: the name that the client gave it.")
    bytes: int | None = Field(
        description="Its size: of an upload at once, else once the task succeeded."
    )
    url: str | None = Field(description="Of a task made from a URL.")
    key: str | None = Field(
        description="Its key in storage, which may be the source of another of your tasks."
    )
    format: str | None = Field(description="Its format by its content, once the task succeeded.")
    width: int | None = Field(description="In pixels, as it is stored.")
    height: int | None = Field(description="In pixels, as it is stored.")
    sha256: str | None = Field(description="Its SHA-256.")
    orientation: int | None = Field(description="EXIF orientation; 1 is upright.")
    has_alpha: bool | None = Field(description="Whether anything may be transparent.")
    frames: int | None = Field(description="Frames, or pages.")
    duration_seconds: float | None = Field(description="Of a moving source: its length.")


class NamedSourceView(BaseModel):
    """One of the sources of a report, or of a ZIP."""

    key: str | None
    url: str | None
    caption: str


class OutputView(BaseModel):
    """One file that was wished for, and what is known of it. A set is one for each of its files."""

    name: str
    output: str = Field(description="The output that it is a file of; of a single one, its name.")
    format: str = Field(examples=["webp"])
    operations: list[dict[str, Any]] = Field(description="The steps, as they were sent.")
    width: int | None = Field(description="In pixels, once the task has succeeded.")
    height: int | None = Field(description="In pixels, once the task has succeeded.")
    bytes: int | None = Field(description="Size, once the task has succeeded.")
    sha256: str | None = Field(description="SHA-256, once the task has succeeded.")
    key: str | None = Field(
        description="Its key in storage, which may be the source of another of your tasks."
    )
    url: str = Field(description="Where it is downloaded from, once the task has succeeded.")


class ErrorView(BaseModel):
    """Why the task failed."""

    code: str = Field(description="A stable word for programs.", examples=["corrupt_image"])
    message: str = Field(description="A sentence for people.")
    retryable: bool = Field(description="Whether the same task could succeed at another time.")


class TryView(BaseModel):
    """One processor that was started for the task."""

    number: int = Field(description="1 for the first. Tries that a disruption ended share one.")
    pod: str
    job: str
    node: str | None
    started_at: datetime | None
    finished_at: datetime | None
    exit_code: int | None = Field(description="How the processor ended; 0 is success.")
    disrupted: bool = Field(description="Whether its node's drain or loss ended it.")
    error: ErrorView | None = Field(description="Why it failed.")


class TaskUrls(BaseModel):
    """Where to go from here."""

    self: str
    cancel: str
    retry: str = Field(description="POST here to try what did not succeed again, as a new task.")
    replay: str = Field(description="The same for a dead letter.")
    events: str = Field(description="Follow it here, as server-sent events.")
    logs: str = Field(description="What its processor wrote.")
    result: str = Field(description="The file, if it makes one; else the archive.")
    archive: str = Field(description="A ZIP of all files that it makes.")
    share: str = Field(description="POST here for URLs that need no token.")
    facts: str = Field(description="All facts of sources and outputs, once the task succeeded.")
    outputs: dict[str, str] = Field(description="Downloads, by the file's name.")


class KubernetesView(BaseModel):
    """Where the task is found with kubectl."""

    namespace: str
    name: str
    uid: str | None = Field(description="Null until the resource exists.")
    job: str | None = Field(description="The name of its Job, once there is one.")


class TaskView(BaseModel):
    """A task."""

    id: str = Field(examples=["task-019aac1be8f27a70b6b1c9a1f2d3e4f5"])
    object: Literal["task"] = "task"
    type: TaskType
    status: State = Field(description="The last four are final.")
    progress: int = Field(description="Percent; best effort until it is 100.")
    reason: str | None = Field(
        description="Why it is where it is, in a word; null where there is nothing to say.",
        examples=["RetriesExhausted"],
    )
    message: str | None = Field(description="The same in a sentence.")
    pool: str = Field(description="The ProcessorPool in whose turn it runs.")
    priority: Priority
    attempts: int = Field(description="How often a processor was started for it.")
    tries: list[TryView] = Field(description="Each of these processors, the oldest first.")
    dead_lettered: bool = Field(
        description="Whether every try failed, or time ran out: a replay may succeed."
    )
    origin: str | None = Field(description="The task that this one tries again.")
    created_at: datetime
    submitted_at: datetime | None = Field(description="When its resource was created.")
    started_at: datetime | None = Field(description="When its first processor started.")
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    cancel_at: datetime | None = Field(
        description="When it is canceled if it has not ended by then: Cancel-After."
    )
    outputs_expire_at: datetime | None = Field(
        description="When its outputs and its upload are deleted, or were; null while that is not "
        "known, or never."
    )
    expires_at: datetime | None = Field(
        description="When the task itself is deleted; null while that is not known, or never."
    )
    metadata: dict[str, str] = Field(
        description="What was written on it, for your own use.", examples=[{"order": "42"}]
    )
    batch: str | None = Field(description="The batch that it was made in.")
    trace_id: str | None = Field(
        description="The trace that it is part of; null where nothing was traced.",
        examples=["4bf92f3577b34da6a3ce929d0e0e4736"],
    )
    source: SourceView
    sources: list[NamedSourceView] = Field(description="Of a report, or of a ZIP.")
    recipe: str | None = Field(description="The recipe that it named instead of outputs.")
    outputs: list[OutputView]
    error: ErrorView | None
    urls: TaskUrls
    kubernetes: KubernetesView
    owner: UUID | None = Field(description="Whose it is; null if it was written by hand.")


class TaskPage(BaseModel):
    """Some tasks, newest first."""

    object: Literal["list"] = "list"
    data: list[TaskView]
    has_more: bool
    next_cursor: str | None = Field(description="Give it as `cursor` to get what follows.")
