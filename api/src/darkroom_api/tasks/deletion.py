"""Deleting a finished task: its files first, then what was known of it.

The row stays for a while, empty and seen by nobody: the operator would write another about a
resource that it still sees. The submitter withdraws the resource, and housekeeping the row.
"""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter
from psycopg import sql
from psycopg.rows import class_row

from darkroom_api import errors, responses
from darkroom_api.database import Connection
from darkroom_api.deps import Res, TaskWriter
from darkroom_api.maintenance.queries import Ended
from darkroom_api.maintenance.sweep import delete_objects
from darkroom_api.tasks.access import scope_of, stored_id, visible_task
from darkroom_api.tasks.queries import VISIBLE

router = APIRouter(prefix="/v1/tasks", tags=["tasks"])


@router.delete(
    "/{task_id}",
    operation_id="deleteTask",
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses.of(
        errors.UnauthorizedError,
        errors.ForbiddenError,
        errors.NotFoundError,
        errors.NotFinishedError,
        errors.UnavailableError,
    ),
)
async def delete_task(task_id: str, identity: TaskWriter, resources: Res) -> None:
    """Delete a finished task: its outputs, its upload and its history.

    An upload that another of your tasks is made from stays as long as that one.
    """
    async with resources.pool.connection() as connection, connection.transaction():
        ended = await lock_ended(connection, stored_id(task_id), owner=scope_of(identity))
        if ended:
            await delete_objects(connection, resources.storage, [ended])
            await empty(connection, ended.id)
    if ended is None:
        row = await visible_task(resources.pool, identity, task_id)
        raise errors.NotFinishedError(f"the task is {row.status}: cancel it first")
    resources.submitter.wake()


async def lock_ended(connection: Connection, task_id: str, *, owner: UUID | None) -> Ended | None:
    """Return a finished task that may be seen, locked until the transaction ends."""
    cursor = connection.cursor(row_factory=class_row(Ended))
    await cursor.execute(
        sql.SQL(
            """
            SELECT id, uid, coalesce(spec, '{{}}') AS spec, recipe_outputs FROM tasks
            WHERE id = %(id)s AND {} AND status NOT IN ('queued', 'running')
            FOR UPDATE
            """
        ).format(VISIBLE),
        {"id": task_id, "owner": owner},
    )
    return await cursor.fetchone()


async def empty(connection: Connection, task_id: str) -> None:
    """Forget what is known of a task, and have its resource withdrawn."""
    await connection.execute(
        """
        UPDATE tasks SET
            deleted_at = now(), outputs_deleted_at = coalesce(outputs_deleted_at, now()),
            spec = NULL, recipe_outputs = NULL, source_facts = NULL, source_filename = NULL,
            source_bytes = NULL, outputs = '[]', tries = '[]', error = NULL, metadata = '{}',
            message = NULL, submit_error = NULL, dead_lettered = false,
            cancel_requested_at = coalesce(cancel_requested_at, now()), submit_after = now(),
            updated_at = now()
        WHERE id = %s
        """,
        [task_id],
    )


async def forget(connection: Connection, *, limit: int) -> int:
    """Delete rows of tasks that were deleted so long ago that nobody sees their resource."""
    cursor = await connection.execute(
        """
        DELETE FROM tasks WHERE id IN (
            SELECT id FROM tasks
            WHERE deleted_at <= now() - interval '1 hour' AND withdrawn_at IS NOT NULL
            ORDER BY deleted_at LIMIT %s FOR UPDATE SKIP LOCKED
        )
        """,
        [limit],
    )
    return cursor.rowcount
