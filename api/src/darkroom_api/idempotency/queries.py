"""The SQL of idempotency keys: one function, one statement. The clock is Postgres's."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from darkroom_api.database import Connection


@dataclass(frozen=True)
class Place:
    """Whose key it is, and for which address."""

    principal: UUID
    route: str
    key: str


@dataclass(frozen=True)
class Stored:
    """A request that has this key; without a status it is still under way."""

    fingerprint: bytes | None
    status: int | None
    headers: dict[str, Any] | None
    body: bytes | None


async def hold(
    connection: Connection, place: Place, token: UUID, *, lease_seconds: float, expiry_seconds: int
) -> bool:
    """Take the key, if nobody has it, or who had it is gone, or its time is over."""
    cursor = await connection.execute(
        """
        INSERT INTO idempotency_keys AS known (
            principal, route, key, token, locked_until, expires_at
        )
        VALUES (
            %(principal)s, %(route)s, %(key)s, %(token)s,
            now() + make_interval(secs => %(lease)s), now() + make_interval(secs => %(expiry)s)
        )
        ON CONFLICT (principal, route, key) DO UPDATE SET
            token = EXCLUDED.token, locked_until = EXCLUDED.locked_until,
            expires_at = EXCLUDED.expires_at,
            fingerprint = NULL, status = NULL, headers = NULL, body = NULL
        WHERE known.expires_at <= now() OR (known.status IS NULL AND known.locked_until <= now())
        RETURNING true
        """,
        {
            **vars(place),
            "token": token,
            "lease": lease_seconds,
            "expiry": expiry_seconds,
        },
    )
    return await cursor.fetchone() is not None


async def stored(connection: Connection, place: Place) -> Stored | None:
    """Return what is known of the request that has the key."""
    cursor = connection.cursor(row_factory=class_row(Stored))
    await cursor.execute(
        """
        SELECT fingerprint, status, headers, body FROM idempotency_keys
        WHERE principal = %(principal)s AND route = %(route)s AND key = %(key)s
        """,
        vars(place),
    )
    return await cursor.fetchone()


async def extend(
    connection: Connection, place: Place, token: UUID, *, lease_seconds: float
) -> None:
    """Say that the request is still under way."""
    await connection.execute(
        """
        UPDATE idempotency_keys SET locked_until = now() + make_interval(secs => %(lease)s)
        WHERE principal = %(principal)s AND route = %(route)s AND key = %(key)s
            AND token = %(token)s AND status IS NULL
        """,
        {**vars(place), "token": token, "lease": lease_seconds},
    )


async def settle(  # noqa: PLR0913  # the answer's parts
    connection: Connection,
    place: Place,
    token: UUID,
    *,
    fingerprint: bytes,
    status: int,
    headers: dict[str, str],
    body: bytes,
) -> bool:
    """Write the answer down; False if the key was taken over meanwhile."""
    cursor = await connection.execute(
        """
        UPDATE idempotency_keys SET
            fingerprint = %(fingerprint)s, status = %(status)s, headers = %(headers)s,
            body = %(body)s
        WHERE principal = %(principal)s AND route = %(route)s AND key = %(key)s
            AND token = %(token)s AND status IS NULL
        """,
        {
            **vars(place),
            "token": token,
            "fingerprint": fingerprint,
            "status": status,
            "headers": Jsonb(headers),
            "body": body,
        },
    )
    return cursor.rowcount == 1


async def release(connection: Connection, place: Place, token: UUID) -> None:
    """Let the next request with this key be carried out as the first."""
    await connection.execute(
        """
        DELETE FROM idempotency_keys
        WHERE principal = %(principal)s AND route = %(route)s AND key = %(key)s
            AND token = %(token)s AND status IS NULL
        """,
        {**vars(place), "token": token},
    )


async def delete_expired(connection: Connection, *, limit: int) -> int:
    """Forget some of the keys whose time is over; return how many."""
    cursor = await connection.execute(
        """
        DELETE FROM idempotency_keys WHERE (principal, route, key) IN (
            SELECT principal, route, key FROM idempotency_keys
            WHERE expires_at <= now() ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
        )
        """,
        [limit],
    )
    return cursor.rowcount
