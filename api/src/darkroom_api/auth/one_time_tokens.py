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


MOST_AT_ONCE: Final = 5
PAUSE_SECONDS: Final = 60
MINUTES: Final = {Purpose.RESET_PASSWORD: 30, Purpose.VERIFY_EMAIL: 24 * 60}


@dataclass(frozen=True)
class Proven:
    """Whose address is proven."""

    user_id: UUID
    email: str


async def issue(
    connection: Connection, *, user_id: UUID, email: str, purpose: Purpose
) -> str | None:
    """Return a new token beside those that are good already; None if they had one lately.

    Whoever knows the address may ask: neither its mailbox nor the tokens in it are theirs to spoil.
    """
    token = secrets.token_urlsafe(_BYTES)
    async with connection.transaction():
        # Requests at the same time take turns.
        await connection.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", [user_id])
        cursor = await connection.execute(
            """
            INSERT INTO one_time_tokens (hash, user_id, purpose, email, expires_at)
            SELECT %(hash)s, %(user_id)s, %(purpose)s, %(email)s,
                clock_timestamp() + make_interval(mins => %(minutes)s)
            FROM (
                SELECT count(*) AS live, max(created_at) AS newest FROM one_time_tokens
                WHERE user_id = %(user_id)s AND purpose = %(purpose)s
                    AND expires_at > clock_timestamp()
            ) AS earlier
            WHERE live < %(most)s AND (
                newest IS NULL OR newest < clock_timestamp() - make_interval(secs => %(pause)s)
            )
            """,
            {
                "hash": _hash(token),
                "user_id": user_id,
                "purpose": purpose,
                "email": email,
                "minutes": MINUTES[purpose],
                "most": MOST_AT_ONCE,
                "pause": PAUSE_SECONDS,
            },
        )
    return token if cursor.rowcount else None


async def redeem(connection: Connection, token: str, purpose: Purpose) -> Proven | None:
    """Use a token up, and with it the others for the same purpose.

    None if it is not good, or its user's address is another now.
    """
    cursor = connection.cursor(row_factory=class_row(Proven))
    await cursor.execute(
        """
        WITH good AS (
            DELETE FROM one_time_tokens AS token USING users
            WHERE hash = %(hash)s AND purpose = %(purpose)s AND expires_at > now()
                AND users.id = token.user_id AND users.email = token.email AND disabled_at IS NULL
            RETURNING token.user_id, token.email
        ), others AS (
            DELETE FROM one_time_tokens AS other USING good
            WHERE other.user_id = good.user_id AND purpose = %(purpose)s AND hash <> %(hash)s
        )
        SELECT user_id, email FROM good
        """,
        {"hash": _hash(token), "purpose": purpose},
    )
    return await cursor.fetchone()


async def forget_old(connection: Connection) -> None:
    """Delete what is good no more."""
    await connection.execute("DELETE FROM one_time_tokens WHERE expires_at < now()")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
