"""What is mailed to prove that an address is somebody's: good once, for a while."""

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from darkroom_api.database import Connection

_BYTES: Final = 32


class Purpose(StrEnum):
    """What a token is good for."""

    RESET_PASSWORD = "reset_password"  # noqa: S105  # a word
    VERIFY_EMAIL = "verify_email"


MINUTES: Final = {Purpose.RESET_PASSWORD: 30, Purpose.VERIFY_EMAIL: 24 * 60}


@dataclass(frozen=True)
class Proven:
    """Whose address is proven."""

    user_id: UUID
    email: str


async def issue(connection: Connection, *, user_id: UUID, email: str, purpose: Purpose) -> str:
    """Return a new token; earlier ones for the same purpose are good no more."""
    token = secrets.token_urlsafe(_BYTES)
    async with connection.transaction():
        await connection.execute(
            "DELETE FROM one_time_tokens WHERE user_id = %s AND purpose = %s", [user_id, purpose]
        )
        await connection.execute(
            """
            INSERT INTO one_time_tokens (hash, user_id, purpose, email, expires_at)
            VALUES (%s, %s, %s, %s, now() + make_interval(mins => %s))
            """,
            [_hash(token), user_id, purpose, email, MINUTES[purpose]],
        )
    return token


async def redeem(connection: Connection, token: str, purpose: Purpose) -> Proven | None:
    """Use a token up; None if it is not good, or its user's address is another now."""
    cursor = connection.cursor(row_factory=class_row(Proven))
    await cursor.execute(
        """
        DELETE FROM one_time_tokens AS token USING users
        WHERE hash = %s AND purpose = %s AND expires_at > now()
            AND users.id = token.user_id AND users.email = token.email AND disabled_at IS NULL
        RETURNING token.user_id, token.email
        """,
        [_hash(token), purpose],
    )
    return await cursor.fetchone()


async def forget_old(connection: Connection) -> None:
    """Delete what is good no more."""
    await connection.execute("DELETE FROM one_time_tokens WHERE expires_at < now()")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
