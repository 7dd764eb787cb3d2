"""The SQL about the log of deliveries, as owners see it: one function, one statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from darkroom_api.database import Connection


@dataclass(frozen=True)
class DeliveryRow:
    """A delivery of a webhook, as far as it is shown."""

    id: str
    position: int
    endpoint: str | None
    url: str
    task_id: str | None
    type: str
    body: str
    status: str
    tries: int
    due_at: datetime
    error: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class AttemptRow:
    """A row of delivery_attempts."""

    number: int
    at: datetime
    status_code: int | None
    error: str | None
    latency_ms: int
    response: str | None


@dataclass(frozen=True)
class Filter:
    """Which deliveries."""

    owner: UUID
    endpoint: str | None = None
    task_id: str | None = None
    status: str | None = None
    type: str | None = None
    before: int | None = None


_SELECT: Final = sql.SQL(
    """
    SELECT d.id, d.position, d.endpoint, coalesce(d.url, e.url) AS url, d.task_id, d.type, d.body,
        d.status, d.tries, d.due_at, d.error, d.created_at, d.finished_at
    FROM deliveries AS d LEFT JOIN webhook_endpoints AS e ON e.id = d.endpoint
    """
)


async def deliveries(connection: Connection, wanted: Filter, *, limit: int) -> list[DeliveryRow]:
    """Return the newest of the deliveries."""
    cursor = connection.cursor(row_factory=class_row(DeliveryRow))
    await cursor.execute(
        _SELECT
        + sql.SQL(
            """
            WHERE d.kind = 'webhook' AND d.owner = %(owner)s
                AND (%(endpoint)s::text IS NULL OR d.endpoint = %(endpoint)s)
                AND (%(task_id)s::text IS NULL OR d.task_id = %(task_id)s)
                AND (%(status)s::text IS NULL OR d.status = %(status)s)
                AND (%(type)s::text IS NULL OR d.type = %(type)s)
                AND (%(before)s::bigint IS NULL OR d.position < %(before)s)
            ORDER BY d.position DESC LIMIT %(limit)s
            """
        ),
        {**vars(wanted), "limit": limit},
    )
    return await cursor.fetchall()


async def delivery(connection: Connection, delivery_id: str, owner: UUID) -> DeliveryRow | None:
    """Return one of the owner's deliveries."""
    cursor = connection.cursor(row_factory=class_row(DeliveryRow))
    await cursor.execute(
        _SELECT + sql.SQL("WHERE d.kind = 'webhook' AND d.id = %s AND d.owner = %s"),
        [delivery_id, owner],
    )
    return await cursor.fetchone()


async def attempts_of(connection: Connection, delivery_id: str) -> list[AttemptRow]:
    """Return the tries that have ended."""
    cursor = connection.cursor(row_factory=class_row(AttemptRow))
    await cursor.execute(
        """
        SELECT number, at, status_code, error, latency_ms, response
        FROM delivery_attempts WHERE delivery = %s ORDER BY number
        """,
        [delivery_id],
    )
    return await cursor.fetchall()


async def insert_test(  # noqa: PLR0913  # the columns
    connection: Connection, delivery_id: str, owner: UUID, *, endpoint: str, type_: str, body: str
) -> None:
    """Add a delivery that is about no task."""
    await connection.execute(
        """
        INSERT INTO deliveries (id, kind, lane, channel, owner, endpoint, type, body)
        VALUES (%s, 'webhook', %s, %s, %s, %s, %s, %s)
        """,
        [delivery_id, endpoint, delivery_id, owner, endpoint, type_, body],
    )


async def replay_one(connection: Connection, delivery_id: str, owner: UUID) -> bool:
    """Send one again, whatever came of it; False if it is being sent anyway."""
    cursor = await connection.execute(
        """
        UPDATE deliveries
        SET status = 'pending', attempts = 0, due_at = now(), error = NULL, finished_at = NULL
        WHERE id = %s AND owner = %s AND kind = 'webhook' AND status <> 'pending'
        """,
        [delivery_id, owner],
    )
    return cursor.rowcount > 0


async def replay_failed(
    connection: Connection, owner: UUID, *, since: datetime, endpoint: str | None
) -> int:
    """Send again what has failed since; not to endpoints that are disabled."""
    cursor = await connection.execute(
        """
        UPDATE deliveries AS d
        SET status = 'pending', attempts = 0, due_at = now(), error = NULL, finished_at = NULL
        WHERE d.owner = %(owner)s AND d.kind = 'webhook' AND d.status = 'failed'
            AND d.created_at >= %(since)s
            AND (%(endpoint)s::text IS NULL OR d.endpoint = %(endpoint)s)
            AND NOT EXISTS (
                SELECT FROM webhook_endpoints AS e
                WHERE e.id = d.endpoint AND e.disabled_at IS NOT NULL
            )
        """,
        {"owner": owner, "since": since, "endpoint": endpoint},
    )
    return cursor.rowcount
