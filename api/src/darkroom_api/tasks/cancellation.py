"""The SQL of cancels: one task, many, and those whose time is over."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from darkroom_api.database import Connection
from darkroom_api.tasks.filters import Filter
from darkroom_api.tasks.queries import COLUMNS, VISIBLE, TaskRow

_UNFINISHED: Final = sql.SQL("status IN ('queued', 'running')")
# A task without a known resource is canceled at once. Where its creation was tried, the submitter
# still looks for a resource, since an answer may have been lost.
_CANCEL: Final = sql.SQL(
    """
    UPDATE tasks SET
        cancel_requested_at = coalesce(cancel_requested_at, now()),
        status = CASE WHEN uid IS NULL THEN 'canceled' ELSE status END,
        finished_at = CASE WHEN uid IS NULL THEN now() END,
        withdrawn_at = CASE WHEN uid IS NULL AND submit_attempts = 0 THEN now() END,
        -- A try that is under way keeps its lease, so that nothing is deleted before it
        -- may have been created.
        submit_after = CASE WHEN uid IS NULL THEN submit_after ELSE now() END,
        updated_at = now()
    """
)
# Those who cancel at once lock in the same order.
_CHOSEN: Final = sql.SQL(
    """
    id = ANY(ARRAY(
        SELECT id FROM tasks
        WHERE {} AND status IN ('queued', 'running') AND cancel_requested_at IS NULL
        ORDER BY created_at, id LIMIT %(limit)s FOR UPDATE {}
    )) AND status IN ('queued', 'running')
    """
)


async def cancel_one(connection: Connection, task_id: str, *, owner: UUID | None) -> TaskRow | None:
    """Ask for an unfinished task's end; None if there is none."""
    cursor = connection.cursor(row_factory=class_row(TaskRow))
    await cursor.execute(
        sql.SQL("{} WHERE id = %(id)s AND {} AND {} RETURNING {}").format(
            _CANCEL, VISIBLE, _UNFINISHED, COLUMNS
        ),
        {"id": task_id, "owner": owner},
    )
    return await cursor.fetchone()


async def cancel_named(
    connection: Connection, task_ids: Sequence[str], *, owner: UUID | None
) -> set[str]:
    """Ask for the end of those that are unfinished; return which these are."""
    cursor = await connection.execute(
        sql.SQL(
            """
            {} WHERE id = ANY(ARRAY(
                SELECT id FROM tasks WHERE id = ANY(%(ids)s) AND {} AND {} ORDER BY id FOR UPDATE
            ))
            RETURNING id
            """
        ).format(_CANCEL, VISIBLE, _UNFINISHED),
        {"ids": list(task_ids), "owner": owner},
    )
    return {task_id for (task_id,) in await cursor.fetchall()}


async def cancel_filtered(connection: Connection, wanted: Filter, *, limit: int) -> list[str]:
    """Ask for the end of the oldest that the filter lets through; return which these are."""
    chosen = _CHOSEN.format(wanted.condition, sql.SQL(""))
    cursor = await connection.execute(
        sql.SQL("{} WHERE {} RETURNING id").format(_CANCEL, chosen),
        {**wanted.values, "limit": limit},
    )
    # By age: as ids of tasks that were made by REST sort.
    return sorted(task_id for (task_id,) in await cursor.fetchall())


async def cancelable(connection: Connection, wanted: Filter, *, limit: int) -> list[str]:
    """Return what `cancel_filtered` would cancel."""
    cursor = await connection.execute(
        sql.SQL(
            """
            SELECT id FROM tasks WHERE {} AND {} AND cancel_requested_at IS NULL
            ORDER BY created_at, id LIMIT %(limit)s
            """
        ).format(wanted.condition, _UNFINISHED),
        {**wanted.values, "limit": limit},
    )
    return [task_id for (task_id,) in await cursor.fetchall()]


async def cancel_overdue(connection: Connection, *, limit: int) -> int:
    """Cancel what has not ended within its Cancel-After; return how many.

    What somebody else is busy with is left for the next time.
    """
    chosen = _CHOSEN.format(sql.SQL("cancel_at <= now()"), sql.SQL("SKIP LOCKED"))
    cursor = await connection.execute(
        sql.SQL("{} WHERE {}").format(_CANCEL, chosen), {"limit": limit}
    )
    return cursor.rowcount
