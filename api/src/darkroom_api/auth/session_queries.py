"""The SQL about sessions: one function, one statement."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from darkroom_api.auth.queries import UserRow
from darkroom_api.database import Connection


@dataclass(frozen=True)
class SessionRow:
    """A session, and what its user is now."""

    id: UUID
    user_id: UUID
    role: str
    generation: int


@dataclass(frozen=True)
class StaleRow:
    """A session whose refresh token is not the one that is good now."""

    user_id: UUID
    role: str
    generation: int
    seconds_since: float
    """Since the last rotation."""


@dataclass(frozen=True)
class ListedRow:
    """A session as its user sees it."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str | None
    user_agent: str | None


async def insert_session(  # noqa: PLR0913  # the columns
    connection: Connection,
    *,
    session_id: UUID,
    user: UserRow,
    seconds: int,
    address: str | None,
    user_agent: str | None,
) -> str | None:
    """Add a session of this user as they were read; return the role that they have now.

    None if meanwhile they were disabled or have another password: whoever changed it ended the
    sessions that there were, and counts on it that no other begins with the old one.
    """
    cursor = await connection.execute(
        """
        WITH now_ AS (
            SELECT id, role FROM users
            WHERE id = %s AND disabled_at IS NULL AND password_hash IS NOT DISTINCT FROM %s
            FOR SHARE
        )
        INSERT INTO sessions (id, user_id, expires_at, address, user_agent)
        SELECT %s, id, now() + make_interval(secs => %s), %s, %s FROM now_
        RETURNING (SELECT role FROM now_)
        """,
        [user.id, user.password_hash, session_id, seconds, address, user_agent],
    )
    row = await cursor.fetchone()
    return str(row[0]) if row else None


async def rotate(
    connection: Connection, *, session_id: UUID, generation: int, seconds: int
) -> SessionRow | None:
    """Let the next refresh token be the good one, if this one is it."""
    cursor = connection.cursor(row_factory=class_row(SessionRow))
    await cursor.execute(
        """
        UPDATE sessions SET
            generation = generation + 1, rotated_at = now(), last_used_at = now(),
            expires_at = now() + make_interval(secs => %s)
        FROM users
        WHERE sessions.id = %s AND generation = %s AND ended_at IS NULL AND expires_at > now()
            AND users.id = user_id AND disabled_at IS NULL
        RETURNING sessions.id, user_id, role, generation
        """,
        [seconds, session_id, generation],
    )
    return await cursor.fetchone()


async def stale(connection: Connection, session_id: UUID) -> StaleRow | None:
    """Return the session, if it is a live one of somebody who may get in."""
    cursor = connection.cursor(row_factory=class_row(StaleRow))
    await cursor.execute(
        """
        SELECT user_id, role, generation,
            extract(epoch FROM clock_timestamp() - rotated_at)::float8 AS seconds_since
        FROM sessions JOIN users ON users.id = user_id
        WHERE sessions.id = %s AND ended_at IS NULL AND expires_at > now()
            AND disabled_at IS NULL
        """,
        [session_id],
    )
    return await cursor.fetchone()


async def end(connection: Connection, session_id: UUID, *, user_id: UUID) -> bool:
    """End a session of this user; return whether it was one that had not ended."""
    cursor = await connection.execute(
        """
        UPDATE sessions SET ended_at = now()
        WHERE id = %s AND user_id = %s AND ended_at IS NULL
        """,
        [session_id, user_id],
    )
    return cursor.rowcount == 1


async def end_all(connection: Connection, user_id: UUID, *, but: UUID | None = None) -> list[UUID]:
    """End a user's sessions but one; return which have ended now."""
    cursor = await connection.execute(
        """
        UPDATE sessions SET ended_at = now()
        WHERE user_id = %s AND ended_at IS NULL AND id IS DISTINCT FROM %s::uuid
        RETURNING id
        """,
        [user_id, but],
    )
    return [row[0] for row in await cursor.fetchall()]


async def live_sessions(connection: Connection, user_id: UUID) -> list[ListedRow]:
    """Return a user's sessions that have not ended, the newest first."""
    cursor = connection.cursor(row_factory=class_row(ListedRow))
    await cursor.execute(
        """
        SELECT id, created_at, last_used_at, expires_at, address, user_agent FROM sessions
        WHERE user_id = %s AND ended_at IS NULL AND expires_at > now()
        ORDER BY created_at DESC, id DESC LIMIT 100
        """,
        [user_id],
    )
    return await cursor.fetchall()


async def is_known_address(connection: Connection, *, email: str, address: str) -> bool:
    """Whether this user has signed in from this address before."""
    cursor = await connection.execute(
        """
        SELECT EXISTS (
            SELECT FROM sessions JOIN users ON users.id = user_id
            WHERE email = %s AND address = %s
        )
        """,
        [email, address],
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def forget_old(connection: Connection, *, seconds: int) -> None:
    """Delete what ended, or ran out, longer ago than that."""
    await connection.execute(
        """
        DELETE FROM sessions
        WHERE least(ended_at, expires_at) < now() - make_interval(secs => %s)
        """,
        [seconds],
    )
