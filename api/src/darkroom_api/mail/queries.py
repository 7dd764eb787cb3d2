"""The SQL about mails that were sent: one function, one statement."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from darkroom_api.database import Connection
from darkroom_api.deliveries.queries import Claim


@dataclass(frozen=True)
class MailRow:
    """A mail, as admins see it: without what it says."""

    id: str
    recipient: str
    template: str
    status: str
    attempts: int
    error: str | None
    created_at: datetime
    finished_at: datetime | None


async def note_sent(connection: Connection, claim: Claim) -> None:
    """Note that it was sent, and forget what it said: it may have carried a key."""
    await connection.execute(
        """
        UPDATE deliveries
        SET status = 'succeeded', body = '{}', error = NULL, finished_at = now()
        WHERE id = %s AND tries = %s AND status = 'pending'
        """,
        [claim.id, claim.tries],
    )


async def note_refused(connection: Connection, claim: Claim, error: str) -> None:
    """Note that it will not be sent, and forget what it said."""
    await connection.execute(
        """
        UPDATE deliveries SET status = 'failed', body = '{}', error = %s, finished_at = now()
        WHERE id = %s AND tries = %s AND status = 'pending'
        """,
        [error, claim.id, claim.tries],
    )


async def note_previewed(connection: Connection, claims: list[Claim]) -> None:
    """Note that these are only looked at."""
    await connection.execute(
        """
        UPDATE deliveries SET status = 'previewed', finished_at = now()
        WHERE id = ANY(%s) AND status = 'pending'
        """,
        [[claim.id for claim in claims]],
    )


async def newest_mails(connection: Connection, *, limit: int) -> list[MailRow]:
    """Return the newest mails."""
    cursor = connection.cursor(row_factory=class_row(MailRow))
    await cursor.execute(
        """
        SELECT id, recipient, type AS template, status, attempts, error, created_at, finished_at
        FROM deliveries WHERE kind = 'mail' ORDER BY position DESC LIMIT %s
        """,
        [limit],
    )
    return await cursor.fetchall()


@dataclass(frozen=True)
class Previewed:
    """A mail that was not sent, with all that it says."""

    template: str
    body: str


async def previewed_mail(connection: Connection, mail_id: str) -> Previewed | None:
    """Return a mail that is only looked at."""
    cursor = connection.cursor(row_factory=class_row(Previewed))
    await cursor.execute(
        """
        SELECT type AS template, body FROM deliveries
        WHERE id = %s AND kind = 'mail' AND status = 'previewed'
        """,
        [mail_id],
    )
    return await cursor.fetchone()
