"""Uploads: ask for a signed URL, or send the bytes at once; complete, look at, cancel."""

from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any, Final

import anyio
from anyio.to_thread import run_sync
from darkroom_core.storage import Incoming
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import ValidationError

from darkroom_api import errors, responses
from darkroom_api.database import AWAY
from darkroom_api.deps import Res, TaskReader, TaskWriter
from darkroom_api.idempotency import IdempotencyKey
from darkroom_api.limits.route_class import RouteClass, route_class
from darkroom_api.middleware import content_length
from darkroom_api.objects.signature import check_signature
from darkroom_api.problem_handlers import invalid_fields
from darkroom_api.resources import Resources
from darkroom_api.tasks.recipes import object_in
from darkroom_api.uploads import queries
from darkroom_api.uploads.completion import complete, complete_stored, refuse, refuse_other
from darkroom_api.uploads.digests import sha256_in
from darkroom_api.uploads.door import Inspected, inspect_head
from darkroom_api.uploads.keeping import clear
from darkroom_api.uploads.making import (
    existing_upload,
    insert_upload,
    new_upload,
    refuse_ended,
    visible_upload,
)
from darkroom_api.uploads.queries import UploadRow
from darkroom_api.uploads.receiving import Lease, Taken, discard, leased
from darkroom_api.uploads.schemas import UploadRequest, UploadView
from darkroom_api.uploads.views import answer, created

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])

_OCTETS: Final = "application/octet-stream"
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_REFUSALS: Final = (
    errors.BadRequestError,
    errors.UploadOverError,
    errors.TooLargeError,
    errors.FileRefusedError,
    errors.DigestError,
    errors.InvalidError,
    errors.UploadBusyError,
    errors.QuotaExceededError,
    errors.UnavailableError,
)
_SIGNED_IN: Final = (errors.UnauthorizedError, errors.ForbiddenError)

Digest = Annotated[
    str | None,
    Header(
        description="SHA-256 of the file, as RFC 9530 writes it; it is checked.",
        examples=["sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"],
    ),
]


@router.post(
    "",
    operation_id="createUpload",
    status_code=HTTPStatus.CREATED,
    response_model=UploadView,
    responses=responses.of(
        *_SIGNED_IN,
        errors.BadRequestError,
        errors.KeyInUseError,
        errors.TooLargeError,
        errors.InvalidError,
        errors.KeyReusedError,
        errors.QuotaExceededError,
        errors.UnavailableError,
    ),
)
async def create_upload(
    wanted: UploadRequest,
    request: Request,
    identity: TaskWriter,
    resources: Res,
    once: IdempotencyKey,
) -> Response:
    """Get a signed URL for a file, and say what to make of it once it is there.

    PUT the bytes to `url` with `headers`, then POST to `urls.complete`.
    """
    new = await new_upload(resources, identity, wanted, via="direct")
    async with resources.pool.connection() as connection, connection.transaction():
        row = await insert_upload(connection, resources, identity, new)
        response = created(request, resources, row)
        if once:
            await once.settle(connection, response)
    return response


Filename = Annotated[
    str | None, Query(max_length=255, pattern=r"^[^\x00-\x1f\x7f/\\]*$", description="Its name.")
]
Task = Annotated[
    str | None,
    Query(max_length=16_384, description="What to make of it, as JSON: see POST /v1/uploads."),
]


@router.put(
    "",
    operation_id="uploadFile",
    status_code=HTTPStatus.CREATED,
    response_model=UploadView,
    openapi_extra=_BODY,
    dependencies=[route_class(RouteClass.UPLOAD)],
    responses=responses.of(*_SIGNED_IN, *_REFUSALS),
)
async def upload_file(  # noqa: PLR0913, PLR0917  # the headers
    request: Request,
    identity: TaskWriter,
    resources: Res,
    filename: Filename = None,
    task: Task = None,
    content_digest: Digest = None,
    repr_digest: Digest = None,
) -> Response:
    """Send a file as the request's body. Its task begins at once."""
    document: dict[str, Any] = {
        "filename": filename,
        "content_type": request.headers.get("content-type", "").split(";")[0].strip() or None,
        "size": content_length(request.scope) or None,
        "sha256": sha256_in(content_digest) or sha256_in(repr_digest),
        "task": object_in(task.encode()) if task is not None else None,
    }
    try:
        wanted = UploadRequest.model_validate(document)
    except ValidationError as error:
        raise invalid_fields(error.errors()) from None
    new = await new_upload(resources, identity, wanted, via="direct")
    async with resources.pool.connection() as connection, connection.transaction():
        row = await insert_upload(connection, resources, identity, new)
    try:
        async with leased(resources.pool, row.id) as lease:
            done = await _take(request, resources, lease)
    except BaseException:
        await _give_up(resources, row)
        raise
    return created(request, resources, done)


@router.put(
    "/{upload_id}/content",
    operation_id="putUpload",
    response_model=UploadView,
    openapi_extra=_BODY,
    dependencies=[Depends(check_signature), route_class(RouteClass.UPLOAD)],
    responses=responses.of(errors.InvalidSignatureError, errors.NotFoundError, *_REFUSALS),
)
async def put_upload(
    upload_id: str,
    request: Request,
    resources: Res,
    content_digest: Digest = None,
    repr_digest: Digest = None,
) -> Response:
    """Send the bytes of an upload to its signed URL, where storage is local. Its task begins."""
    await existing_upload(resources, upload_id, owner=None)
    async with leased(resources.pool, upload_id) as lease:
        refuse_ended(lease.row)
        declared = sha256_in(content_digest) or sha256_in(repr_digest)
        done = await _take(request, resources, lease, declared=declared)
    return answer(request, resources, done)


@router.post(
    "/{upload_id}/complete",
    operation_id="completeUpload",
    response_model=UploadView,
    responses=responses.of(
        *_SIGNED_IN, errors.NotFoundError, errors.UploadMissingError, *_REFUSALS
    ),
)
async def complete_upload(
    upload_id: str, request: Request, identity: TaskWriter, resources: Res
) -> Response:
    """Say that the bytes are there: the file is checked, and its tasks begin. Harmless twice."""
    row = await visible_upload(resources, identity, upload_id)
    if row.status != "completed":
        refuse_ended(row)
        async with leased(resources.pool, row.id, seconds=600) as lease:
            row = lease.row
            if row.status != "completed":
                refuse_ended(row)
                row = await complete_stored(resources, row)
    return answer(request, resources, row)


@router.get(
    "/{upload_id}",
    operation_id="getUpload",
    response_model=UploadView,
    responses=responses.of(*_SIGNED_IN, errors.NotFoundError, errors.UnavailableError),
)
async def get_upload(
    upload_id: str, request: Request, identity: TaskReader, resources: Res
) -> Response:
    """Look at an upload: whether it is awaited, and what has become of it."""
    return answer(request, resources, await visible_upload(resources, identity, upload_id))


@router.post(
    "/{upload_id}/cancel",
    operation_id="cancelUpload",
    response_model=UploadView,
    responses=responses.of(
        *_SIGNED_IN, errors.NotFoundError, errors.UploadOverError, errors.UnavailableError
    ),
)
async def cancel_upload(
    upload_id: str, request: Request, identity: TaskWriter, resources: Res
) -> Response:
    """Await the bytes no more; those that have come are removed."""
    row = await visible_upload(resources, identity, upload_id)
    if row.status != "canceled":
        async with resources.pool.connection() as connection:
            ended = await queries.end(connection, row.id, status="canceled")
        if ended is None:
            raise errors.UploadOverError(f"the upload is {row.status}: nothing to cancel")
        await clear(resources, ended)
        row = ended
    return answer(request, resources, row)


async def _give_up(resources: Resources, row: UploadRow) -> None:
    """End an upload whose only request has failed: nobody knows its id, so nobody goes on."""
    with anyio.CancelScope(shield=True), suppress(*AWAY):
        async with resources.pool.connection() as connection:
            await queries.end(connection, row.id, status="canceled")


async def _take(
    request: Request, resources: Resources, lease: Lease, *, declared: str | None = None
) -> UploadRow:
    """Take the request's body as the upload's file, whole or not at all."""
    row = lease.row
    settings = resources.settings.uploads
    found: list[Inspected] = []

    def look(head: bytes) -> None:
        found.append(inspect_head(head, declared=row.content_type, settings=settings))

    incoming = await run_sync(_opened, resources, row)
    taken = Taken(incoming, settings.max_bytes, look, lambda: lease.park(incoming))
    try:
        await taken.all_of(request.stream())
        sha256 = taken.sha256.hexdigest()
        refuse_other(declared, sha256)
        stored = await run_sync(incoming.finish)
    except errors.ApiError as error:
        await discard(incoming)
        await refuse(resources, row, error)
        raise
    except BaseException:
        await discard(incoming)
        raise
    return await complete(resources, row, size=stored.size, sha256=sha256, inspected=found[-1])


def _opened(resources: Resources, row: UploadRow) -> Incoming:
    return resources.storage.incoming(row.key, content_type=row.content_type or _OCTETS)
