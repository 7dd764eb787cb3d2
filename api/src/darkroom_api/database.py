"""The connections to Postgres."""

import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
import psycopg_pool
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

Connection = AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]

AWAY: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg_pool.PoolTimeout,
    psycopg_pool.PoolClosed,
    psycopg_pool.TooManyRequests,
)
"""What is raised where Postgres does not answer."""

_WAIT_SECONDS: Final = 3
_STATEMENT_MS: Final = 10_000
# A replica that stands still must not keep its locks.
_IDLE_MS: Final = 120_000


@asynccontextmanager
async def open_pool(url: str, *, connections: int) -> AsyncIterator[Pool]:
    """Open a pool that outlives restarts of Postgres: who asks meanwhile waits 3 s at most.

    Connections are in autocommit: what needs a transaction opens one.
    """
    pool = AsyncConnectionPool(
        url,
        kwargs=connection_options("darkroom-api"),
        min_size=2,
        max_size=connections,
        timeout=_WAIT_SECONDS,
        max_idle=300,
        reconnect_timeout=60,
        check=_check,
        open=False,
    )
    await pool.open(wait=False)
    try:
        yield pool
    finally:
        await pool.close()


def connection_options(name: str) -> dict[str, Any]:
    """Return how every connection is made; Postgres shows the name to whoever looks."""
    return {
        "autocommit": True,
        "connect_timeout": _WAIT_SECONDS,
        "options": f"-c statement_timeout={_STATEMENT_MS}"
        f" -c idle_in_transaction_session_timeout={_IDLE_MS}",
        "application_name": name,
        # A server that vanished without a word is noticed within seconds.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }


async def _check(connection: Connection) -> None:
    """Notice a server that has gone, without a round trip for every request.

    An idle connection has nothing to read, unless the server closed it or has something to say.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        await AsyncConnectionPool.check_connection(connection)
