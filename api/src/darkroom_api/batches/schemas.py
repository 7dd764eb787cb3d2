"""What the batch endpoints take and give."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from darkroom_core.conditions import State
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from darkroom_api.tasks.metadata import Metadata

MOST_TASKS: Final = 200

# Its schema is the resource's, which openapi.py adds; what is wrong with it is told with its place.
TaskDocument = Annotated[
    dict[str, Any], WithJsonSchema({"$ref": "#/components/schemas/TaskRequest"})
]


class BatchRequest(BaseModel):
    """Tasks to make, all or none."""

    model_config = ConfigDict(extra="forbid")

    tasks: list[TaskDocument] = Field(
        min_length=1, max_length=MOST_TASKS, description="Each as for POST /v1/tasks."
    )
    metadata: Metadata = Field(
        default={}, description="Of the batch: each task has its own.", examples=[{"order": "42"}]
    )


class BatchUrls(BaseModel):
    """Where to go from here."""

    self: str
    tasks: str
    cancel: str


class BatchView(BaseModel):
    """A batch."""

    id: str = Field(examples=["batch-019aac1be8f27a70b6b1c9a1f2d3e4f5"])
    object: Literal["batch"] = "batch"
    status: Literal["running", "finished"] = Field(
        description="Finished once every task has ended, however it did."
    )
    progress: int = Field(description="Percent of all its tasks.", ge=0, le=100)
    counts: dict[State, int] = Field(
        description="How many tasks are in each state; of one that was tried again, the last.",
        examples=[{"running": 1, "succeeded": 9}],
    )
    tasks: list[str] = Field(description="Ids of its tasks, in the order of the request.")
    metadata: dict[str, str]
    created_at: datetime
    finished_at: datetime | None
    urls: BatchUrls
    owner: UUID


class BatchPage(BaseModel):
    """Some batches, newest first."""

    object: Literal["list"] = "list"
    data: list[BatchView]
    has_more: bool
    next_cursor: str | None = Field(description="Give it as `cursor` to get what follows.")
