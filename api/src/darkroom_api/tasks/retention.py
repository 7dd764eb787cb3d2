"""How long a task's files and its history are kept, and so until when."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from darkroom_api.tasks.queries import TaskRow


class Retention(BaseModel):
    """As the retention sweep is told; here it is only shown."""

    model_config = ConfigDict(frozen=True)

    outputs_seconds: int | None = Field(
        None,
        ge=0,
        description="After how long the retention sweep deletes a finished task's outputs and "
        "uploads; to be shown. Not set: never.",
    )
    history_seconds: int | None = Field(
        None,
        ge=0,
        description="After how long it deletes the task itself; to be shown. Not set: never.",
    )


def outputs_expire_at(row: TaskRow, retention: Retention) -> datetime | None:
    """Return when its files go, or went."""
    if row.outputs_deleted_at or not row.finished_at:
        return row.outputs_deleted_at
    ages = [a for a in (retention.outputs_seconds, retention.history_seconds) if a is not None]
    return row.finished_at + timedelta(seconds=min(ages)) if ages else None


def expires_at(row: TaskRow, retention: Retention) -> datetime | None:
    """Return when nothing of it is left."""
    if not row.finished_at or retention.history_seconds is None:
        return None
    return row.finished_at + timedelta(seconds=retention.history_seconds)
