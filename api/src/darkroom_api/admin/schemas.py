"""What operators are shown."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from darkroom_core.task import Priority
from pydantic import BaseModel, Field


class QueueView(BaseModel):
    """The unfinished tasks of one pool and priority."""

    pool: str = Field(examples=["default"])
    priority: Priority
    waiting: int = Field(description="In Postgres alone: Kubernetes does not know of them yet.")
    submitted: int = Field(description="In the cluster, and not started.")
    running: int = Field(description="At work.")
    oldest_queued_at: datetime | None = Field(description="When the oldest that waits was made.")
    oldest_age_seconds: float | None = Field(description="How long that one has waited.")


class Queues(BaseModel):
    """All queues that are not empty."""

    data: list[QueueView]


class WorkerView(BaseModel):
    """A pod in which a processor is at work, or about to be."""

    pod: str
    node: str | None = Field(description="Null until Kubernetes has found one.")
    pool: str
    phase: str = Field(description="Kubernetes' word.", examples=["Running"])
    task: str | None = Field(description="The task's id; null if no row is known.")
    owner: UUID | None = Field(description="Whose task it is.")
    number: int = Field(description="The task's try.")
    created_at: datetime
    started_at: datetime | None
    age_seconds: float = Field(description="Since the pod was made.")


class NodeView(BaseModel):
    """A node, and how many processors are on it."""

    node: str
    workers: int


class Workers(BaseModel):
    """The processors that are in the cluster now."""

    data: list[WorkerView] = Field(description="The oldest first.")
    nodes: list[NodeView] = Field(description="By name.")
    pending: int = Field(description="Pods without a node.")


class ThroughputView(BaseModel):
    """One minute or hour."""

    at: datetime = Field(description="When it began.")
    created: int
    succeeded: int
    failed: int
    canceled: int
    expired: int


class Throughput(BaseModel):
    """What came in and what ended, the oldest period first; the last has not ended yet."""

    per: Literal["minute", "hour"]
    data: list[ThroughputView]


class FailureView(BaseModel):
    """Tasks that failed for one reason."""

    code: str = Field(description="The task's error.code.", examples=["corrupt_image"])
    pool: str
    count: int
    dead_lettered: int = Field(description="Of them, those that a replay may help.")
    last_at: datetime
    last_task: str = Field(description="The last one's id.")
    last_message: str | None


class Failures(BaseModel):
    """Reasons, the most frequent first."""

    hours: int
    data: list[FailureView]


class DeadLetterView(BaseModel):
    """A failed task that a replay may help, and that nobody has replayed."""

    id: str
    owner: UUID | None
    pool: str
    attempts: int
    code: str | None = Field(description="The task's error.code.")
    message: str | None
    created_at: datetime
    finished_at: datetime | None
    replay: str = Field(description="Where to POST to replay it.")


class DeadLetters(BaseModel):
    """A page, the newest first."""

    total: int = Field(description="All of them, on whatever page.")
    data: list[DeadLetterView]
    has_more: bool
    next_cursor: str | None


class UserStorageView(BaseModel):
    """What one user keeps in storage, as rows have it."""

    user: UUID | None = Field(description="Null: tasks that were written by hand with kubectl.")
    email: str | None
    tasks: int = Field(description="Tasks of which something is stored.")
    upload_bytes: int = Field(description="Of uploaded files; equal ones of one user count once.")
    output_bytes: int = Field(description="Of what tasks made.")


class StorageView(BaseModel):
    """Who uses how much, the most first."""

    backend: Literal["local", "s3"]
    upload_bytes: int = Field(description="Of the users that are listed.")
    output_bytes: int = Field(description="Of the users that are listed.")
    data: list[UserStorageView]


class LagView(BaseModel):
    """Seconds from a task's end until its row said so, of the tasks of the last hour."""

    tasks: int = Field(description="How many ended.")
    p50_seconds: float | None
    p99_seconds: float | None
    max_seconds: float | None


class MirrorView(BaseModel):
    """How far rows are behind the cluster, and the cluster behind rows."""

    lag: LagView
    cluster_answers: bool = Field(description="False: what follows of the cluster is unknown.")
    unrecorded: int | None = Field(description="Processors that ended, of which no row knows yet.")
    oldest_unrecorded_seconds: float | None = Field(description="How long ago the first ended.")
    oldest_unrecorded_task: str | None
    due: int = Field(description="Rows whose resource is to be made or deleted again by now.")
    oldest_due_seconds: float | None = Field(description="Since when the first has been due.")
