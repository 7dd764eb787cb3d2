"""Reads access tokens of the OpenID provider."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from darkroom_api.auth.identity import SCOPES_OF, Identity, Role
from darkroom_api.database import Pool
from darkroom_api.oidc.claims import access_claims, issuer_of
from darkroom_api.oidc.people import person_of, user_for
from darkroom_api.oidc.provider import Provider
from darkroom_api.oidc.queries import Known
from darkroom_api.oidc.settings import OidcSettings

SECONDS: Final = 2
"""How long a user's role is remembered."""
_MOST: Final = 10_000


class OidcTokens:
    """The reader of JWTs whose issuer is the provider."""

    def __init__(
        self,
        pool: Pool,
        provider: Provider,
        settings: OidcSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._provider = provider
        self._settings = settings
        self._clock = clock
        self._known: dict[str, tuple[float, Known]] = {}

    async def identity(self, token: str) -> Identity | None:
        """Return whom the token stands for, or raise UnauthorizedError."""
        issuer, audience = self._settings.issuer, self._settings.audience
        if issuer is None or audience is None or issuer_of(token) != issuer:
            return None
        claims = await access_claims(
            token,
            self._provider,
            issuer=issuer,
            audience=audience,
            algorithms=self._settings.allowed_algorithms,
        )
        known = await self._user(claims)
        role = Role(known.role)
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        return Identity(known.id, role, SCOPES_OF[role], via="oidc", expires_at=expires_at)

    async def _user(self, claims: dict[str, Any]) -> Known:
        now = self._clock()
        remembered = self._known.get(claims["sub"])
        if remembered and remembered[0] > now:
            return remembered[1]
        known = await user_for(self._pool, person_of(claims), self._settings, None)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[claims["sub"]] = (now + SECONDS, known)
        return known
