"""The SQL of uploads: one function, one statement, typed rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from darkroom_api.database import Connection


@dataclass(frozen=True)
class UploadRow:
    """An upload."""

    id: str
    owner: UUID
    via: str
    status: str
    key: str
    size: int | None
    received: int
    parked: str | None
    content_type: str | None
    filename: str | None
    sha256: str | None
    facts: dict[str, Any] | None
    tasks: list[dict[str, Any]]
    task_ids: list[str]
    error: dict[str, Any] | None
    created_at: datetime
    expires_at: datetime
    finished_at: datetime | None

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at <= datetime.now(UTC)


@dataclass(frozen=True)
class NewUpload:
    """An upload that is asked for."""

    id: str
    owner: UUID
    via: str
    key: str
    size: int | None
    content_type: str | None
    filename: str | None
    sha256: str | None
    tasks: list[dict[str, Any]]
    seconds: int


_COLUMNS: Final = sql.SQL(
    "id, owner, via, status, key, size, received, parked, content_type, filename, sha256, facts, "
    "tasks, task_ids, error, created_at, expires_at, finished_at"
)


async def insert(connection: Connection, new: NewUpload) -> UploadRow:
    """Add an upload."""
    cursor = connection.cursor(row_factory=class_row(UploadRow))
    await cursor.execute(
        sql.SQL(
            """
            INSERT INTO uploads (
                id, owner, via, key, size, content_type, filename, sha256, tasks, expires_at
            )
            VALUES (
                %(id)s, %(owner)s, %(via)s, %(key)s, %(size)s, %(content_type)s, %(filename)s,
                %(sha256)s, %(tasks)s, now() + make_interval(secs => %(seconds)s)
            )
            RETURNING {}
            """
        ).format(_COLUMNS),
        {**new.__dict__, "tasks": Jsonb(new.tasks)},
    )
    row = await cursor.fetchone()
    assert row, "an insert returns its row"  # noqa: S101  # for the type checker
    return row


async def by_id(connection: Connection, upload_id: str, *, owner: UUID | None) -> UploadRow | None:
    """Return an upload; `owner` None: whosever it is."""
    cursor = connection.cursor(row_factory=class_row(UploadRow))
    await cursor.execute(
        sql.SQL(
            "SELECT {} FROM uploads WHERE id = %(id)s "
            "AND (%(owner)s::uuid IS NULL OR owner = %(owner)s)"
        ).format(_COLUMNS),
        {"id": upload_id, "owner": owner},
    )
    return await cursor.fetchone()


async def lease(
    connection: Connection, upload_id: str, token: UUID, *, seconds: float
) -> UploadRow | None:
    """Take or extend the right to write; None while somebody else has it."""
    cursor = connection.cursor(row_factory=class_row(UploadRow))
    await cursor.execute(
        sql.SQL(
            """
            UPDATE uploads SET
                lease = %(token)s, leased_until = now() + make_interval(secs => %(seconds)s)
            WHERE id = %(id)s
                AND (lease IS NULL OR lease = %(token)s OR leased_until <= now())
            RETURNING {}
            """
        ).format(_COLUMNS),
        {"id": upload_id, "token": token, "seconds": seconds},
    )
    return await cursor.fetchone()


async def release(connection: Connection, upload_id: str, token: UUID) -> None:
    """Give back the right to write."""
    await connection.execute(
        "UPDATE uploads SET lease = NULL, leased_until = NULL WHERE id = %s AND lease = %s",
        [upload_id, token],
    )


async def park(
    connection: Connection, upload_id: str, token: UUID, *, received: int, parked: str
) -> bool:
    """Note how much has come, if the right to write is still ours."""
    cursor = await connection.execute(
        """
        UPDATE uploads SET
            received = %(received)s, parked = %(parked)s,
            leased_until = greatest(leased_until, now() + interval '30 seconds')
        WHERE id = %(id)s AND lease = %(token)s AND status = 'waiting'
        """,
        {"id": upload_id, "token": token, "received": received, "parked": parked},
    )
    return cursor.rowcount == 1


async def complete(  # noqa: PLR0913  # what is known now
    connection: Connection,
    upload_id: str,
    *,
    key: str,
    size: int,
    sha256: str,
    facts: dict[str, Any],
    task_ids: Sequence[str],
) -> UploadRow | None:
    """Note that all of it is there; None if it waits no more."""
    cursor = connection.cursor(row_factory=class_row(UploadRow))
    await cursor.execute(
        sql.SQL(
            """
            UPDATE uploads SET
                status = 'completed', key = %(key)s, size = %(size)s, received = %(size)s,
                parked = NULL, sha256 = %(sha256)s, facts = %(facts)s, task_ids = %(task_ids)s,
                tasks = '[]', finished_at = now()
            WHERE id = %(id)s AND status = 'waiting'
            RETURNING {}
            """
        ).format(_COLUMNS),
        {
            "id": upload_id,
            "key": key,
            "size": size,
            "sha256": sha256,
            "facts": Jsonb(facts),
            "task_ids": list(task_ids),
        },
    )
    return await cursor.fetchone()


async def end(
    connection: Connection, upload_id: str, *, status: str, error: dict[str, Any] | None = None
) -> UploadRow | None:
    """End an upload without a file; None if it waits no more."""
    cursor = connection.cursor(row_factory=class_row(UploadRow))
    await cursor.execute(
        sql.SQL(
            """
            UPDATE uploads SET
                status = %(status)s, error = %(error)s, finished_at = now(), tasks = '[]'
            WHERE id = %(id)s AND status = 'waiting'
            RETURNING {}
            """
        ).format(_COLUMNS),
        {"id": upload_id, "status": status, "error": Jsonb(error) if error else None},
    )
    return await cursor.fetchone()


async def to_look_for(connection: Connection, *, limit: int) -> list[UploadRow]:
    """Return direct uploads whose bytes may be there though nobody said so, the newest first."""
    cursor = connection.cursor(row_factory=class_row(UploadRow))
    await cursor.execute(
        sql.SQL(
            """
            SELECT {} FROM uploads
            WHERE status = 'waiting' AND via = 'direct' AND created_at < now() - interval '5 s'
                AND (leased_until IS NULL OR leased_until <= now())
            ORDER BY created_at DESC LIMIT %s
            """
        ).format(_COLUMNS),
        [limit],
    )
    return await cursor.fetchall()


async def to_clear(connection: Connection, *, limit: int) -> list[UploadRow]:
    """Return uploads of which bytes may be left: those that expired, and all others later.

    A signed URL writes as long as it is valid, whatever became of its upload meanwhile.
    """
    cursor = connection.cursor(row_factory=class_row(UploadRow))
    await cursor.execute(
        sql.SQL(
            """
            SELECT {} FROM uploads
            WHERE cleared_at IS NULL AND expires_at < now()
                AND (leased_until IS NULL OR leased_until <= now())
            ORDER BY expires_at LIMIT %s
            """
        ).format(_COLUMNS),
        [limit],
    )
    return await cursor.fetchall()


async def note_cleared(connection: Connection, upload_id: str) -> None:
    """Note that nothing is left of it."""
    await connection.execute(
        "UPDATE uploads SET cleared_at = now(), parked = NULL WHERE id = %s", [upload_id]
    )


async def forget(connection: Connection, *, limit: int) -> int:
    """Delete what was known of uploads that ended a week ago."""
    cursor = await connection.execute(
        """
        DELETE FROM uploads WHERE id IN (
            SELECT id FROM uploads
            WHERE cleared_at IS NOT NULL AND expires_at < now() - interval '7 days' LIMIT %s
        )
        """,
        [limit],
    )
    return cursor.rowcount
