"""The SQL about users: one function, one statement."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from darkroom_api.database import Connection


@dataclass(frozen=True)
class UserRow:
    """A row of users."""

    id: UUID
    email: str
    password_hash: str | None
    role: str
    created_at: datetime
    email_verified_at: datetime | None
    disabled_at: datetime | None


_COLUMNS: Final = sql.SQL(", ").join(sql.Identifier(field.name) for field in fields(UserRow))


async def insert_user(
    connection: Connection, *, user_id: UUID, email: str, password_hash: str
) -> UserRow | None:
    """Add a user; None if the address is taken."""
    cursor = connection.cursor(row_factory=class_row(UserRow))
    await cursor.execute(
        sql.SQL(
            """
            INSERT INTO users (id, email, password_hash) VALUES (%s, %s, %s)
            ON CONFLICT (email) DO NOTHING
            RETURNING {}
            """
        ).format(_COLUMNS),
        [user_id, email, password_hash],
    )
    return await cursor.fetchone()


async def user_by_email(connection: Connection, email: str) -> UserRow | None:
    """Return the user with this (normalised) address."""
    cursor = connection.cursor(row_factory=class_row(UserRow))
    await cursor.execute(sql.SQL("SELECT {} FROM users WHERE email = %s").format(_COLUMNS), [email])
    return await cursor.fetchone()


async def user_by_id(connection: Connection, user_id: UUID) -> UserRow | None:
    """Return the user."""
    cursor = connection.cursor(row_factory=class_row(UserRow))
    await cursor.execute(sql.SQL("SELECT {} FROM users WHERE id = %s").format(_COLUMNS), [user_id])
    return await cursor.fetchone()


async def set_password_hash(connection: Connection, *, user_id: UUID, password_hash: str) -> None:
    """Replace the user's hash."""
    await connection.execute(
        "UPDATE users SET password_hash = %s, updated_at = now() WHERE id = %s",
        [password_hash, user_id],
    )


async def renew_password_hash(
    connection: Connection, *, user_id: UUID, old: str | None, new: str
) -> bool:
    """Replace this hash of the same password; return whether it still was the user's."""
    cursor = await connection.execute(
        """
        UPDATE users SET password_hash = %s, updated_at = now()
        WHERE id = %s AND password_hash = %s
        """,
        [new, user_id, old],
    )
    return cursor.rowcount == 1


async def upsert_admin(
    connection: Connection, *, user_id: UUID, email: str, password_hash: str
) -> UUID:
    """Make the address' user an admin with this password, who may get in; return their id."""
    cursor = await connection.execute(
        """
        INSERT INTO users (id, email, password_hash, role, email_verified_at)
        VALUES (%s, %s, %s, 'admin', now())
        ON CONFLICT (email) DO UPDATE
        SET password_hash = excluded.password_hash, role = 'admin', disabled_at = NULL,
            email_verified_at = coalesce(users.email_verified_at, now()), updated_at = now()
        RETURNING id
        """,
        [user_id, email, password_hash],
    )
    row = await cursor.fetchone()
    assert row  # noqa: S101  # it is inserted or updated
    return UUID(str(row[0]))


async def note_verified(connection: Connection, user_id: UUID) -> None:
    """Note that the user has proven their address."""
    await connection.execute(
        """
        UPDATE users SET email_verified_at = coalesce(email_verified_at, now()), updated_at = now()
        WHERE id = %s
        """,
        [user_id],
    )
