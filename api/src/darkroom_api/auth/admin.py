"""The admin of the settings: made, and kept as the settings say, when the API starts."""

import asyncio
import logging
import uuid
from typing import Final

import psycopg
import psycopg_pool

from darkroom_api.auth import queries, session_queries
from darkroom_api.auth.identity import Role
from darkroom_api.auth.passwords import Passwords
from darkroom_api.database import Connection, Pool
from darkroom_api.settings import Settings

_log = logging.getLogger(__name__)
_RETRY_SECONDS: Final = 2


async def ensure_admin(pool: Pool, passwords: Passwords, settings: Settings) -> None:
    """Make sure that the admin exists with the password of the settings. Doing it again is fine."""
    if not settings.admin_email or not settings.admin_password:
        return
    email = settings.admin_email
    password = settings.admin_password.get_secret_value()
    async with pool.connection() as connection:
        user = await queries.user_by_email(connection, email)
        if (
            user
            and user.role == Role.ADMIN.value
            and await passwords.are_equal(user.password_hash, password)
        ):
            return
        await make_admin(connection, email, await passwords.hashed(password))
    _log.info("the admin %s has the password of the settings", email)


async def make_admin(connection: Connection, email: str, password_hash: str) -> None:
    """Make the address' user an admin with this password; sessions with another one end."""
    async with connection.transaction():
        user_id = await queries.upsert_admin(
            connection, user_id=uuid.uuid4(), email=email, password_hash=password_hash
        )
        await session_queries.end_all(connection, user_id)


async def ensure_admin_soon(pool: Pool, passwords: Passwords, settings: Settings) -> None:
    """Do so as soon as Postgres answers."""
    while True:
        try:
            await ensure_admin(pool, passwords, settings)
        except (psycopg.Error, psycopg_pool.PoolTimeout) as error:
            _log.warning("the admin is not made yet: %s", str(error).strip())
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return
