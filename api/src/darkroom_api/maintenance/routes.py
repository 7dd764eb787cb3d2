"""The sweep and cleanups over HTTP: whoever has the storage's signing key may ask for it."""

from typing import Annotated, Final
from uuid import UUID

from darkroom_core.source import PREFIX
from darkroom_core.storage.signing import CLEANUP_PATH, SWEEP_PATH
from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from darkroom_api import errors, responses
from darkroom_api.deps import Bytes, Database
from darkroom_api.maintenance.cleanup import Cleaned, clean
from darkroom_api.maintenance.sweep import sweep
from darkroom_api.objects.signature import check_signature

router = APIRouter(prefix=SWEEP_PATH.rstrip("/"), tags=["maintenance"])
cleanup_router = APIRouter(prefix=CLEANUP_PATH.rstrip("/"), tags=["maintenance"])

_NEVER: Final = "never"


class SweptView(BaseModel):
    """What one call deleted."""

    objects: int = Field(description="Objects in storage.")
    rows: int = Field(description="Tasks of which nothing is left.")
    more: bool = Field(description="Whether there may be more: call again.")


Age = Annotated[
    str,
    Path(
        pattern=r"^([0-9]{1,9}|never)$",
        description="Seconds after the task's end, or never.",
        examples=["2592000", _NEVER],
    ),
]


@router.post(
    "/{outputs}/{history}",
    operation_id="sweep",
    dependencies=[Depends(check_signature)],
    responses=responses.of(
        errors.InvalidSignatureError, errors.InvalidError, errors.UnavailableError
    ),
)
async def post_sweep(outputs: Age, history: Age, pool: Database, storage: Bytes) -> SweptView:
    """Delete a batch of old outputs and uploads, and of old tasks with all that is theirs."""
    swept = await sweep(pool, storage, outputs_age=_seconds(outputs), history_age=_seconds(history))
    return SweptView(objects=swept.objects, rows=swept.rows, more=swept.is_more)


class CleanedView(BaseModel):
    """What one call removed."""

    removed: int = Field(description="Files that were removed from storage, or were to be there.")
    remaining: bool = Field(description="Whether there may be more: call again.")


Seconds = Annotated[int, Path(ge=3600, le=315_360_000, description="Age since the task's end.")]
Prefix = Annotated[
    str, Path(pattern=PREFIX, max_length=512, description="What a file's key begins with.")
]
_SIGNED: Final = responses.of(
    errors.InvalidSignatureError, errors.InvalidError, errors.UnavailableError
)


@cleanup_router.post(
    "/users/{owner}/{seconds}/{prefix:path}",
    operation_id="cleanUpUser",
    dependencies=[Depends(check_signature)],
    responses=_SIGNED,
)
async def post_cleanup_of_user(
    owner: UUID, seconds: Seconds, prefix: Prefix, pool: Database, storage: Bytes
) -> CleanedView:
    """Remove a batch of a user's old files."""
    return _view_of(await clean(pool, storage, owner=owner, age=seconds, prefix=prefix))


@cleanup_router.post(
    "/namespaces/{namespace}/{seconds}/{prefix:path}",
    operation_id="cleanUpNamespace",
    dependencies=[Depends(check_signature)],
    responses=_SIGNED,
)
async def post_cleanup_of_namespace(
    namespace: str, seconds: Seconds, prefix: Prefix, pool: Database, storage: Bytes
) -> CleanedView:
    """Remove a batch of the old files of a namespace's tasks."""
    return _view_of(await clean(pool, storage, namespace=namespace, age=seconds, prefix=prefix))


def _view_of(cleaned: Cleaned) -> CleanedView:
    return CleanedView(removed=cleaned.removed, remaining=cleaned.is_more)


def _seconds(age: str) -> int | None:
    return None if age == _NEVER else int(age)
