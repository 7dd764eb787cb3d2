"""Once a day, at the hour that a user chose: what became of the user's tasks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.rows import class_row, dict_row

from darkroom_api.database import Connection, Pool
from darkroom_api.mail.outbox import Template, queue_mail
from darkroom_api.mail.preferences import next_digest

_SHOWN: Final = 20


@dataclass(frozen=True)
class Due:
    """A user whose digest is due."""

    owner: UUID
    email: str
    since: datetime
    hour: int
    timezone: str


async def queue_digest(pool: Pool, now: datetime) -> bool:
    """Queue the digest of one user for whom it is due; False if there is none."""
    async with pool.connection() as connection, connection.transaction():
        due = await _lock_due(connection, now)
        if due is None:
            return False
        counts = await _counts(connection, due, now)
        if counts:
            await queue_mail(
                connection,
                due.email,
                Template.DIGEST,
                {
                    "since": _local(due.since, due.timezone),
                    "until": _local(now, due.timezone),
                    "counts": counts,
                    "failed": await _failed(connection, due, now),
                },
                owner=due.owner,
            )
        again = next_digest(now, hour=due.hour, timezone=due.timezone)
        await _move(connection, due.owner, until=now, again=again)
    return True


async def _lock_due(connection: Connection, now: datetime) -> Due | None:
    cursor = connection.cursor(row_factory=class_row(Due))
    await cursor.execute(
        """
        SELECT p.owner, u.email, p.digest_after AS since, p.digest_hour AS hour, p.timezone
        FROM notification_preferences AS p JOIN users AS u ON u.id = p.owner
        WHERE p.digest AND p.next_digest_at <= %s AND u.disabled_at IS NULL
        ORDER BY p.next_digest_at LIMIT 1 FOR UPDATE OF p SKIP LOCKED
        """,
        [now],
    )
    return await cursor.fetchone()


async def _counts(connection: Connection, due: Due, now: datetime) -> dict[str, int]:
    cursor = await connection.execute(
        """
        SELECT status, count(*) FROM tasks
        WHERE owner = %s AND finished_at > %s AND finished_at <= %s
        GROUP BY status ORDER BY status DESC
        """,
        [due.owner, due.since, now],
    )
    return {status: number for status, number in await cursor.fetchall()}  # noqa: C416  # typed


async def _failed(connection: Connection, due: Due, now: datetime) -> list[dict[str, Any]]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(
        """
        SELECT id, source_filename AS filename, coalesce(error ->> 'message', message) AS message
        FROM tasks
        WHERE owner = %s AND finished_at > %s AND finished_at <= %s
            AND status IN ('failed', 'expired')
        ORDER BY finished_at DESC LIMIT %s
        """,
        [due.owner, due.since, now, _SHOWN],
    )
    return await cursor.fetchall()


async def _move(connection: Connection, owner: UUID, *, until: datetime, again: datetime) -> None:
    await connection.execute(
        """
        UPDATE notification_preferences SET digest_after = %s, next_digest_at = %s
        WHERE owner = %s
        """,
        [until, again, owner],
    )


def _local(moment: datetime, timezone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M} {timezone}"
