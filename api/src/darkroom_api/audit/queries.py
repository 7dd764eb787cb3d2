"""The SQL of reading the audit log."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from darkroom_api.database import Connection


@dataclass(frozen=True)
class EventRow:
    """A row of audit_events."""

    id: int
    at: datetime
    type: str
    actor: UUID | None
    subject: str | None
    address: str | None
    user_agent: str | None
    request_id: str | None
    details: dict[str, Any]


@dataclass(frozen=True)
class Filter:
    """Which events are looked for; None: all."""

    type: str | None = None
    actor: UUID | None = None
    subject: str | None = None
    since: datetime | None = None
    before: int | None = None
    """Only events with smaller ids."""


async def page(connection: Connection, wanted: Filter, *, limit: int) -> list[EventRow]:
    """Return events, newest first."""
    cursor = connection.cursor(row_factory=class_row(EventRow))
    await cursor.execute(
        """
        SELECT id, at, type, actor, subject, address, user_agent, request_id, details
        FROM audit_events
        WHERE (%(type)s::text IS NULL OR type = %(type)s)
            AND (%(actor)s::uuid IS NULL OR actor = %(actor)s)
            AND (%(subject)s::text IS NULL OR subject = %(subject)s)
            AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
            AND (%(before)s::bigint IS NULL OR id < %(before)s)
        ORDER BY id DESC
        LIMIT %(limit)s
        """,
        {
            "type": wanted.type,
            "actor": wanted.actor,
            "subject": wanted.subject,
            "since": wanted.since,
            "before": wanted.before,
            "limit": limit,
        },
    )
    return await cursor.fetchall()


async def forget_old(connection: Connection, *, days: int) -> int:
    """Delete what is older."""
    cursor = await connection.execute(
        "DELETE FROM audit_events WHERE at < now() - make_interval(days => %s)", [days]
    )
    return cursor.rowcount
