"""Reads API keys, and remembers them for so short a time that nobody has to be told."""

import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from darkroom_api.api_keys import queries
from darkroom_api.api_keys.key import PREFIX, ApiKey, parsed
from darkroom_api.auth.identity import SCOPES_OF, Identity, Role, Scope
from darkroom_api.database import Pool
from darkroom_api.errors import UnauthorizedError

SECONDS: Final = 2
"""How long another replica may go on with a key that was revoked here."""
_MOST: Final = 10_000


class ApiKeys:
    """The reader of tokens that begin with `dk_`."""

    def __init__(self, pool: Pool, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._known: dict[UUID, tuple[float, bytes, Identity]] = {}

    async def identity(self, token: str) -> Identity | None:
        """Return whom the key stands for, or raise UnauthorizedError."""
        if not token.startswith(PREFIX):
            return None
        key = parsed(token)
        if key is None:
            raise UnauthorizedError("this is not an API key")
        now = self._clock()
        known = self._known.get(key.id)
        if known and known[0] > now and hmac.compare_digest(known[1], key.hash):
            return known[2]
        identity = await self._looked_up(key)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key.id] = (now + SECONDS, key.hash, identity)
        return identity

    def forget(self, key_id: UUID) -> None:
        """Look the key up again, since it was changed."""
        self._known.pop(key_id, None)

    async def _looked_up(self, key: ApiKey) -> Identity:
        async with self._pool.connection() as connection:
            row = await queries.presented(connection, key.id)
            if row is None or not hmac.compare_digest(row.hash, key.hash):
                raise UnauthorizedError("the API key is not valid")
            if refusal := _refusal(row):
                raise UnauthorizedError(refusal)
            if not row.is_use_noted:
                await queries.note_use(connection, key.id)
        role = Role(row.role)
        return Identity(
            row.owner,
            role,
            # Whatever the key was made for: its owner may have lost a role since.
            frozenset(Scope(scope) for scope in row.scopes if scope in _WORDS) & SCOPES_OF[role],
            via="api_key",
            key_id=key.id,
            expires_at=row.expires_at,
        )


_WORDS: Final = frozenset(scope.value for scope in Scope)


def _refusal(row: queries.Presented) -> str | None:
    if row.is_revoked:
        return "the API key was revoked"
    if row.is_expired and row.expires_at:
        return f"the API key expired at {row.expires_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if row.is_disabled:
        return "the account is disabled"
    return None


def is_past(moment: datetime | None) -> bool:
    """Whether a key with this expiry would be of no use."""
    return moment is not None and moment <= datetime.now(UTC)
