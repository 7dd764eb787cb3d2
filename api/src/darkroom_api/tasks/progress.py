"""Progress, posted by processors over a signed URL."""

from http import HTTPStatus
from typing import Annotated

from darkroom_core.storage.signing import PROGRESS_PATH
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from darkroom_api import errors, responses
from darkroom_api.deps import Database
from darkroom_api.objects.signature import check_signature
from darkroom_api.tasks import queries

router = APIRouter(prefix=PROGRESS_PATH.rstrip("/"), tags=["processors"])


class Progress(BaseModel):
    """How far a processor has come."""

    model_config = ConfigDict(extra="forbid")

    percent: Annotated[int, Field(ge=0, le=100)]


@router.post(
    "/{task_uid}",
    operation_id="postProgress",
    status_code=HTTPStatus.NO_CONTENT,
    dependencies=[Depends(check_signature)],
    responses=responses.of(
        errors.InvalidSignatureError, errors.InvalidError, errors.UnavailableError
    ),
)
async def post_progress(task_uid: str, progress: Progress, pool: Database) -> None:
    """Note how far the task is. It never goes back, and is ignored once the task has ended."""
    async with pool.connection() as connection:
        await queries.set_progress(connection, uid=task_uid, percent=progress.percent)
