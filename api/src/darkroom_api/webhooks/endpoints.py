"""The SQL about endpoints and secrets: one function, one statement."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row, scalar_row

from darkroom_api.database import Connection


@dataclass(frozen=True)
class EndpointRow:
    """A row of webhook_endpoints, as far as it is shown."""

    id: str
    owner: UUID
    url: str
    description: str | None
    types: list[str]
    previous_secret_until: datetime | None
    disabled_at: datetime | None
    disabled_because: str | None
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime


_COLUMNS: Final = sql.SQL(", ".join(field.name for field in fields(EndpointRow)))


async def insert_endpoint(  # noqa: PLR0913  # the columns
    connection: Connection,
    *,
    endpoint_id: str,
    owner: UUID,
    url: str,
    description: str | None,
    types: list[str],
    secret: bytes,
    most: int,
) -> EndpointRow | None:
    """Add an endpoint; None if the owner has as many as anybody may have."""
    cursor = connection.cursor(row_factory=class_row(EndpointRow))
    await cursor.execute(
        sql.SQL(
            """
            INSERT INTO webhook_endpoints (id, owner, url, description, types, secret)
            SELECT %s, %s, %s, %s, %s, %s
            WHERE (SELECT count(*) FROM webhook_endpoints WHERE owner = %s) < %s
            RETURNING {}
            """
        ).format(_COLUMNS),
        [endpoint_id, owner, url, description, types, secret, owner, most],
    )
    return await cursor.fetchone()


async def endpoints(connection: Connection, owner: UUID) -> list[EndpointRow]:
    """Return the owner's endpoints, the newest first."""
    cursor = connection.cursor(row_factory=class_row(EndpointRow))
    await cursor.execute(
        sql.SQL(
            "SELECT {} FROM webhook_endpoints WHERE owner = %s ORDER BY created_at DESC, id DESC"
        ).format(_COLUMNS),
        [owner],
    )
    return await cursor.fetchall()


async def endpoint(connection: Connection, endpoint_id: str, owner: UUID) -> EndpointRow | None:
    """Return one of the owner's endpoints."""
    cursor = connection.cursor(row_factory=class_row(EndpointRow))
    await cursor.execute(
        sql.SQL("SELECT {} FROM webhook_endpoints WHERE id = %s AND owner = %s").format(_COLUMNS),
        [endpoint_id, owner],
    )
    return await cursor.fetchone()


async def change_endpoint(  # noqa: PLR0913  # the columns
    connection: Connection,
    endpoint_id: str,
    owner: UUID,
    *,
    url: str,
    description: str | None,
    types: list[str],
    is_enabled: bool,
) -> EndpointRow | None:
    """Change an endpoint. Enabling one that was disabled forgets that it failed."""
    cursor = connection.cursor(row_factory=class_row(EndpointRow))
    await cursor.execute(
        sql.SQL(
            """
            UPDATE webhook_endpoints SET
                url = %(url)s, description = %(description)s, types = %(types)s,
                disabled_at = CASE WHEN %(is_enabled)s THEN NULL
                    ELSE coalesce(disabled_at, now()) END,
                disabled_because = CASE WHEN %(is_enabled)s THEN NULL
                    ELSE coalesce(disabled_because, 'asked') END,
                failing_since = CASE WHEN %(is_enabled)s AND disabled_at IS NOT NULL THEN NULL
                    ELSE failing_since END,
                updated_at = now()
            WHERE id = %(id)s AND owner = %(owner)s
            RETURNING {}
            """
        ).format(_COLUMNS),
        {
            "url": url,
            "description": description,
            "types": types,
            "is_enabled": is_enabled,
            "id": endpoint_id,
            "owner": owner,
        },
    )
    return await cursor.fetchone()


async def delete_endpoint(connection: Connection, endpoint_id: str, owner: UUID) -> bool:
    """Remove an endpoint and the log of what it was told; False if there is none."""
    cursor = await connection.execute(
        "DELETE FROM webhook_endpoints WHERE id = %s AND owner = %s", [endpoint_id, owner]
    )
    return cursor.rowcount > 0


async def rotate_secret(
    connection: Connection, endpoint_id: str, owner: UUID, *, secret: bytes, grace_seconds: int
) -> EndpointRow | None:
    """Give an endpoint another secret; for a while the one before signs too."""
    cursor = connection.cursor(row_factory=class_row(EndpointRow))
    await cursor.execute(
        sql.SQL(
            """
            UPDATE webhook_endpoints SET
                previous_secret = secret,
                previous_secret_until = now() + make_interval(secs => %s),
                secret = %s, updated_at = now()
            WHERE id = %s AND owner = %s
            RETURNING {}
            """
        ).format(_COLUMNS),
        [grace_seconds, secret, endpoint_id, owner],
    )
    return await cursor.fetchone()


async def rotate_default_secret(
    connection: Connection, owner: UUID, *, secret: bytes, grace_seconds: int
) -> datetime | None:
    """Give the owner another default secret; return until when the one before signs too."""
    cursor = connection.cursor(row_factory=scalar_row)
    await cursor.execute(
        """
        INSERT INTO webhook_default_secrets AS known (owner, secret)
        VALUES (%(owner)s, %(secret)s)
        ON CONFLICT (owner) DO UPDATE SET
            previous_secret = known.secret,
            previous_secret_until = now() + make_interval(secs => %(grace)s),
            secret = excluded.secret
        RETURNING previous_secret_until
        """,
        {"owner": owner, "secret": secret, "grace": grace_seconds},
    )
    until: datetime | None = await cursor.fetchone()
    return until


async def ensure_default_secret(connection: Connection, owner: UUID, secret: bytes) -> bytes:
    """Return the owner's default secret, which is this one if there was none."""
    cursor = connection.cursor(row_factory=scalar_row)
    await cursor.execute(
        """
        INSERT INTO webhook_default_secrets AS known (owner, secret) VALUES (%s, %s)
        ON CONFLICT (owner) DO UPDATE SET secret = known.secret
        RETURNING secret
        """,
        [owner, secret],
    )
    found = await cursor.fetchone()
    return bytes(found or b"")


async def note_working(connection: Connection, endpoint_id: str) -> None:
    """Forget that an endpoint failed."""
    await connection.execute(
        """
        UPDATE webhook_endpoints SET failing_since = NULL
        WHERE id = %s AND failing_since IS NOT NULL
        """,
        [endpoint_id],
    )


async def note_failing(connection: Connection, endpoint_id: str, *, days: int) -> bool:
    """Note a failure; return whether there was no success for so many days."""
    cursor = connection.cursor(row_factory=scalar_row)
    await cursor.execute(
        """
        UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, now())
        WHERE id = %s AND disabled_at IS NULL
        RETURNING failing_since < now() - make_interval(days => %s)
        """,
        [endpoint_id, days],
    )
    return bool(await cursor.fetchone())


@dataclass(frozen=True)
class Disabled:
    """An endpoint that was disabled just now, and who is told."""

    owner: UUID
    email: str
    url: str


async def disable(connection: Connection, endpoint_id: str, because: str) -> Disabled | None:
    """Disable an endpoint; None if it was disabled already."""
    cursor = connection.cursor(row_factory=class_row(Disabled))
    await cursor.execute(
        """
        UPDATE webhook_endpoints AS e
        SET disabled_at = now(), disabled_because = %s, updated_at = now()
        FROM users AS u
        WHERE e.id = %s AND e.disabled_at IS NULL AND u.id = e.owner
        RETURNING e.owner, u.email, e.url
        """,
        [because, endpoint_id],
    )
    return await cursor.fetchone()


async def forget_task_url(connection: Connection, task_id: str) -> None:
    """Tell a task's own URL nothing more."""
    await connection.execute("DELETE FROM task_webhooks WHERE task_id = %s", [task_id])
