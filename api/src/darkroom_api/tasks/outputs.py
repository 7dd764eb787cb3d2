"""What a task made, to download."""

from typing import Annotated, Any, Final

from anyio.to_thread import run_sync
from darkroom_core.conditions import State
from darkroom_core.facts import Facts
from darkroom_core.recipe import Format
from darkroom_core.storage import ObjectNotFoundError
from darkroom_core.vocabulary import TaskType
from fastapi import APIRouter, Depends, Request, Response

from darkroom_api import errors, responses
from darkroom_api.deps import Bytes, Database, Res, TaskReader
from darkroom_api.results.delivery import Download, Redirect, delivered
from darkroom_api.results.links import readable_task
from darkroom_api.results.made import made_output
from darkroom_api.streaming import streamed
from darkroom_api.tasks.access import visible_task
from darkroom_api.tasks.files import facts_key
from darkroom_api.tasks.queries import TaskRow

router = APIRouter(tags=["tasks"])

_FILES: Final = {
    format_.media_type: {"schema": {"type": "string", "format": "binary"}} for format_ in Format
}
_DOWNLOAD: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The file.", "content": _FILES},
    206: {"description": "The part of the file that Range asks for.", "content": _FILES},
    302: {"description": "It is in the bucket, at Location, for a short while."},
    304: {"description": "It is the one that If-None-Match names, or has not changed since."},
}

_FACTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The facts of its sources and outputs.", "model": Facts},
}


@router.head("/v1/tasks/{task_id}/outputs/{name}", include_in_schema=False)
@router.get(
    "/v1/tasks/{task_id}/outputs/{name}",
    operation_id="getOutput",
    response_class=Response,
    responses=_DOWNLOAD
    | responses.of(
        errors.UnauthorizedError,
        errors.ForbiddenError,
        errors.InvalidSignatureError,
        errors.NotFoundError,
        errors.NotReadyError,
        errors.NoOutputError,
        errors.OutputGoneError,
        errors.RangeError,
        errors.InvalidError,
        errors.UnavailableError,
    ),
)
async def get_output(  # noqa: PLR0913, PLR0917  # what the endpoint depends on
    name: str,
    request: Request,
    resources: Res,
    row: Annotated[TaskRow, Depends(readable_task)],
    download: Download = False,  # noqa: FBT002  # a parameter of the URL
    redirect: Redirect = None,
) -> Response:
    """Download a file that a task made, by its name or its name with the usual extension.

    Its ETag is the file's SHA-256. One range of bytes may be asked for. With `expires` and
    `signature`, as POST /v1/tasks/{task_id}/share gives them, no access token is needed.
    """
    return await delivered(
        request, resources, made_output(row, name), download=download, redirect=redirect
    )


@router.get(
    "/v1/tasks/{task_id}/facts",
    operation_id="getFacts",
    response_class=Response,
    responses=_FACTS
    | responses.of(
        errors.UnauthorizedError,
        errors.NotFoundError,
        errors.NotReadyError,
        errors.NoOutputError,
        errors.OutputGoneError,
        errors.UnavailableError,
    ),
)
async def get_facts(task_id: str, identity: TaskReader, pool: Database, storage: Bytes) -> Response:
    """Read all that is known of a task's sources and outputs: colours, hashes, EXIF and so on."""
    row = await visible_task(pool, identity, task_id)
    if not State(row.status).is_final:
        raise errors.NotReadyError(f"the task is {row.status}: its facts are not ready yet")
    if State(row.status) is not State.SUCCEEDED:
        raise errors.NoOutputError(f"the task has {row.status}, and told no facts")
    if (row.spec or {}).get("type") == TaskType.CLEANUP:
        raise errors.NoOutputError("a cleanup has no files that there would be facts of")
    key = facts_key(row.uid or "")
    try:
        size = (await run_sync(storage.stat, key)).size
        body = await run_sync(storage.open, key)
    except ObjectNotFoundError:
        raise errors.OutputGoneError("the task's facts are not in storage any more") from None
    return streamed(
        body,
        size=size,
        media_type=Format.JSON.media_type,
        headers={"Cache-Control": "private, no-cache"},
    )
