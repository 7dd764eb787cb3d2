"""What is open for accounts while the application runs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from darkroom_core.background import running

from darkroom_api.auth import one_time_tokens, session_queries, sign_in_tries
from darkroom_api.auth.ended_sessions import EndedSessions
from darkroom_api.auth.signing_keys import SigningKeys
from darkroom_api.auth.tokens import Tokens
from darkroom_api.database import AWAY, Pool
from darkroom_api.settings import Settings

_log = logging.getLogger(__name__)
_FIRST_LOOK_SECONDS: Final = 5
_TIDY_SECONDS: Final = 3600
_HISTORY_SECONDS: Final = 90 * 86_400


@dataclass(frozen=True)
class Accounts:
    """What makes and reads access tokens."""

    keys: SigningKeys
    ended: EndedSessions
    tokens: Tokens


@asynccontextmanager
async def open_accounts(settings: Settings, pool: Pool) -> AsyncIterator[Accounts]:
    """Read the keys and the ended sessions, and keep both up to date."""
    keys = SigningKeys(
        pool,
        settings.jwt_key.get_secret_value(),
        lifetime=timedelta(days=settings.signing_key_days),
        tokens=timedelta(seconds=settings.access_token_seconds),
    )
    ended = EndedSessions(pool, seconds=settings.access_token_seconds)
    first = asyncio.gather(keys.look(), ended.look())
    try:
        # Without Postgres the application starts all the same, and lets nobody in yet.
        await asyncio.wait_for(first, _FIRST_LOOK_SECONDS)
    except (*AWAY, TimeoutError) as error:
        _log.warning("accounts are not open yet: %s", str(error).strip())
    async with running(keys.run(), ended.run(), _tidy(pool)):
        yield Accounts(keys, ended, Tokens(keys, ended, seconds=settings.access_token_seconds))


async def _tidy(pool: Pool) -> None:
    """Delete what says nothing to anybody any more. Replicas may do so at the same time."""
    while True:
        try:
            async with pool.connection() as connection:
                await session_queries.forget_old(connection, seconds=_HISTORY_SECONDS)
                await one_time_tokens.forget_old(connection)
                await sign_in_tries.forget_old(connection)
        except AWAY as error:
            _log.warning("old sessions were not deleted: %s", str(error).strip())
        await asyncio.sleep(_TIDY_SECONDS)
