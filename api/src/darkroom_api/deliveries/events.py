"""Reads what happened to tasks, once, whatever the number of replicas: by one row in Postgres.

Whoever has the row locked reads on from it, and moves it in the transaction that makes the
deliveries; so each event becomes deliveries exactly once, and in the order of events.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from darkroom_api.database import Connection
from darkroom_api.tasks.queries import COLUMNS, TaskRow


@dataclass(frozen=True)
class Place:
    """How far events were read."""

    xid: str
    id: int


@dataclass(frozen=True)
class TaskEvent:
    """Something that happened to a task."""

    xid: str
    id: int
    task_id: str
    owner: UUID | None
    type: str
    created_at: datetime


@dataclass(frozen=True)
class Endpoint:
    """Where an owner is told about all tasks."""

    id: str
    owner: UUID
    types: list[str]


@dataclass(frozen=True)
class TaskUrl:
    """Where somebody is told about one task."""

    task_id: str
    owner: UUID
    url: str
    types: list[str]


@dataclass(frozen=True)
class Reader:
    """Who is written to when a task ends."""

    owner: UUID
    email: str
    on_success: bool
    on_failure: bool


@dataclass(frozen=True)
class NewDelivery:
    """What is to be told, to whom."""

    id: str
    kind: str
    lane: str
    channel: str
    owner: UUID
    type: str
    body: str
    endpoint: str | None = None
    url: str | None = None
    recipient: str | None = None
    task_id: str | None = None


async def lock_place(connection: Connection) -> Place | None:
    """Lock the place until the transaction ends; None if somebody else has it.

    A place that this server has not come to is one of the server of which it was restored: then
    all that happened here is new.
    """
    cursor = connection.cursor(row_factory=class_row(Place))
    await cursor.execute(
        """
        SELECT CASE WHEN xid > pg_snapshot_xmax(pg_current_snapshot()) THEN '0'
            ELSE xid::text END AS xid, id
        FROM outbox_position FOR UPDATE SKIP LOCKED
        """
    )
    return await cursor.fetchone()


async def events_after(connection: Connection, place: Place, *, limit: int) -> list[TaskEvent]:
    """Return the next events of transactions before which none is still under way."""
    cursor = connection.cursor(row_factory=class_row(TaskEvent))
    await cursor.execute(
        """
        SELECT xid::text, id, task_id, owner, type, created_at FROM task_events
        WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
            AND (task_events.xid, id) > (%s::xid8, %s)
        ORDER BY task_events.xid, id LIMIT %s
        """,
        [place.xid, place.id, limit],
    )
    return await cursor.fetchall()


async def move_place(connection: Connection, place: Place) -> None:
    """Read on from here."""
    await connection.execute(
        "UPDATE outbox_position SET xid = %s::xid8, id = %s", [place.xid, place.id]
    )


async def endpoints_of(connection: Connection, owners: Collection[UUID]) -> list[Endpoint]:
    """Return the endpoints that are not disabled, of users who are not."""
    cursor = connection.cursor(row_factory=class_row(Endpoint))
    await cursor.execute(
        """
        SELECT e.id, e.owner, e.types
        FROM webhook_endpoints AS e JOIN users AS u ON u.id = e.owner
        WHERE e.owner = ANY(%s) AND e.disabled_at IS NULL AND u.disabled_at IS NULL
        """,
        [list(owners)],
    )
    return await cursor.fetchall()


async def urls_of(connection: Connection, task_ids: Collection[str]) -> list[TaskUrl]:
    """Return the URLs that were given with these tasks."""
    cursor = connection.cursor(row_factory=class_row(TaskUrl))
    await cursor.execute(
        """
        SELECT w.task_id, w.owner, w.url, w.types
        FROM task_webhooks AS w JOIN users AS u ON u.id = w.owner
        WHERE w.task_id = ANY(%s) AND u.disabled_at IS NULL
        """,
        [list(task_ids)],
    )
    return await cursor.fetchall()


async def readers_among(connection: Connection, owners: Collection[UUID]) -> list[Reader]:
    """Return who of them wants mail when a task ends."""
    cursor = connection.cursor(row_factory=class_row(Reader))
    await cursor.execute(
        """
        SELECT p.owner, u.email, p.on_success, p.on_failure
        FROM notification_preferences AS p JOIN users AS u ON u.id = p.owner
        WHERE p.owner = ANY(%s) AND (p.on_success OR p.on_failure) AND u.disabled_at IS NULL
        """,
        [list(owners)],
    )
    return await cursor.fetchall()


async def tasks_of(connection: Connection, task_ids: Collection[str]) -> list[TaskRow]:
    """Return the tasks as they are now."""
    cursor = connection.cursor(row_factory=class_row(TaskRow))
    await cursor.execute(
        sql.SQL("SELECT {} FROM tasks WHERE id = ANY(%s)").format(COLUMNS), [list(task_ids)]
    )
    return await cursor.fetchall()


async def insert_deliveries(connection: Connection, wanted: Sequence[NewDelivery]) -> None:
    """Add deliveries, in this order. Of progress that nobody was told yet, one is enough."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO deliveries (
                id, kind, lane, channel, owner, endpoint, url, recipient, task_id, type, body
            )
            SELECT
                %(id)s, %(kind)s, %(lane)s, %(channel)s, %(owner)s, %(endpoint)s, %(url)s,
                %(recipient)s, %(task_id)s, %(type)s, %(body)s
            WHERE %(type)s::text <> 'task.progress' OR NOT EXISTS (
                SELECT FROM deliveries
                WHERE status = 'pending' AND channel = %(channel)s AND type = 'task.progress'
                    AND attempts = 0
            )
            """,
            [vars(delivery) for delivery in wanted],
        )
