"""Cleanup: a task of that type removes the stored files of tasks that ended long enough ago.

Unlike the sweep it reaches one owner's files, or one namespace's, and of those a prefix's. A task
of which all may go is marked as the sweep marks it; of others it is noted which prefix was done.
"""

from dataclasses import dataclass
from uuid import UUID

from darkroom_core.storage import Storage

from darkroom_api.database import Pool
from darkroom_api.maintenance import queries
from darkroom_api.maintenance.sweep import BATCH, delete_objects


@dataclass(frozen=True)
class Cleaned:
    """What one call did."""

    removed: int
    is_more: bool


async def clean(  # noqa: PLR0913  # whose files, and which of them
    pool: Pool,
    storage: Storage,
    *,
    owner: UUID | None = None,
    namespace: str | None = None,
    age: int,
    prefix: str,
) -> Cleaned:
    """Remove a batch of files whose tasks ended `age` seconds ago."""
    async with pool.connection() as connection, connection.transaction():
        ended = await queries.lock_files_to_clean(
            connection, owner=owner, namespace=namespace, age=age, prefix=prefix, limit=BATCH
        )
        removed = await delete_objects(connection, storage, ended, prefix=prefix)
        ids = [task.id for task in ended]
        if prefix:
            await queries.note_cleaned(connection, ids, prefix=prefix)
        else:
            await queries.note_outputs_deleted(connection, ids)
    return Cleaned(removed, len(ended) == BATCH)
