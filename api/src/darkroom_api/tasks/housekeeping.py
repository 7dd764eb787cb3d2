"""What becomes due by time alone: Cancel-After, old Idempotency-Keys, deleted tasks, empty batches.

Every replica does it, a little at a time; the clock is Postgres's, and who comes second finds
nothing left to do.
"""

import asyncio
import logging
from typing import Final

from darkroom_api.batches.queries import delete_empty
from darkroom_api.database import AWAY, Pool
from darkroom_api.idempotency import queries as idempotency
from darkroom_api.tasks import deletion
from darkroom_api.tasks.cancellation import cancel_overdue
from darkroom_api.tasks.submitter import Submitter

_log = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 1.0
_BATCH: Final = 500
# What nobody waits for is looked for less often.
_SELDOM: Final = 60


async def keep_house(pool: Pool, submitter: Submitter) -> None:
    """Go on until cancelled."""
    turn = 0
    while True:
        try:
            await _cancel(pool, submitter)
            if turn % _SELDOM == 0:
                await tidy(pool)
        except AWAY as error:
            _log.warning("housekeeping is put off: %s", str(error).strip())
        turn += 1
        await asyncio.sleep(_PAUSE_SECONDS)


async def _cancel(pool: Pool, submitter: Submitter) -> None:
    async with pool.connection() as connection:
        while canceled := await cancel_overdue(connection, limit=_BATCH):
            submitter.wake()
            if canceled < _BATCH:
                return


async def tidy(pool: Pool) -> None:
    """Delete what is of no use to anybody any more."""
    async with pool.connection() as connection:
        for delete in (
            idempotency.delete_expired,
            deletion.forget,
            delete_empty,
        ):
            while await delete(connection, limit=_BATCH) == _BATCH:
                pass
