"""Deletes, now and then, what nobody looks for any more; that two replicas do so is harmless."""

import asyncio
import logging
import random
from typing import Final

import psycopg
import psycopg_pool

from darkroom_api.api_keys import queries as api_keys
from darkroom_api.audit import queries as audit_queries
from darkroom_api.database import Pool
from darkroom_api.limits import queries as limits
from darkroom_api.oidc import queries as oidc

_log = logging.getLogger(__name__)
_SECONDS: Final = 3600


async def forget_for_ever(pool: Pool, *, audit_days: int) -> None:
    """Do so every hour, until it is canceled."""
    while True:
        # Not all replicas at once.
        await asyncio.sleep(_SECONDS * random.uniform(0.5, 1))  # noqa: S311  # no secret
        try:
            await forget(pool, audit_days=audit_days)
        except (psycopg.Error, psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed) as error:
            _log.warning("what is old is not deleted yet: %s", str(error).strip())


async def forget(pool: Pool, *, audit_days: int) -> None:
    """Delete old buckets, logins that were never finished, revoked keys, and old audit events."""
    async with pool.connection() as connection:
        await limits.forget_full_buckets(connection)
        await oidc.forget_logins(connection)
        await api_keys.forget_revoked(connection)
        await audit_queries.forget_old(connection, days=audit_days)
