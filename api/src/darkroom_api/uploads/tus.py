"""Resumable uploads by tus 1.0: creation, creation-with-upload, expiration, termination, checksum.

Who is interrupted asks with HEAD how much has come, and goes on from there, at any replica.
"""

import base64
import binascii
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC
from email.utils import format_datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

import anyio
from anyio.to_thread import run_sync
from darkroom_core.storage import Incoming, ObjectNotFoundError, Storage
from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import ValidationError

from darkroom_api import errors, responses
from darkroom_api.deps import Res, TaskReader, TaskWriter
from darkroom_api.limits.route_class import RouteClass, route_class
from darkroom_api.middleware import content_length, media_type
from darkroom_api.problem_handlers import invalid_fields
from darkroom_api.resources import Resources
from darkroom_api.tasks.recipes import object_in
from darkroom_api.uploads import queries
from darkroom_api.uploads.completion import complete_stored, refuse
from darkroom_api.uploads.digests import CHECKSUMS, checksum_in
from darkroom_api.uploads.door import inspect_head
from darkroom_api.uploads.keeping import clear
from darkroom_api.uploads.making import insert_upload, new_upload, visible_upload
from darkroom_api.uploads.queries import UploadRow
from darkroom_api.uploads.receiving import Lease, Taken, leased
from darkroom_api.uploads.schemas import UploadRequest
from darkroom_api.uploads.views import base_of

VERSION: Final = "1.0.0"
_OFFSET_OCTETS: Final = "application/offset+octet-stream"
_OCTETS: Final = "application/octet-stream"
_MOST: Final = 2**53


async def _speaks(
    tus_resumable: Annotated[str, Header(description="Always 1.0.0.")] = VERSION,
) -> None:
    if tus_resumable != VERSION:
        raise errors.TusVersionError("send Tus-Resumable: 1.0.0")


router = APIRouter(prefix="/v1/tus", tags=["uploads"], dependencies=[Depends(_speaks)])
options_router = APIRouter(prefix="/v1/tus", tags=["uploads"])

_SIGNED_IN: Final = (errors.UnauthorizedError, errors.ForbiddenError)
_WRITING: Final = (
    *_SIGNED_IN,
    errors.BadRequestError,
    errors.TooLargeError,
    errors.TusVersionError,
    errors.FileRefusedError,
    errors.DigestError,
    errors.ChecksumError,
    errors.InvalidError,
    errors.QuotaExceededError,
    errors.UnavailableError,
)
_BODY: Final[dict[str, Any]] = {
    "requestBody": {"content": {_OFFSET_OCTETS: {"schema": {"type": "string", "format": "binary"}}}}
}


@options_router.options(
    "", operation_id="tusOptions", status_code=HTTPStatus.NO_CONTENT, response_class=Response
)
async def tus_options(resources: Res) -> Response:
    """Say what is spoken here."""
    return _empty(
        HTTPStatus.NO_CONTENT,
        {
            "Tus-Version": VERSION,
            "Tus-Max-Size": str(resources.settings.uploads.max_bytes),
            "Tus-Extension": "creation,creation-with-upload,expiration,termination,checksum",
            "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
        },
    )


@router.post(
    "",
    operation_id="createTusUpload",
    status_code=HTTPStatus.CREATED,
    response_class=Response,
    openapi_extra=_BODY,
    dependencies=[route_class(RouteClass.UPLOAD)],
    responses=responses.of(*_WRITING),
)
async def create_tus_upload(
    request: Request,
    identity: TaskWriter,
    resources: Res,
    upload_length: Annotated[int, Header(ge=1, le=_MOST, description="The file's length.")],
    upload_metadata: Annotated[
        str,
        Header(
            max_length=32_768,
            description="As tus writes it: `filename`, `filetype`, `sha256` and `task`, the JSON "
            "of what to make of it, each in base64.",
        ),
    ] = "",
) -> Response:
    """Begin a resumable upload; the first bytes may come with it."""
    wanted = _wanted(upload_length, _metadata(upload_metadata))
    new = await new_upload(resources, identity, wanted, via="tus")
    async with resources.pool.connection() as connection, connection.transaction():
        row = await insert_upload(connection, resources, identity, new)
    headers = {"Location": f"{base_of(request, resources)}/v1/tus/{row.id}"}
    if media_type(request.scope) == _OFFSET_OCTETS and content_length(request.scope):
        async with leased(resources.pool, row.id) as lease:
            row = await _go_on(request, resources, lease, None)
    return _empty(HTTPStatus.CREATED, headers | _where(row))


@router.head(
    "/{upload_id}",
    operation_id="headTusUpload",
    response_class=Response,
    responses=responses.of(
        *_SIGNED_IN, errors.NotFoundError, errors.UploadGoneError, errors.TusVersionError
    ),
)
async def head_tus_upload(upload_id: str, identity: TaskReader, resources: Res) -> Response:
    """Ask how much has come."""
    row = await visible_upload(resources, identity, upload_id)
    _refuse_gone(row)
    headers = {"Upload-Length": str(row.size), "Cache-Control": "no-store"}
    return _empty(HTTPStatus.OK, headers | _where(row))


@router.patch(
    "/{upload_id}",
    operation_id="patchTusUpload",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    openapi_extra=_BODY,
    dependencies=[route_class(RouteClass.UPLOAD)],
    responses=responses.of(
        *_WRITING,
        errors.NotFoundError,
        errors.OffsetError,
        errors.UploadGoneError,
        errors.UnsupportedMediaTypeError,
        errors.UploadBusyError,
    ),
)
async def patch_tus_upload(  # noqa: PLR0913, PLR0917  # the headers
    upload_id: str,
    request: Request,
    identity: TaskWriter,
    resources: Res,
    upload_offset: Annotated[int, Header(ge=0, le=_MOST, description="Where these bytes begin.")],
    upload_checksum: Annotated[
        str | None, Header(description="Algorithm and digest of these bytes.")
    ] = None,
) -> Response:
    """Send bytes. With the last of them the file is checked, and its tasks begin."""
    if media_type(request.scope) != _OFFSET_OCTETS:
        raise errors.UnsupportedMediaTypeError(f"send {_OFFSET_OCTETS}")
    row = await visible_upload(resources, identity, upload_id)
    async with leased(resources.pool, row.id) as lease:
        _refuse_gone(lease.row)
        if upload_offset != lease.row.received:
            raise errors.OffsetError(f"{lease.row.received:,} bytes have come: go on from there")
        row = lease.row
        if row.status == "waiting":
            row = await _go_on(request, resources, lease, checksum_in(upload_checksum))
    return _empty(HTTPStatus.NO_CONTENT, _where(row))


@router.delete(
    "/{upload_id}",
    operation_id="deleteTusUpload",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=responses.of(
        *_SIGNED_IN, errors.NotFoundError, errors.UploadGoneError, errors.TusVersionError
    ),
)
async def delete_tus_upload(upload_id: str, identity: TaskWriter, resources: Res) -> Response:
    """Give an upload up; what has come is removed. A file that is complete stays."""
    row = await visible_upload(resources, identity, upload_id)
    _refuse_gone(row)
    async with resources.pool.connection() as connection:
        ended = await queries.end(connection, row.id, status="canceled")
    if ended:
        await clear(resources, ended)
    return _empty(HTTPStatus.NO_CONTENT, {})


async def _go_on(
    request: Request, resources: Resources, lease: Lease, checksum: tuple[str, bytes] | None
) -> UploadRow:
    """Take the request's bytes in, keep them also if it is cut off, and complete the file."""
    row = lease.row
    size = row.size or 0
    if row.received < size:
        incoming = await run_sync(_opened, resources.storage, row)
        try:
            await _receive(request, resources, lease, incoming, checksum)
        except errors.FileRefusedError as error:
            await run_sync(incoming.discard)
            await refuse(resources, row, error)
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await run_sync(incoming.close)
        async with resources.pool.connection() as connection:
            found = await queries.by_id(connection, row.id, owner=None)
        row = found or row
    if row.received == size and row.status == "waiting":
        await run_sync(_finish, resources.storage, row)
        row = await complete_stored(resources, row)
    return row


async def _receive(
    request: Request,
    resources: Resources,
    lease: Lease,
    incoming: Incoming,
    checksum: tuple[str, bytes] | None,
) -> None:
    row = lease.row

    def look(head: bytes) -> None:
        if len(head) >= min(row.size or 0, _TELLING):
            inspect_head(head, declared=row.content_type, settings=resources.settings.uploads)

    # What its checksum may refuse is not kept before it is all there.
    beat = lease.extend if checksum else lambda: lease.park(incoming)
    taken = Taken(incoming, row.size or 0, None if row.received else look, beat)
    digest = hashlib.new(checksum[0]) if checksum else None

    async def stream() -> AsyncIterator[bytes]:
        async for chunk in request.stream():
            if digest:
                digest.update(chunk)
            yield chunk

    try:
        await taken.all_of(stream())
    except (errors.FileRefusedError, errors.UploadBusyError):
        raise
    except (Exception, anyio.get_cancelled_exc_class()):
        if not checksum:
            with anyio.CancelScope(shield=True):
                await lease.park(incoming)
        raise
    if checksum and digest and digest.digest() != checksum[1]:
        raise errors.ChecksumError("these bytes have another checksum: send them again")
    await lease.park(incoming)


_TELLING: Final = 1024
"""So many bytes tell every format apart."""


def _opened(storage: Storage, row: UploadRow) -> Incoming:
    return storage.incoming(row.key, content_type=row.content_type or _OCTETS, parked=row.parked)


def _finish(storage: Storage, row: UploadRow) -> None:
    """Make the object; it may be there already, if the last who did this died right after."""
    try:
        storage.stat(row.key)
    except ObjectNotFoundError:
        _opened(storage, row).finish()


def _refuse_gone(row: UploadRow) -> None:
    if row.via != "tus":
        raise errors.NotFoundError(f"there is no resumable upload {row.id}")
    if row.status in {"canceled", "expired", "failed"} or (
        row.status == "waiting" and row.is_expired
    ):
        raise errors.UploadGoneError("the upload is gone: begin another")


def _where(row: UploadRow) -> dict[str, str]:
    # Postgres answers in the zone of its session, and HTTP dates are in GMT.
    expires = format_datetime(row.expires_at.astimezone(UTC), usegmt=True)
    return {"Upload-Offset": str(row.received), "Upload-Expires": expires}


def _empty(status: int, headers: dict[str, str]) -> Response:
    return Response(status_code=status, headers={"Tus-Resumable": VERSION, **headers})


def _metadata(header: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        name, _, value = pair.partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            raise errors.BadRequestError(
                "Upload-Metadata is a list of names, each with a value in base64"
            ) from None
    return found


def _wanted(length: int, metadata: dict[str, str]) -> UploadRequest:
    document: dict[str, Any] = {
        "filename": metadata.get("filename"),
        "content_type": metadata.get("filetype") or None,
        "size": length,
        "sha256": metadata.get("sha256"),
        "task": object_in(metadata["task"].encode()) if "task" in metadata else None,
    }
    try:
        return UploadRequest.model_validate(document)
    except ValidationError as error:
        raise invalid_fields(error.errors()) from None
