"""Which sessions have ended while access tokens of theirs are still good.

Asking Postgres about each request would double what a request costs. Every replica reads the few
sessions that have ended lately, every second: that is how long an access token may outlive them.
"""

import asyncio
import logging
from typing import Final
from uuid import UUID

from darkroom_api.database import AWAY, Pool

_log = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 1.0


class EndedSessions:
    """Sessions that have ended within the life of an access token."""

    def __init__(self, pool: Pool, *, seconds: int) -> None:
        self._pool = pool
        self._seconds = seconds
        self._ended: frozenset[UUID] = frozenset()

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._ended

    def note(self, session_id: UUID) -> None:
        """Know at once what was ended by this replica."""
        self._ended |= {session_id}

    async def run(self) -> None:
        """Look again and again. While Postgres is away, what is known stays."""
        while True:
            try:
                await self.look()
            except AWAY as error:
                _log.warning("ended sessions cannot be read: %s", str(error).strip())
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Read them."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT id FROM sessions WHERE ended_at > now() - make_interval(secs => %s)",
                [self._seconds + 10],
            )
            self._ended = frozenset(row[0] for row in await cursor.fetchall())
