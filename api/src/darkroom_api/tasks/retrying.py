"""The SQL of retries: a task that did not succeed is made again, as a new one that names it.

A replay is the same for what has failed alone. The lock keeps the sweep from the upload until the
copy is there to need it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from darkroom_core.conditions import State
from darkroom_core.trace_context import CURRENT
from psycopg import sql
from psycopg.rows import class_row

from darkroom_api.database import Connection
from darkroom_api.tasks.filters import Filter
from darkroom_api.tasks.ids import new_id
from darkroom_api.tasks.queries import COLUMNS, VISIBLE, TaskRow

RETRIED: Final = (State.FAILED.value, State.CANCELED.value, State.EXPIRED.value)
REPLAYED: Final = (State.FAILED.value,)

_HAS_SOURCE: Final = sql.SQL(
    """
    spec IS NOT NULL
    AND NOT EXISTS (
        SELECT 1 FROM unnest(cleaned_prefixes) AS prefix
        WHERE starts_with(spec -> 'source' ->> 'key', prefix)
    )
    AND (
        outputs_deleted_at IS NULL
        OR (
            coalesce(spec -> 'source' ->> 'key', '') NOT LIKE 'uploads/task-%%'
            AND NOT jsonb_path_exists(
                spec, '$.sources[*].key ? (@ starts with "uploads/task-")'
            )
        )
    )
    """
)
# By a filter each is tried again once: who repeats the request goes on with the others.
_NOT_YET: Final = sql.SQL(
    """
    status = ANY(%(retried)s)
    AND NOT EXISTS (SELECT 1 FROM tasks AS again WHERE again.origin = tasks.id)
    """
)
_COPY: Final = sql.SQL(
    """
    WITH ended AS (
        SELECT * FROM tasks
        WHERE id = ANY(%(ids)s) AND {} AND status = ANY(%(retried)s) AND {}
        ORDER BY id
        FOR UPDATE
    ), told AS (
        INSERT INTO task_webhooks (task_id, owner, url, types)
        SELECT new.id, hook.owner, hook.url, hook.types
        FROM task_webhooks AS hook
        JOIN unnest(%(ids)s::text[], %(new_ids)s::text[]) AS new (origin, id)
            ON new.origin = hook.task_id
        WHERE hook.task_id IN (SELECT id FROM ended)
    )
    INSERT INTO tasks (
        id, name, owner, namespace, spec, source_filename, source_bytes, metadata, batch, cancel_at,
        traceparent
    )
    SELECT new.id, new.id, owner, %(namespace)s,
        spec - 'suspend' || jsonb_build_object('origin', ended.id), source_filename, source_bytes,
        metadata, batch, now() + (cancel_at - created_at), %(traceparent)s
    FROM ended
    JOIN unnest(%(ids)s::text[], %(new_ids)s::text[]) AS new (origin, id) ON new.origin = ended.id
    RETURNING {}
    """
).format(VISIBLE, _HAS_SOURCE, COLUMNS)


@dataclass(frozen=True)
class Found:
    """A task that somebody named, and how it stands."""

    id: str
    status: str


async def insert_retries(
    connection: Connection,
    task_ids: Sequence[str],
    *,
    owner: UUID | None,
    namespace: str,
    statuses: Sequence[str] = RETRIED,
) -> list[TaskRow]:
    """Queue a copy of each that has ended so and whose source is kept; leave the others out."""
    traced = CURRENT.get()
    cursor = connection.cursor(row_factory=class_row(TaskRow))
    await cursor.execute(
        _COPY,
        {
            "ids": list(task_ids),
            "new_ids": [new_id() for _ in task_ids],
            "owner": owner,
            "traceparent": traced.traceparent if traced else None,
            "namespace": namespace,
            "retried": list(statuses),
        },
    )
    return await cursor.fetchall()


async def retryable(connection: Connection, wanted: Filter, *, limit: int) -> list[str]:
    """Return the oldest that the filter lets through and nobody tried again."""
    cursor = await connection.execute(
        sql.SQL(
            "SELECT id FROM tasks WHERE {} AND {} AND {} ORDER BY created_at, id LIMIT %(limit)s"
        ).format(wanted.condition, _NOT_YET, _HAS_SOURCE),
        {**wanted.values, "retried": list(RETRIED), "limit": limit},
    )
    return [task_id for (task_id,) in await cursor.fetchall()]


async def with_source(
    connection: Connection, task_ids: Sequence[str], *, owner: UUID | None
) -> set[str]:
    """Return those that `insert_retries` would make again."""
    cursor = await connection.execute(
        sql.SQL(
            "SELECT id FROM tasks WHERE id = ANY(%(ids)s) AND {} AND status = ANY(%(retried)s)"
            " AND {}"
        ).format(VISIBLE, _HAS_SOURCE),
        {"ids": list(task_ids), "owner": owner, "retried": list(RETRIED)},
    )
    return {task_id for (task_id,) in await cursor.fetchall()}


async def found(
    connection: Connection, task_ids: Sequence[str], *, owner: UUID | None
) -> dict[str, str]:
    """Return the states of those that may be seen."""
    cursor = connection.cursor(row_factory=class_row(Found))
    await cursor.execute(
        sql.SQL("SELECT id, status FROM tasks WHERE id = ANY(%(ids)s) AND {}").format(VISIBLE),
        {"ids": list(task_ids), "owner": owner},
    )
    return {row.id: row.status for row in await cursor.fetchall()}
