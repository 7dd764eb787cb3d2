"""Who sees which tasks. What may not be seen looks like what is not there."""

from uuid import UUID

from darkroom_api.auth.identity import Identity
from darkroom_api.database import Pool
from darkroom_api.errors import NotFoundError
from darkroom_api.tasks import queries


async def visible_task(pool: Pool, identity: Identity, task_id: str) -> queries.TaskRow:
    """Return the task, or raise NotFoundError."""
    async with pool.connection() as connection:
        row = await queries.task_by_id(connection, stored_id(task_id), owner=scope_of(identity))
    if row is None:
        raise NotFoundError(f"there is no task {task_id}")
    return row


async def visible_version(pool: Pool, identity: Identity, task_id: str) -> int:
    """Return the task's version, or raise NotFoundError."""
    async with pool.connection() as connection:
        version = await queries.version_by_id(
            connection, stored_id(task_id), owner=scope_of(identity)
        )
    if version is None:
        raise NotFoundError(f"there is no task {task_id}")
    return version


def scope_of(identity: Identity) -> UUID | None:
    """Return whose tasks may be seen; None: everybody's."""
    return None if identity.sees_all else identity.user_id


def stored_id(task_id: str) -> str:
    """Postgres takes no NUL in a text; no task has one in its id."""
    return task_id.replace("\0", "")
