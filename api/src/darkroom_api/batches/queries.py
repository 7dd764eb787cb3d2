"""The SQL of batches: one function, one statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from darkroom_api.database import Connection
from darkroom_api.tasks.queries import Position


@dataclass(frozen=True)
class BatchRow:
    """A batch, with what has become of its tasks."""

    id: str
    owner: UUID
    metadata: dict[str, str]
    created_at: datetime
    tasks: list[str]
    """Ids, in the order in which they were made; of one that was tried again, the last."""
    counts: dict[str, int]
    """By state."""
    progress: int
    finished_at: datetime | None


_VISIBLE_BATCH: Final = sql.SQL("(%(owner)s::uuid IS NULL OR batches.owner = %(owner)s)")
# A task that was tried again counts no more: what it was tried again as does.
_STATES: Final = sql.SQL(
    """
    SELECT batches.id, batches.owner, batches.metadata, batches.created_at,
        coalesce(array_agg(task.id ORDER BY task.created_at, task.id)
            FILTER (WHERE task.id IS NOT NULL), '{{}}') AS tasks,
        jsonb_strip_nulls(jsonb_build_object({})) AS counts,
        coalesce(floor(avg(
            CASE WHEN task.status IN ('queued', 'running') THEN task.progress ELSE 100 END
        )), 100)::integer AS progress,
        CASE WHEN bool_and(task.finished_at IS NOT NULL) THEN max(task.finished_at) END
            AS finished_at
    FROM batches LEFT JOIN LATERAL (
        SELECT id, created_at, status, progress, finished_at FROM tasks
        WHERE batch = batches.id AND deleted_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM tasks AS again WHERE again.origin = tasks.id AND again.batch = tasks.batch
        )
    ) AS task ON true
    WHERE {} AND {}
    GROUP BY batches.id
    """
)
_COUNTS: Final = sql.SQL(", ").join(
    sql.SQL("{0}, nullif(count(*) FILTER (WHERE task.status = {0}), 0)").format(sql.Literal(state))
    for state in ("queued", "running", "succeeded", "failed", "canceled", "expired")
)


async def insert_batch(
    connection: Connection, batch_id: str, *, owner: UUID, metadata: dict[str, str]
) -> None:
    """Add a batch, before its tasks."""
    await connection.execute(
        "INSERT INTO batches (id, owner, metadata) VALUES (%s, %s, %s)",
        [batch_id, owner, Jsonb(metadata)],
    )


async def batch_by_id(
    connection: Connection, batch_id: str, *, owner: UUID | None
) -> BatchRow | None:
    """Return the batch, if `owner` (None: an admin) may see it."""
    cursor = connection.cursor(row_factory=class_row(BatchRow))
    await cursor.execute(
        _STATES.format(_COUNTS, sql.SQL("batches.id = %(id)s"), _VISIBLE_BATCH),
        {"id": batch_id, "owner": owner},
    )
    return await cursor.fetchone()


async def batches_page(
    connection: Connection, *, owner: UUID | None, after: Position | None, limit: int
) -> list[BatchRow]:
    """Return batches that `owner` (None: an admin) may see, newest first."""
    place = sql.SQL(
        "(batches.created_at, batches.id) < (%(created_at)s, %(after)s)" if after else "true"
    )
    newest = sql.SQL(
        """
        batches.id IN (
            SELECT batches.id FROM batches WHERE {} AND {}
            ORDER BY batches.created_at DESC, batches.id DESC LIMIT %(limit)s
        )
        """
    ).format(place, sql.SQL("batches.owner = %(owner)s" if owner else "true"))
    cursor = connection.cursor(row_factory=class_row(BatchRow))
    await cursor.execute(
        sql.SQL("{} ORDER BY batches.created_at DESC, batches.id DESC").format(
            _STATES.format(_COUNTS, newest, sql.SQL("true"))
        ),
        {
            "owner": owner,
            "created_at": after and after.created_at,
            "after": after and after.id,
            "limit": limit,
        },
    )
    return await cursor.fetchall()


async def delete_empty(connection: Connection, *, limit: int) -> int:
    """Forget old batches of which no task is left; return how many."""
    cursor = await connection.execute(
        """
        DELETE FROM batches WHERE id IN (
            SELECT id FROM batches
            WHERE created_at <= now() - interval '1 day'
                AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.batch = batches.id)
            LIMIT %s FOR UPDATE SKIP LOCKED
        )
        """,
        [limit],
    )
    return cursor.rowcount
