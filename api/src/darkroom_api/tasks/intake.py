"""Takes the files of a multipart request in: through the door, and each only once into storage.

A file is noted before its bytes are stored, so that whoever is killed in between leaves nothing
that no sweep knows of; and it is held until its tasks are there, so that no sweep takes it away.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO, Final, TypeVar

import anyio
from anyio.to_thread import run_sync
from darkroom_core.storage import Storage, StorageError
from fastapi import Request

from darkroom_api.auth.identity import Identity
from darkroom_api.database import AWAY, Connection
from darkroom_api.errors import TooLargeError
from darkroom_api.idempotency import Once
from darkroom_api.maintenance.queries import keys_needed
from darkroom_api.middleware import content_length
from darkroom_api.resources import Resources
from darkroom_api.spool import Spool
from darkroom_api.tasks.creation import Also
from darkroom_api.tasks.multipart import Upload, UploadedFile, read_upload
from darkroom_api.tasks.queries import TaskRow
from darkroom_api.tasks.wanted import Wanted
from darkroom_api.uploads import files
from darkroom_api.uploads.completion import is_there
from darkroom_api.uploads.door import inspect_head

_OCTETS: Final = "application/octet-stream"

Made = TypeVar("Made")
WantedOf = Callable[[bytes, Sequence[UploadedFile]], Sequence[Wanted]]
"""Turns the part `task` and the files, under their keys, into tasks, or raises."""


class _GoneError(Exception):
    """A sweep has just removed an equal file that nobody used any more."""


async def create_of_files(  # noqa: PLR0913  # what is read, and what is made of it
    request: Request,
    resources: Resources,
    identity: Identity,
    *,
    once: Once | None,
    most: int,
    keys: Callable[[int], Sequence[str]],
    wanted_of: WantedOf,
    create: Callable[[Sequence[Wanted], Also], Awaitable[Made]],
) -> Made:
    """Read the request, store what is new of it under `keys`, and `create` what is wanted."""
    limit = resources.settings.max_upload_bytes
    with resources.spool_room.taken(min(content_length(request.scope) or limit, limit)):
        async with Spool(limit) as spool:
            upload = await _read(request, resources, spool, wanted_of, most)
            if once:
                await once.fingerprint(upload.fingerprint)
            for file, key in zip(upload.files, keys(len(upload.files)), strict=True):
                file.key = key
            new: set[str] = set()
            try:
                while True:
                    await _store(resources, identity, upload.files, spool, new)
                    first, *others = wanted_of(upload.text, upload.files)
                    stored = {file.key: file.size for file in upload.files if file.key in new}
                    wanted = [replace(first, new_bytes=sum(stored.values())), *others]
                    with suppress(_GoneError):
                        return await create(wanted, _held({file.key for file in upload.files}))
            except BaseException:
                await _let_go(resources, new)
                raise


async def _read(
    request: Request, resources: Resources, spool: Spool, wanted_of: WantedOf, most: int
) -> Upload:
    settings = resources.settings.uploads
    upload = await read_upload(
        request.stream(),
        request.headers.get("content-type", ""),
        spool,
        check=wanted_of,
        look=lambda head, declared: inspect_head(head, declared=declared, settings=settings),
        most=most,
    )
    if any(file.size > settings.max_bytes for file in upload.files):
        raise TooLargeError(f"a file may have {settings.max_bytes:,} bytes at most")
    resources.metrics.http.uploaded_bytes.inc(sum(file.size for file in upload.files))
    return upload


async def _store(
    resources: Resources,
    identity: Identity,
    wanted: Sequence[UploadedFile],
    spool: Spool,
    new: set[str],
) -> None:
    """Put the files that are not there yet; add their keys to `new`."""
    for file in wanted:
        async with resources.pool.connection() as connection:
            known = await files.place(
                connection, identity.user_id, file.sha256, key=file.key, size=file.size
            )
        is_new = known.key == file.key
        file.key = known.key
        if is_new:
            new.add(file.key)
        if is_new or not await run_sync(is_there, resources.storage, known):
            await run_sync(_put, resources.storage, file.key, spool.part(file.start, file.size))


def _held(keys: Collection[str]) -> Also:
    """Return what holds the files in the transaction that makes their tasks."""

    async def hold(connection: Connection, _: list[TaskRow]) -> None:
        if await files.use(connection, keys, owner=None) != set(keys):
            raise _GoneError

    return hold


async def _let_go(resources: Resources, keys: Collection[str]) -> None:
    """Remove what was stored for nothing; what somebody else has come to use stays."""
    if not keys:
        return
    with anyio.CancelScope(shield=True), suppress(*AWAY, StorageError):
        async with resources.pool.connection() as connection, connection.transaction():
            unused = set(await files.lock_untouched(connection, keys))
            unused -= await keys_needed(connection, sorted(unused), without=[])
            await files.forget(connection, unused)
            for key in unused:
                await run_sync(resources.storage.delete, key)


def _put(storage: Storage, key: str, body: BinaryIO) -> None:
    storage.put(key, body, content_type=_OCTETS)
