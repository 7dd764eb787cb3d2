"""Passwords: argon2id with the numbers that OWASP gives, a few at a time."""

import secrets
from typing import Final

import anyio
from anyio.to_thread import run_sync
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_AT_ONCE: Final = 2


class Passwords:
    """Hashes and checks passwords. Each takes 19 MiB, so a crowd of logins waits in line."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._limiter = anyio.CapacityLimiter(_AT_ONCE)
        self._nobodys = self._hasher.hash(secrets.token_hex())

    async def hashed(self, password: str) -> str:
        """Return the hash to store."""
        return await run_sync(self._hasher.hash, password, limiter=self._limiter)

    async def are_equal(self, password_hash: str | None, password: str) -> bool:
        """Whether it is this password; without a hash, no, after the same time."""
        expected = password_hash or self._nobodys
        is_right = await run_sync(self._verify, expected, password, limiter=self._limiter)
        return is_right and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other numbers than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
