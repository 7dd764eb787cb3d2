"""Uploads as REST shows them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class UploadRequest(BaseModel):
    """A file that is to come."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "filename": "photo.jpg",
                    "content_type": "image/jpeg",
                    "task": {"outputs": [{"name": "thumb", "format": "webp"}]},
                }
            ]
        },
    )

    filename: str | None = Field(None, max_length=255, pattern=r"^[^\x00-\x1f\x7f/\\]*$")
    content_type: str | None = Field(
        None,
        max_length=100,
        pattern=r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$",
        description="What it is. The bytes have to be that.",
    )
    size: int | None = Field(
        None, ge=1, le=2**53, description="Its length in bytes, if it is known."
    )
    sha256: Sha256 | None = Field(None, description="In hexadecimal, if it is known.")
    task: dict[str, Any] | None = Field(
        None, description="What to make of it: as in POST /v1/tasks, without a source."
    )
    tasks: list[dict[str, Any]] = Field(
        [], max_length=16, description="Or several tasks of the same file."
    )


class UploadError(BaseModel):
    """Why a file was refused."""

    code: str
    detail: str


class UploadUrls(BaseModel):
    """Where to go on."""

    self: str
    complete: str
    cancel: str


class UploadView(BaseModel):
    """A file that is to come, or has come."""

    id: str = Field(examples=["upload-0193c2a1b2c37d4e8f90a1b2c3d4e5f6"])
    status: Literal["awaiting_upload", "completed", "failed", "canceled", "expired"]
    method: str | None = Field(None, description="How the bytes are sent, while they are awaited.")
    url: str | None = Field(None, description="Where to; it needs no credentials.")
    headers: dict[str, str] = Field({}, description="And with which headers.")
    expires_at: datetime = Field(description="Until when they are awaited.")
    filename: str | None
    content_type: str | None = Field(description="As declared; once it is there, what it is.")
    size: int | None
    received: int = Field(description="How many bytes have come, as far as is known.")
    sha256: str | None
    width: int | None = None
    height: int | None = None
    key: str | None = Field(
        None, description="Once it is there: `source.key` of tasks. Equal files have the same."
    )
    tasks: list[str] = Field(description="The ids of the tasks that began with it.")
    error: UploadError | None
    created_at: datetime
    finished_at: datetime | None
    urls: UploadUrls
