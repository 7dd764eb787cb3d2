"""Which mail a user wants: the SQL about it, and when the next digest is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.rows import class_row

from darkroom_api.database import Connection


@dataclass(frozen=True)
class Preferences:
    """A row of notification_preferences; these defaults are everybody's who has none."""

    on_success: bool = False
    on_failure: bool = False
    digest: bool = False
    digest_hour: int = 8
    timezone: str = "UTC"


def next_digest(now: datetime, *, hour: int, timezone: str) -> datetime:
    """Return the next time at which it is this hour there."""
    local = now.astimezone(ZoneInfo(timezone))
    today = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today > local else today + timedelta(days=1)


async def preferences_of(connection: Connection, owner: UUID) -> Preferences:
    """Return what this user wants."""
    cursor = connection.cursor(row_factory=class_row(Preferences))
    await cursor.execute(
        """
        SELECT on_success, on_failure, digest, digest_hour, timezone
        FROM notification_preferences WHERE owner = %s
        """,
        [owner],
    )
    return await cursor.fetchone() or Preferences()


async def set_preferences(
    connection: Connection, owner: UUID, wanted: Preferences, *, next_digest_at: datetime | None
) -> None:
    """Change what this user wants. The first digest is about what ends from now on."""
    await connection.execute(
        """
        INSERT INTO notification_preferences AS known (
            owner, on_success, on_failure, digest, digest_hour, timezone, next_digest_at
        )
        VALUES (%(owner)s, %(on_success)s, %(on_failure)s, %(digest)s, %(digest_hour)s,
            %(timezone)s, %(next)s)
        ON CONFLICT (owner) DO UPDATE SET
            on_success = excluded.on_success, on_failure = excluded.on_failure,
            digest = excluded.digest, digest_hour = excluded.digest_hour,
            timezone = excluded.timezone, next_digest_at = excluded.next_digest_at,
            digest_after = CASE WHEN known.digest THEN known.digest_after ELSE now() END,
            updated_at = now()
        """,
        {"owner": owner, "next": next_digest_at, **vars(wanted)},
    )


async def want_nothing(connection: Connection, owner: UUID) -> None:
    """Send this user no mail about tasks any more."""
    await connection.execute(
        """
        UPDATE notification_preferences
        SET on_success = false, on_failure = false, digest = false, next_digest_at = NULL,
            updated_at = now()
        WHERE owner = %s
        """,
        [owner],
    )
