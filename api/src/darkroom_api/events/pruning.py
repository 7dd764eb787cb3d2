"""Removes old events, a few at a time; replicas leave each other alone."""

import asyncio
import logging
from typing import Final

import psycopg

from darkroom_api.database import AWAY, Pool
from darkroom_api.events import queries

_log = logging.getLogger(__name__)

_EVERY_SECONDS: Final = 600
_AT_A_TIME: Final = 1000


async def keep_pruned(pool: Pool, *, keep_seconds: float) -> None:
    """Remove what is older, every ten minutes, until canceled."""
    while True:
        try:
            await prune_all(pool, keep_seconds=keep_seconds)
        except (psycopg.Error, *AWAY) as error:
            _log.warning("old events cannot be removed: %s", str(error).strip())
        await asyncio.sleep(_EVERY_SECONDS)


async def prune_all(pool: Pool, *, keep_seconds: float) -> int:
    """Remove what is older, and return how many events that were."""
    removed = 0
    while True:
        async with pool.connection() as connection:
            found = await queries.prune(connection, keep_seconds=keep_seconds, limit=_AT_A_TIME)
        removed += found
        if found < _AT_A_TIME:
            return removed
