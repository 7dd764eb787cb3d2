"""The SQL about API keys: one function, one statement."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from darkroom_api.database import Connection


@dataclass(frozen=True)
class KeyRow:
    """A row of api_keys, as far as it is shown."""

    id: UUID
    owner: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class Presented:
    """What is known of a key that somebody sent."""

    owner: UUID
    hash: bytes
    scopes: list[str]
    expires_at: datetime | None
    role: str
    is_revoked: bool
    is_expired: bool
    is_disabled: bool
    is_use_noted: bool
    """Whether its use was written down within the last minute."""


_COLUMNS: Final = sql.SQL(", ".join(column.name for column in fields(KeyRow)))


async def insert(  # noqa: PLR0913  # the columns
    connection: Connection,
    *,
    key_id: UUID,
    owner: UUID,
    name: str,
    key_hash: bytes,
    scopes: Sequence[str],
    expires_at: datetime | None,
) -> KeyRow:
    """Add a key."""
    cursor = connection.cursor(row_factory=class_row(KeyRow))
    await cursor.execute(
        sql.SQL(
            """
            INSERT INTO api_keys (id, owner, name, hash, scopes, expires_at)
            VALUES (%s, %s, %s, %s, %s, %s)
            RETURNING {}
            """
        ).format(_COLUMNS),
        [key_id, owner, name, key_hash, list(scopes), expires_at],
    )
    row = await cursor.fetchone()
    assert row, "an insert returns its row"  # noqa: S101  # for the type checker
    return row


async def count_usable(connection: Connection, owner: UUID) -> int:
    """Count the owner's keys that may be used, with their row locked until the transaction ends."""
    cursor = await connection.execute(
        """
        SELECT (
            SELECT count(*) FROM api_keys
            WHERE owner = users.id AND revoked_at IS NULL
                AND (expires_at IS NULL OR expires_at > now())
        )
        FROM users WHERE id = %s FOR NO KEY UPDATE
        """,
        [owner],
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def of_owner(connection: Connection, owner: UUID, *, limit: int) -> list[KeyRow]:
    """Return the owner's keys, newest first, those that are usable before the others."""
    cursor = connection.cursor(row_factory=class_row(KeyRow))
    await cursor.execute(
        sql.SQL(
            """
            SELECT {} FROM api_keys WHERE owner = %s
            ORDER BY revoked_at IS NOT NULL, created_at DESC, id DESC
            LIMIT %s
            """
        ).format(_COLUMNS),
        [owner, limit],
    )
    return await cursor.fetchall()


async def by_id(connection: Connection, key_id: UUID, *, owner: UUID | None) -> KeyRow | None:
    """Return the key, if it is this owner's (None: anybody's)."""
    cursor = connection.cursor(row_factory=class_row(KeyRow))
    await cursor.execute(
        sql.SQL(
            """
            SELECT {} FROM api_keys
            WHERE id = %(id)s AND (%(owner)s::uuid IS NULL OR owner = %(owner)s)
            """
        ).format(_COLUMNS),
        {"id": key_id, "owner": owner},
    )
    return await cursor.fetchone()


async def revoke(connection: Connection, key_id: UUID) -> bool:
    """End the key; return whether it was usable until now."""
    cursor = await connection.execute(
        "UPDATE api_keys SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL", [key_id]
    )
    return cursor.rowcount > 0


async def presented(connection: Connection, key_id: UUID) -> Presented | None:
    """Return what is known of a key, and its owner as they are now."""
    cursor = connection.cursor(row_factory=class_row(Presented))
    await cursor.execute(
        """
        SELECT owner, hash, scopes, expires_at, role,
            revoked_at IS NOT NULL AS is_revoked,
            coalesce(expires_at <= now(), false) AS is_expired,
            disabled_at IS NOT NULL AS is_disabled,
            coalesce(last_used_at > now() - interval '1 minute', false) AS is_use_noted
        FROM api_keys JOIN users ON users.id = api_keys.owner
        WHERE api_keys.id = %s
        """,
        [key_id],
    )
    return await cursor.fetchone()


async def note_use(connection: Connection, key_id: UUID) -> None:
    """Note that the key was used, unless somebody has done so within a minute."""
    await connection.execute(
        """
        UPDATE api_keys SET last_used_at = now()
        WHERE id = %s AND (last_used_at IS NULL OR last_used_at <= now() - interval '1 minute')
        """,
        [key_id],
    )


async def forget_revoked(connection: Connection) -> int:
    """Delete keys that were revoked three months ago: nobody looks for them any more."""
    cursor = await connection.execute(
        "DELETE FROM api_keys WHERE revoked_at < now() - interval '90 days'"
    )
    return cursor.rowcount
