"""All that a task made: as one file or a ZIP, and as URLs to pass on."""

import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import anyio
from anyio.to_thread import run_sync
from darkroom_core.recipe import Format
from darkroom_core.storage import ObjectNotFoundError
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from prometheus_client import Counter
from pydantic import BaseModel, ConfigDict, Field

from darkroom_api import errors, responses
from darkroom_api.deps import Res, TaskReader, TaskWriter
from darkroom_api.problem import InvalidField
from darkroom_api.resources import Resources
from darkroom_api.results.archive import Entry, size_of, zipped
from darkroom_api.results.conditional import is_known
from darkroom_api.results.delivery import Download, Redirect, Stored, delivered, headers_of
from darkroom_api.results.links import expiry, link_to
from darkroom_api.results.made import made_output, made_outputs
from darkroom_api.tasks.access import visible_task

router = APIRouter(prefix="/v1/tasks/{task_id}", tags=["tasks"])

_ZIP: Final = Format.ZIP.media_type
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_PROBLEMS: Final = responses.of(
    errors.UnauthorizedError,
    errors.ForbiddenError,
    errors.NotFoundError,
    errors.NotReadyError,
    errors.NoOutputError,
    errors.OutputGoneError,
    errors.InvalidError,
    errors.UnavailableError,
)
_UNCHANGED: Final[dict[str, Any]] = {
    "description": "It is the one that If-None-Match names, or as old as If-Modified-Since says."
}


@router.head("/outputs.zip", include_in_schema=False)
@router.get(
    "/outputs.zip",
    operation_id="getArchive",
    response_class=Response,
    responses={
        200: {"description": "The ZIP.", "content": {_ZIP: _BINARY}},
        304: _UNCHANGED,
        **_PROBLEMS,
    },
)
async def get_archive(
    task_id: str, request: Request, identity: TaskReader, resources: Res
) -> Response:
    """Download all that a task made as a ZIP, which is made while it is sent."""
    row = await visible_task(resources.pool, identity, task_id)
    return await _archive(request, resources, row.id, made_outputs(row))


@router.head("/result", include_in_schema=False)
@router.get(
    "/result",
    operation_id="getResult",
    response_class=Response,
    responses={
        200: {
            "description": "The file, or a ZIP of them.",
            "content": {format_.media_type: _BINARY for format_ in Format},
        },
        206: {
            "description": "The part that Range asks for.",
            "content": {format_.media_type: _BINARY for format_ in Format},
        },
        302: {"description": "It is in the bucket, at Location, for a short while."},
        304: _UNCHANGED,
        **_PROBLEMS,
        **responses.of(errors.RangeError),
    },
)
async def get_result(  # noqa: PLR0913, PLR0917  # the query
    task_id: str,
    request: Request,
    identity: TaskReader,
    resources: Res,
    download: Download = False,  # noqa: FBT002  # a parameter of the URL
    redirect: Redirect = None,
) -> Response:
    """Download what a task made: the file, if it is one, else a ZIP of all of them."""
    row = await visible_task(resources.pool, identity, task_id)
    made = made_outputs(row)
    if len(made) > 1:
        return await _archive(request, resources, row.id, made)
    return await delivered(request, resources, made[0], download=download, redirect=redirect)


class ShareRequest(BaseModel):
    """For how long, and what."""

    model_config = ConfigDict(extra="forbid")

    expires_in: Annotated[int, Field(ge=60, le=31_536_000)] = Field(
        86_400, description="For how many seconds the URLs are good.", examples=[3600]
    )
    outputs: Annotated[list[str], Field(min_length=1, max_length=1000)] | None = Field(
        None, description="Names of outputs; all, if it is left out.", examples=[["thumb"]]
    )


class ShareView(BaseModel):
    """URLs that need no account."""

    object: Literal["share"] = "share"
    task: str
    expires_at: datetime
    urls: dict[str, str] = Field(description="Downloads, by the file's name.")


@router.post(
    "/share",
    operation_id="shareOutputs",
    status_code=HTTPStatus.CREATED,
    responses=_PROBLEMS | responses.of(errors.BadRequestError),
)
async def share_outputs(
    task_id: str, wanted: ShareRequest, request: Request, identity: TaskWriter, resources: Res
) -> ShareView:
    """Get URLs of outputs to pass on: each reads one file, without an account, until it expires.

    They end sooner where the outputs, or the task, are deleted. They cannot be taken back else.
    """
    most = resources.settings.results.share_seconds
    if wanted.expires_in > most:
        sentence = f"outputs are shared for {most} seconds at most"
        raise errors.InvalidError(
            sentence, errors=[InvalidField(pointer="#/expires_in", detail=sentence)]
        )
    row = await visible_task(resources.pool, identity, task_id)
    made = {output["name"] for output in row.outputs}
    made_outputs(row)
    names = wanted.outputs or sorted(made)
    for name in names:
        made_output(row, name)
    expires = expiry(wanted.expires_in)
    base = str(resources.settings.public_url or request.base_url)
    return ShareView(
        task=row.id,
        expires_at=expires,
        urls={name: link_to(resources, base, row.id, name, expires=expires) for name in names},
    )


async def _archive(
    request: Request, resources: Resources, task_id: str, made: Sequence[Stored]
) -> Response:
    etag = f'"{hashlib.sha256(" ".join(f.filename + f.etag for f in made).encode()).hexdigest()}"'
    modified = made[0].modified
    headers = headers_of(etag, modified, f"{task_id}.zip", download=True)
    if is_known(request.headers, etag=etag, modified=modified):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    prefix = f"{task_id}-"
    entries = [
        Entry(file.filename.removeprefix(prefix), file.key, file.size, modified) for file in made
    ]
    await run_sync(_refuse_if_gone, resources, entries)
    headers |= {"Content-Length": str(size_of(entries)), "Accept-Ranges": "none"}
    if request.method == "HEAD":
        return Response(headers=headers, media_type=_ZIP)
    parts = zipped(entries, resources.storage.open)
    return StreamingResponse(
        _in_threads(parts, resources.metrics.http.served_bytes), headers=headers, media_type=_ZIP
    )


def _refuse_if_gone(resources: Resources, entries: Sequence[Entry]) -> None:
    for entry in entries:
        try:
            is_there = resources.storage.stat(entry.key).size == entry.size
        except ObjectNotFoundError:
            is_there = False
        if not is_there:
            raise errors.OutputGoneError(f"{entry.name} is not in storage any more")


async def _in_threads(parts: Iterator[bytes], served: Counter) -> AsyncIterator[bytes]:
    try:
        while part := await run_sync(next, parts, b""):
            served.inc(len(part))
            yield part
    finally:
        with anyio.CancelScope(shield=True):
            await run_sync(parts.close)  # type: ignore[attr-defined]  # a generator
