"""The objects of local storage, for processors: with S3 they go to the bucket instead."""

from http import HTTPStatus
from typing import Final

from anyio.to_thread import run_sync
from darkroom_core.storage import ObjectNotFoundError, Storage
from fastapi import APIRouter, Depends, Request, Response

from darkroom_api import errors, responses
from darkroom_api.database import AWAY, Pool
from darkroom_api.deps import Bytes, Res
from darkroom_api.middleware import content_length
from darkroom_api.objects.signature import check_signature
from darkroom_api.spool import Spool
from darkroom_api.streaming import streamed
from darkroom_api.tasks import queries


async def _only_local(resources: Res) -> None:
    if resources.settings.storage.backend != "local":
        raise errors.NotFoundError("objects are in the bucket, and are not served from here")


router = APIRouter(
    prefix="/v1/objects",
    tags=["processors"],
    dependencies=[Depends(_only_local), Depends(check_signature)],
)

_OCTETS: Final = "application/octet-stream"


@router.get(
    "/{key:path}",
    operation_id="getObject",
    response_class=Response,
    responses=responses.of(errors.InvalidSignatureError, errors.NotFoundError),
)
async def get_object(key: str, storage: Bytes) -> Response:
    """Read an object."""
    try:
        size = (await run_sync(storage.stat, key)).size
        body = await run_sync(storage.open, key)
    except ObjectNotFoundError:
        raise errors.NotFoundError(f"there is no object {key}") from None
    return streamed(body, size=size, media_type=_OCTETS, headers={})


@router.put(
    "/{key:path}",
    operation_id="putObject",
    status_code=HTTPStatus.CREATED,
    response_class=Response,
    responses=responses.of(
        errors.InvalidSignatureError,
        errors.NotFoundError,
        errors.AlreadyFinishedError,
        errors.TooLargeError,
        errors.UnavailableError,
    ),
    openapi_extra={"requestBody": {"required": True, "content": {_OCTETS: {}}}},
)
async def put_object(key: str, request: Request, storage: Bytes, resources: Res) -> Response:
    """Write an object, whole or not at all; an older one is replaced while its task runs."""
    limit = resources.settings.max_output_bytes
    with resources.spool_room.taken(min(content_length(request.scope) or limit, limit)):
        async with Spool(limit) as spool:
            await spool.add_all(request.stream())
            # Asked as late as can be: a body may take its time.
            await _refuse_once_final(resources.pool, key)
            await run_sync(_put, storage, key, spool)
    return Response(status_code=HTTPStatus.CREATED)


async def _refuse_once_final(pool: Pool, key: str) -> None:
    match key.split("/"):
        case ["outputs", uid, _]:
            pass
        case _:
            return
    try:
        async with pool.connection() as connection:
            is_final = await queries.is_final(connection, uid=uid.replace("\0", ""))
    except AWAY:
        # A task must not fail because Postgres is away for a while.
        return
    if is_final:
        raise errors.AlreadyFinishedError("the task has ended: its outputs stay as they are")


def _put(storage: Storage, key: str, spool: Spool) -> None:
    storage.put(key, spool.finished(), content_type=_OCTETS)
