"""The one connection by which Postgres tells a replica that something is new."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import psycopg
from psycopg import AsyncConnection

from darkroom_api.database import connection_options

_log = logging.getLogger(__name__)

_TASKS: Final = "darkroom_tasks"
_SOONEST: Final = 0.05
_LATEST: Final = 2.0


class Listener:
    """Calls `hear` with the id of a task that changed, or with None if it may be anything."""

    def __init__(self, url: str, hear: Callable[[str | None], None]) -> None:
        self.is_listening = False
        self._url = url
        self._hear = hear

    async def run(self) -> None:
        """Listen, again and again if the connection is lost."""
        pause = _SOONEST
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                _log.warning("Postgres is not heard: %s", str(error).strip())
            finally:
                pause = _SOONEST if self.is_listening else pause
                self.is_listening = False
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LATEST)

    async def _listen(self) -> None:
        connection = await AsyncConnection.connect(
            self._url, **connection_options("darkroom-api-events")
        )
        async with connection:
            await connection.execute("LISTEN darkroom_events")
            await connection.execute("LISTEN darkroom_tasks")
            self.is_listening = True
            # Nobody told what happened before.
            self._hear(None)
            async for notice in connection.notifies():
                self._hear(notice.payload if notice.channel == _TASKS else "")
