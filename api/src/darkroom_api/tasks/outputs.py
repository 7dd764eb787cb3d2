"""What a task made, to download."""

from http import HTTPStatus
from typing import Any, Final

from anyio.to_thread import run_sync
from darkroom_core.conditions import State
from darkroom_core.facts import Facts
from darkroom_core.recipe import File, Format
from darkroom_core.storage import ObjectNotFoundError
from darkroom_core.vocabulary import TaskType
from fastapi import APIRouter, Request, Response

from darkroom_api import errors, responses
from darkroom_api.deps import Bytes, Database, TaskReader
from darkroom_api.streaming import streamed
from darkroom_api.tasks import queries
from darkroom_api.tasks.access import visible_task
from darkroom_api.tasks.files import facts_key, key_of, wishes_of

router = APIRouter(tags=["tasks"])

_DOWNLOAD: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file.",
        "content": {
            format_.media_type: {"schema": {"type": "string", "format": "binary"}}
            for format_ in Format
        },
    },
    304: {"description": "It is the one that If-None-Match names."},
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
        errors.NotFoundError,
        errors.NotReadyError,
        errors.NoOutputError,
        errors.OutputGoneError,
        errors.UnavailableError,
    ),
)
async def get_output(  # noqa: PLR0913, PLR0917  # what the endpoint depends on
    task_id: str, name: str, request: Request, identity: TaskReader, pool: Database, storage: Bytes
) -> Response:
    """Download a file that a task made, by its name or its name with the usual extension.

    Its ETag is the file's SHA-256.
    """
    row = await visible_task(pool, identity, task_id)
    made = _made_output(row, name)
    name = made["name"]
    if row.outputs_deleted_at:
        raise errors.OutputGoneError(
            f"what was made as {name} was kept until {row.outputs_deleted_at:%Y-%m-%d %H:%M} UTC"
        )
    format_ = Format(made["format"])
    key = key_of(row.uid or "", File(name, format_))
    if any(key.startswith(prefix) for prefix in row.cleaned_prefixes):
        raise errors.OutputGoneError(f"what was made as {name} was removed by a cleanup")
    etag = f'"{made["sha256"]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'inline; filename="{row.id}-{name}.{format_.extension}"',
    }
    if _is_known(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if request.method == "HEAD":
        headers["Content-Length"] = str(made["bytes"])
        return Response(headers=headers, media_type=format_.media_type)
    try:
        is_what_was_made = (await run_sync(storage.stat, key)).size == made["bytes"]
        body = await run_sync(storage.open, key) if is_what_was_made else None
    except ObjectNotFoundError:
        body = None
    if body is None:
        raise errors.OutputGoneError(f"what was made as {name} is not in storage any more")
    return streamed(body, size=made["bytes"], media_type=format_.media_type, headers=headers)


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


def _made_output(row: queries.TaskRow, name: str) -> dict[str, Any]:
    wished = [wish.file for wish in wishes_of(row.spec, row.recipe_outputs)]
    # The files of a set name each other as storage and a ZIP call them.
    name = next((f.name for f in wished if name == f"{f.name}.{f.format.extension}"), name)
    if name not in {file.name for file in wished}:
        raise errors.NotFoundError(f"the task has no output {name}")
    if not State(row.status).is_final:
        raise errors.NotReadyError(f"the task is {row.status}: its outputs are not ready yet")
    made = next((output for output in row.outputs if output["name"] == name), None)
    if made is None and State(row.status) is State.SUCCEEDED:
        raise errors.NotFoundError(f"the source is too small or too short for {name}")
    if made is None:
        raise errors.NoOutputError(f"the task has {row.status}, and made no outputs")
    return made


def _is_known(if_none_match: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or "*" in tags
