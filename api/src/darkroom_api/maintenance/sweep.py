"""The retention sweep: what is old enough leaves storage, and then Postgres.

Objects go first and the row after, so that a sweep that is cut short is done again and nothing is
left without a row that knows of it. The rows stay locked meanwhile: a replay that comes between
waits, and is told that the upload is gone, or is seen and keeps it.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from anyio.to_thread import run_sync
from darkroom_core import names
from darkroom_core.storage import InvalidKeyError, Storage

from darkroom_api.database import Connection, Pool
from darkroom_api.maintenance import queries
from darkroom_api.maintenance.queries import Ended
from darkroom_api.tasks.files import facts_key, key_of, keys_in, wishes_of
from darkroom_api.uploads import files

BATCH: Final = 200
"""Most tasks that one call looks at."""

_THREADS: Final = 16
# What people put under other keys is theirs.
_UPLOAD: Final = re.compile(re.escape(names.upload_key("task-")) + r"[0-9a-f]{32}(/[0-9]+)?")


@dataclass(frozen=True)
class Swept:
    """What one call did."""

    objects: int = 0
    rows: int = 0
    is_more: bool = False


async def sweep(
    pool: Pool, storage: Storage, *, outputs_age: int | None, history_age: int | None
) -> Swept:
    """Delete a batch of what is that old, in seconds after the task's end; None: never."""
    swept = Swept()
    async with pool.connection() as connection:
        if history_age is not None:
            async with connection.transaction():
                ended = await queries.lock_rows_to_delete(connection, age=history_age, limit=BATCH)
                objects = await delete_objects(connection, storage, ended)
                await queries.delete_rows(connection, [task.id for task in ended])
            swept = Swept(objects, len(ended), len(ended) == BATCH)
        if outputs_age is not None and not swept.is_more:
            async with connection.transaction():
                ended = await queries.lock_outputs_to_delete(
                    connection, age=outputs_age, limit=BATCH
                )
                objects = await delete_objects(connection, storage, ended)
                await queries.note_outputs_deleted(connection, [task.id for task in ended])
            swept = Swept(swept.objects + objects, swept.rows, len(ended) == BATCH)
    return swept


async def delete_objects(
    connection: Connection, storage: Storage, ended: list[Ended], *, prefix: str = ""
) -> int:
    """Delete what is stored of these tasks under the prefix; return how many keys that were."""
    uploads = {
        key
        for task in ended
        for key in keys_in(task.spec)
        if _UPLOAD.fullmatch(key) and key.startswith(prefix)
    }
    if uploads:
        ids = [task.id for task in ended]
        await files.lock(connection, uploads)
        uploads -= await queries.keys_needed(connection, sorted(uploads), without=ids)
        await files.forget(connection, uploads)
    made = [key for task in ended for key in _keys_of(task) if key.startswith(prefix)]
    await run_sync(_delete, storage, [*uploads, *made])
    return len(uploads) + len(made)


def _keys_of(task: Ended) -> list[str]:
    """Return the keys of all it might have written: a failed task may have got half way."""
    if task.uid is None:
        return []
    wishes = wishes_of(task.spec, task.recipe_outputs)
    return [*(key_of(task.uid, wish.file) for wish in wishes), facts_key(task.uid)]


def _delete(storage: Storage, keys: Sequence[str]) -> None:
    def delete(key: str) -> None:
        # Under what is no key there is no object.
        with suppress(InvalidKeyError):
            storage.delete(key)

    with ThreadPoolExecutor(_THREADS) as threads:
        for _ in threads.map(delete, keys):
            pass
