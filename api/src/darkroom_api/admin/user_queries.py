"""The SQL about users as admins see and change them: one function, one statement."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from darkroom_api.database import Connection


@dataclass(frozen=True)
class ManagedUser:
    """A user, without secrets."""

    id: UUID
    email: str
    role: str
    disabled_at: datetime | None
    quota: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class UserPosition:
    """A place in the list: after this user."""

    created_at: datetime
    id: UUID


_COLUMNS: Final = sql.SQL(", ").join(sql.Identifier(field.name) for field in fields(ManagedUser))


async def users_page(  # noqa: PLR0913  # the list's filters
    connection: Connection,
    *,
    email: str | None,
    role: str | None,
    is_disabled: bool | None,
    after: UserPosition | None,
    limit: int,
) -> list[ManagedUser]:
    """Return users, the newest first."""
    conditions = [sql.SQL("true")]
    if email:
        conditions.append(sql.SQL("strpos(email, lower(%(email)s)) > 0"))
    if role:
        conditions.append(sql.SQL("role = %(role)s"))
    if is_disabled is not None:
        conditions.append(
            sql.SQL("disabled_at IS NOT NULL" if is_disabled else "disabled_at IS NULL")
        )
    if after:
        conditions.append(sql.SQL("(created_at, id) < (%(created_at)s, %(id)s)"))
    cursor = connection.cursor(row_factory=class_row(ManagedUser))
    await cursor.execute(
        sql.SQL(
            "SELECT {} FROM users WHERE {} ORDER BY created_at DESC, id DESC LIMIT %(limit)s"
        ).format(_COLUMNS, sql.SQL(" AND ").join(conditions)),
        {
            "email": email,
            "role": role,
            "limit": limit,
            "created_at": after and after.created_at,
            "id": after and after.id,
        },
    )
    return await cursor.fetchall()


async def managed_user(
    connection: Connection, user_id: UUID, *, is_to_change: bool = False
) -> ManagedUser | None:
    """Return the user; who is to be changed is locked until the transaction ends."""
    cursor = connection.cursor(row_factory=class_row(ManagedUser))
    await cursor.execute(
        sql.SQL("SELECT {} FROM users WHERE id = %s {}").format(
            _COLUMNS, sql.SQL("FOR UPDATE" if is_to_change else "")
        ),
        [user_id],
    )
    return await cursor.fetchone()


async def change_user(
    connection: Connection,
    user_id: UUID,
    *,
    role: str,
    is_disabled: bool,
    quota: dict[str, Any],
) -> ManagedUser:
    """Give the user these values."""
    cursor = connection.cursor(row_factory=class_row(ManagedUser))
    await cursor.execute(
        sql.SQL(
            """
            UPDATE users SET role = %(role)s, quota = %(quota)s, updated_at = now(),
                disabled_at = CASE WHEN %(is_disabled)s THEN coalesce(disabled_at, now()) END
            WHERE id = %(id)s RETURNING {}
            """
        ).format(_COLUMNS),
        {
            "id": user_id,
            "role": role,
            "is_disabled": is_disabled,
            "quota": Jsonb(quota),
        },
    )
    row = await cursor.fetchone()
    assert row  # noqa: S101  # it is locked
    return row


async def other_admins(connection: Connection, user_id: UUID) -> int:
    """Count the admins that are left without this one, and keep them as they are meanwhile."""
    cursor = await connection.execute(
        """
        SELECT count(*) FROM (
            SELECT 1 FROM users
            WHERE role = 'admin' AND disabled_at IS NULL AND id <> %s FOR SHARE
        ) AS others
        """,
        [user_id],
    )
    row = await cursor.fetchone()
    return row[0] if row else 0
