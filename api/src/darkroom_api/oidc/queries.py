"""The SQL about users of an OpenID provider, and about logins that are under way."""

from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import class_row

from darkroom_api.database import Connection


@dataclass(frozen=True)
class Known:
    """A user, as far as it matters to who comes by the provider."""

    id: UUID
    role: str
    is_disabled: bool
    is_verified: bool
    """Whether they have shown that the address is theirs."""


@dataclass(frozen=True)
class Login:
    """A login that was under way."""

    nonce: str
    verifier: str
    redirect_uri: str


async def by_subject(connection: Connection, issuer: str, subject: str) -> Known | None:
    """Return the user that this person is."""
    cursor = connection.cursor(row_factory=class_row(Known))
    await cursor.execute(
        """
        SELECT users.id, role, disabled_at IS NOT NULL AS is_disabled,
            email_verified_at IS NOT NULL AS is_verified
        FROM oidc_subjects JOIN users ON users.id = user_id
        WHERE issuer = %s AND subject = %s
        """,
        [issuer, subject],
    )
    return await cursor.fetchone()


async def by_email(connection: Connection, email: str) -> Known | None:
    """Return the user with this (normalised) address, whose row stays locked."""
    cursor = connection.cursor(row_factory=class_row(Known))
    await cursor.execute(
        """
        SELECT id, role, disabled_at IS NOT NULL AS is_disabled,
            email_verified_at IS NOT NULL AS is_verified
        FROM users WHERE email = %s FOR NO KEY UPDATE
        """,
        [email],
    )
    return await cursor.fetchone()


async def insert_user(connection: Connection, *, user_id: UUID, email: str) -> bool:
    """Add a user without a password, whose address the provider has verified, if it is free."""
    cursor = await connection.execute(
        """
        INSERT INTO users (id, email, email_verified_at) VALUES (%s, %s, now())
        ON CONFLICT (email) DO NOTHING
        """,
        [user_id, email],
    )
    return cursor.rowcount > 0


async def link(connection: Connection, issuer: str, subject: str, *, user_id: UUID) -> None:
    """Remember which user this person is. Of two who do so at once the first is right."""
    await connection.execute(
        """
        INSERT INTO oidc_subjects (issuer, subject, user_id) VALUES (%s, %s, %s)
        ON CONFLICT (issuer, subject) DO NOTHING
        """,
        [issuer, subject, user_id],
    )


async def insert_login(  # noqa: PLR0913  # the columns
    connection: Connection,
    *,
    state_hash: bytes,
    browser_hash: bytes,
    nonce: str,
    verifier: str,
    redirect_uri: str,
    seconds: int,
) -> None:
    """Note that a login has begun."""
    await connection.execute(
        """
        INSERT INTO oidc_logins
            (state_hash, browser_hash, nonce, verifier, redirect_uri, expires_at)
        VALUES (%s, %s, %s, %s, %s, now() + make_interval(secs => %s))
        """,
        [state_hash, browser_hash, nonce, verifier, redirect_uri, seconds],
    )


async def take_login(
    connection: Connection, *, state_hash: bytes, browser_hash: bytes
) -> Login | None:
    """Return the login that this browser began, once."""
    cursor = connection.cursor(row_factory=class_row(Login))
    await cursor.execute(
        """
        DELETE FROM oidc_logins
        WHERE state_hash = %s AND browser_hash = %s AND expires_at > now()
        RETURNING nonce, verifier, redirect_uri
        """,
        [state_hash, browser_hash],
    )
    return await cursor.fetchone()


async def forget_logins(connection: Connection) -> int:
    """Delete logins that were never finished."""
    cursor = await connection.execute("DELETE FROM oidc_logins WHERE expires_at < now()")
    return cursor.rowcount
