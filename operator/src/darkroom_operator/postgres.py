"""One connection to Postgres that is made again whenever it is needed and not there.

Not a pool: one statement at a time is what the mirror wants, and a pool's own attempts to
reconnect back off for a minute and more, while a mirror should catch up within seconds.
"""

import asyncio
from typing import Any, Final, LiteralString

import psycopg

_CONNECT_SECONDS: Final = 5
_STATEMENT_SECONDS: Final = 15


class Postgres:
    """A database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._lock = asyncio.Lock()

    async def fetch(
        self, query: LiteralString, parameters: tuple[Any, ...] = ()
    ) -> list[tuple[Any, ...]]:
        """Run one statement, committed by itself, and return its rows.

        Raises OperationalError, InterfaceError or TimeoutError while Postgres is away.
        """
        async with self._lock:
            try:
                async with asyncio.timeout(_STATEMENT_SECONDS):
                    connection = await self._connect()
                    cursor = await connection.execute(query, parameters)
                    return await cursor.fetchall()
            except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError):
                await self._drop()
                raise

    async def close(self) -> None:
        """Say good-bye."""
        async with self._lock:
            await self._drop()

    async def _connect(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._url,
                autocommit=True,
                connect_timeout=_CONNECT_SECONDS,
                application_name="darkroom-operator",
            )
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
