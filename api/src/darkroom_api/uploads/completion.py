"""What happens once all bytes are there: the file is checked and kept once, and its tasks begin."""

import hashlib
import json
from typing import Final

from anyio.to_thread import run_sync
from darkroom_core.storage import ObjectNotFoundError, Storage, StoredObject

from darkroom_api.auth.identity import SCOPES_OF, Identity, Role
from darkroom_api.errors import (
    ApiError,
    DigestError,
    FileRefusedError,
    TooLargeError,
    UploadMissingError,
    UploadOverError,
)
from darkroom_api.limits import quotas
from darkroom_api.resources import Resources
from darkroom_api.tasks.creation import announce, insert_tasks
from darkroom_api.tasks.recipes import wanted_upload
from darkroom_api.tasks.wanted import Wanted
from darkroom_api.uploads import files, queries
from darkroom_api.uploads.door import HEAD, Inspected, inspect_head
from darkroom_api.uploads.ids import staging_key
from darkroom_api.uploads.queries import UploadRow

_CHUNK: Final = 1024 * 1024
_LONGEST_CAPTION: Final = 200


async def complete_stored(resources: Resources, row: UploadRow) -> UploadRow:
    """Complete an upload whose bytes are in storage; raise UploadMissingError if they are not."""
    storage = resources.storage
    stored = await run_sync(_settled, storage, row)
    try:
        if stored.size > resources.settings.uploads.max_bytes:
            raise TooLargeError(
                f"the file may have {resources.settings.uploads.max_bytes:,} bytes at most"
            )
        head = await run_sync(_head, storage, row.key)
        inspected = inspect_head(
            head, declared=row.content_type, settings=resources.settings.uploads
        )
    except ApiError as error:
        await refuse(resources, row, error)
        raise
    sha256 = await run_sync(_sha256, storage, row.key)
    return await complete(resources, row, size=stored.size, sha256=sha256, inspected=inspected)


async def complete(
    resources: Resources, row: UploadRow, *, size: int, sha256: str, inspected: Inspected
) -> UploadRow:
    """Note the file, and make its tasks, in one transaction; the bytes are under the row's key."""
    try:
        _compare(row, size, sha256)
    except ApiError as error:
        await refuse(resources, row, error)
        raise
    try:
        return await _complete(resources, row, size=size, sha256=sha256, inspected=inspected)
    except UploadOverError:
        # Somebody else, whom a slow completion has let in, may have done it meanwhile.
        async with resources.pool.connection() as connection:
            found = await queries.by_id(connection, row.id, owner=None)
        if found is None or found.status != "completed":
            await run_sync(resources.storage.delete, row.key)
            raise
        return found


async def _complete(
    resources: Resources, row: UploadRow, *, size: int, sha256: str, inspected: Inspected
) -> UploadRow:
    identity = _owner(row)
    async with resources.pool.connection() as connection, connection.transaction():
        file = await files.keep(connection, row.owner, sha256, key=row.key, size=size)
        if file.key != row.key and not await run_sync(is_there, resources.storage, file):
            await files.replace_key(connection, row.owner, sha256, key=row.key)
            file = files.File(row.key, size)
        wanted = [wanted_of(row, document, file.key, size=size) for document in row.tasks]
        tasks = await insert_tasks(connection, resources, identity, wanted) if wanted else []
        if row.size is None and file.key == row.key:
            await quotas.admit(
                connection, identity, defaults=resources.settings.quotas, bytes_=size
            )
        done = await queries.complete(
            connection,
            row.id,
            key=file.key,
            size=size,
            sha256=sha256,
            facts=inspected.document(),
            task_ids=[task.id for task in tasks],
        )
        if done is None:
            raise UploadOverError("the upload was canceled, or has expired")
    resources.metrics.http.uploaded_bytes.inc(size)
    if file.key != row.key:
        await run_sync(resources.storage.delete, row.key)
    if tasks:
        announce(resources, tasks)
    return done


def wanted_of(row: UploadRow, document: dict[str, object], key: str, *, size: int) -> Wanted:
    """Return a task that was asked for with the upload."""
    source = {"key": key, "caption": (row.filename or "")[:_LONGEST_CAPTION]}
    wanted = wanted_upload(json.dumps(document).encode(), [source])
    return Wanted(
        wanted.spec,
        own=wanted.own,
        source_filename=row.filename,
        source_bytes=size,
        metadata=wanted.metadata,
        cancel_after=wanted.cancel_after,
        webhook=wanted.webhook,
    )


async def refuse(resources: Resources, row: UploadRow, error: ApiError) -> None:
    """End an upload whose bytes are not wanted, and remove them."""
    if not isinstance(error, FileRefusedError | DigestError | TooLargeError):
        return
    async with resources.pool.connection() as connection:
        document = {"code": error.code, "detail": error.detail}
        await queries.end(connection, row.id, status="failed", error=document)
    await run_sync(resources.storage.delete, row.key)


def _compare(row: UploadRow, size: int, sha256: str) -> None:
    if row.size is not None and row.size != size:
        raise DigestError(f"{size:,} bytes came, and {row.size:,} were declared: send all of them")
    refuse_other(row.sha256, sha256)


def refuse_other(declared: str | None, sha256: str) -> None:
    """Raise DigestError where other bytes came than were declared."""
    if declared is not None and declared != sha256:
        raise DigestError("the bytes that came have another SHA-256 than was declared")


def _owner(row: UploadRow) -> Identity:
    """Return who asked for the upload, which may be completed by a sweep."""
    return Identity(user_id=row.owner, role=Role.USER, scopes=SCOPES_OF[Role.USER], via="session")


def _settled(storage: Storage, row: UploadRow) -> StoredObject:
    """Take the bytes from where a signed URL can write no more, and return what there is."""
    try:
        storage.move(staging_key(row.id), row.key)
    except ObjectNotFoundError:
        try:
            return storage.stat(row.key)
        except ObjectNotFoundError:
            raise UploadMissingError(
                "nothing has come yet: send the bytes to the upload's url first"
            ) from None
    return storage.stat(row.key)


def _head(storage: Storage, key: str) -> bytes:
    with storage.open(key) as body:
        return body.read(HEAD)


def _sha256(storage: Storage, key: str) -> str:
    digest = hashlib.sha256()
    with storage.open(key) as body:
        while chunk := body.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def is_there(storage: Storage, file: files.File) -> bool:
    """Whether the bytes of a known file are in storage."""
    try:
        return storage.stat(file.key).size == file.size
    except ObjectNotFoundError:
        return False
