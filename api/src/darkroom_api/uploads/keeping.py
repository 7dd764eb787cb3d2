"""What becomes of uploads by time alone: those that nobody completed, and files nobody uses."""

import asyncio
import logging
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from anyio.to_thread import run_sync
from darkroom_core.storage import InvalidKeyError, ObjectNotFoundError, Storage, StorageError

from darkroom_api.database import AWAY
from darkroom_api.errors import ApiError
from darkroom_api.maintenance.queries import keys_needed
from darkroom_api.resources import Resources
from darkroom_api.uploads import files, queries
from darkroom_api.uploads.completion import complete_stored
from darkroom_api.uploads.ids import staging_key
from darkroom_api.uploads.queries import UploadRow
from darkroom_api.uploads.receiving import leased

_log = logging.getLogger(__name__)

_BATCH = 100
_UNFINISHED_EVERY_SECONDS = 3600
_MARGIN = timedelta(days=1)
"""So long may a request go on that began before its upload expired."""


async def keep_uploads(resources: Resources) -> None:
    """Go on until cancelled."""
    due = time.monotonic()
    while True:
        await asyncio.sleep(resources.settings.uploads.sweep_seconds)
        try:
            await tidy(resources)
            if time.monotonic() >= due:
                due = time.monotonic() + _UNFINISHED_EVERY_SECONDS
                await sweep_unfinished(resources)
        except (*AWAY, StorageError) as error:
            _log.warning("uploads are looked after later: %s", str(error).strip())
        except Exception:  # noqa: BLE001  # logged; the loop is this process's edge
            # Nobody else would look after them until the process is started again.
            _log.exception("uploads are looked after later")


async def tidy(resources: Resources) -> None:
    """Complete what is there, remove what has expired, and what nobody uses."""
    if resources.settings.storage.backend == "s3":
        await complete_found(resources)
    async with resources.pool.connection() as connection:
        rows = await queries.to_clear(connection, limit=_BATCH)
    for row in rows:
        await _expire(resources, row)
    await remove_unused(resources)
    async with resources.pool.connection() as connection:
        await queries.forget(connection, limit=_BATCH)


async def _expire(resources: Resources, row: UploadRow) -> None:
    async with resources.pool.connection() as connection:
        await queries.end(connection, row.id, status="expired")
        # Somebody may have completed it meanwhile.
        ended = await queries.by_id(connection, row.id, owner=None)
    try:
        if ended:
            await clear(resources, ended)
    except (*AWAY, StorageError):
        raise
    except Exception:  # noqa: BLE001  # logged, and tried again
        # One that cannot be cleared must not keep the others from it.
        _log.exception("%s is cleared later", row.id)


async def sweep_unfinished(resources: Resources) -> None:
    """Remove what processes that were killed had begun to store, once no upload can need it."""
    age = timedelta(seconds=resources.settings.uploads.expiry_seconds) + _MARGIN
    removed = await run_sync(_sweep, resources.storage, datetime.now(UTC) - age)
    if removed:
        _log.info("removed %d unfinished objects", removed)


def _sweep(storage: Storage, before: datetime) -> int:
    return storage.sweep_incoming(before=before)


async def complete_found(resources: Resources) -> None:
    """Complete uploads whose bytes are in the bucket, though their client never said so."""
    async with resources.pool.connection() as connection:
        rows = await queries.to_look_for(connection, limit=_BATCH)
    for row in rows:
        if not await run_sync(_is_there, resources.storage, staging_key(row.id)):
            continue
        with suppress(ApiError):
            async with leased(resources.pool, row.id, seconds=600) as lease:
                if lease.row.status == "waiting":
                    await complete_stored(resources, lease.row)


async def clear(resources: Resources, row: UploadRow) -> None:
    """Remove what has come of an upload that ended without a file, or beside its file."""
    await run_sync(_clear, resources.storage, row)
    async with resources.pool.connection() as connection:
        current = await queries.by_id(connection, row.id, owner=None)
        # Until then a signed URL may write again.
        if current and current.is_expired:
            await queries.note_cleared(connection, row.id)


async def remove_unused(resources: Resources) -> int:
    """Remove files that no task uses and nobody asked about for a while."""
    async with resources.pool.connection() as connection, connection.transaction():
        keys = await files.lock_unused_since(
            connection, seconds=resources.settings.uploads.unused_seconds, limit=_BATCH
        )
        if not keys:
            return 0
        needed = await keys_needed(connection, keys, without=[])
        await files.note_used(connection, needed)
        unused = [key for key in keys if key not in needed]
        await files.forget(connection, unused)
        for key in unused:
            await run_sync(resources.storage.delete, key)
    return len(unused)


def _clear(storage: Storage, row: UploadRow) -> None:
    if row.parked and row.status != "completed":
        with suppress(StorageError):
            storage.incoming(
                row.key, content_type="application/octet-stream", parked=row.parked
            ).discard()
    storage.delete(staging_key(row.id))
    if row.status != "completed":
        storage.delete(row.key)


def _is_there(storage: Storage, key: str) -> bool:
    with suppress(ObjectNotFoundError, InvalidKeyError):
        storage.stat(key)
        return True
    return False
